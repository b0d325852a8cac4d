"""The state of the machine and of a worker, as a worker tells them."""

from typing import Annotated

from pydantic import Field

from contract.strict import Count, Strict


class Conditions(Strict):
    """State of the machine at one moment; null where the machine does not tell.

    Attributes:
        load_average: of the last minute.
        steal_jiffies: time the hypervisor gave to others, since boot.
        involuntary_switches: context switches forced on the worker, since its start.
        frequency_khz: mean current clock of the cores.
        temperature_millicelsius: hottest thermal zone.
        throttled_bits: Raspberry Pi's get_throttled word.
        on_battery: true when a battery is discharging.
    """

    load_average: Annotated[float, Field(ge=0)] | None
    steal_jiffies: Count | None
    involuntary_switches: Count | None
    frequency_khz: Count | None
    temperature_millicelsius: int | None
    throttled_bits: Count | None
    on_battery: bool | None


class Memory(Strict):
    """Resident memory of a fresh worker that times nothing, in bytes.

    Attributes:
        started_bytes: the interpreter with NumPy.
        imported_bytes: with the runtime imported.
        loaded_bytes: with the model loaded.
        peak_bytes: the highest since the process began, after inferring.
        source: where peak_bytes is read (`VmHWM`, or what the system offers instead).
    """

    started_bytes: Count
    imported_bytes: Count
    loaded_bytes: Count
    peak_bytes: Count
    source: str
