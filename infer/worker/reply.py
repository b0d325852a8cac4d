"""The replies of workers, validated strictly, because the model may have corrupted its worker."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contract.errors import InputError, WorkerError
from contract.files import open_regular
from contract.ragged import Ragged
from contract.strict import Count, Line, Positive, Strict, parse
from infer.outputs import Outputs
from infer.safety import npz

Document = TypeVar("Document", bound=Strict)


class Conditions(Strict):
    """Conditions on the machine at one moment; null: not reported by this machine.

    Attributes:
        load_average: load average over the last minute.
        steal_jiffies: time that the hypervisor gave to others since boot.
        involuntary_switches: involuntary context switches of the worker since its start.
        frequency_khz: mean current clock frequency of the cores.
        temperature_millicelsius: temperature of the hottest thermal zone.
        throttled_bits: Raspberry Pi's get_throttled word.
        on_battery: whether a battery is discharging.
        asleep_ns: time that the machine has slept since boot; null in records of earlier versions.
    """

    load_average: Annotated[float, Field(ge=0)] | None
    steal_jiffies: Count | None
    involuntary_switches: Count | None
    frequency_khz: Count | None
    temperature_millicelsius: int | None
    throttled_bits: Count | None
    on_battery: bool | None
    asleep_ns: Count | None = None


class Memory(Strict):
    """Resident memory of a fresh worker that times nothing.

    Attributes:
        started_bytes: the interpreter with NumPy.
        imported_bytes: with the runtime imported.
        loaded_bytes: with the model loaded.
        peak_bytes: the highest since the process began, after all inferences.
        source: the source of peak_bytes (`VmHWM`, or what the system offers instead).
    """

    started_bytes: Count
    imported_bytes: Count
    loaded_bytes: Count
    peak_bytes: Count
    source: Line


class LatencyReply(Strict):
    """The times of one block; the fields are those of bench.record.Block.

    Attributes:
        observed_ns: time between the readings of `before` and `after`.
    """

    process_ns: Count
    import_ns: Positive
    load_ns: Positive
    first_infer_ns: Positive
    tokenize_ns: tuple[Count, ...]
    infer_ns: tuple[Positive, ...]
    cpu_ns: Count
    warmup_stable: bool
    threads_observed: Positive | None
    before: Conditions
    after: Conditions
    observed_ns: Count

    @classmethod
    def read(cls, answer: dict[str, Any], _file: Path, source: str) -> Self:
        """Read a worker's answer; this kind comes without a file.

        Args:
            answer: the unchecked answer.
            source: the model's name, to begin an error with.

        Raises:
            WorkerError: the answer is invalid.
        """
        return _parsed(cls, answer, source)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputsReply:
    """The outputs for all sentences, and the memory they took."""

    process_ns: int
    outputs: Outputs
    memory: Memory

    @classmethod
    def read(cls, answer: dict[str, Any], file: Path, source: str) -> Self:
        """Read a worker's answer and the file it wrote.

        Args:
            answer: the unchecked answer.
            file: path of the .npz with the outputs.
            source: the model's name, to begin an error with.

        Raises:
            WorkerError: the answer or the file is invalid.
        """
        document = _parsed(_OutputsAnswer, answer, source)
        return cls(process_ns=document.process_ns, outputs=_read_outputs(file, source), memory=document.memory)


class _OutputsAnswer(Strict):
    """The answer that comes with a file of outputs."""

    process_ns: int
    memory: Memory


def _parsed(kind: type[Document], answer: dict[str, Any], source: str) -> Document:
    try:
        return parse(kind, answer, f"{source}: the worker's answer")
    except InputError as error:
        raise WorkerError(str(error)) from error


def _read_outputs(path: Path, source: str) -> Outputs:
    """Return the outputs of a worker's file, each with entries of shape (C,)."""
    try:
        with open_regular(path) as file:
            npz.check(file, path.stat().st_size, "its file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    except (InputError, OSError, ValueError) as error:
        raise WorkerError(f"{source}: the worker's outputs cannot be read ({error})") from error
    roles = sorted({name.rpartition(".")[0] for name in arrays})
    ragged = {role: _ragged(arrays.get(f"{role}.values"), arrays.get(f"{role}.offsets")) for role in roles}
    outputs = {role: array for role, array in ragged.items() if array is not None}
    counts = {len(array) for array in outputs.values()}
    if len(arrays) != 2 * len(outputs) or len(counts) != 1:
        content = ", ".join(f"{name}: {array.dtype} {array.shape}" for name, array in arrays.items()) or "nothing"
        raise WorkerError(f"{source}: the worker's outputs are invalid ({content})")
    return Outputs(arrays=outputs)


def _ragged(values: NDArray[Any] | None, offsets: NDArray[Any] | None) -> Ragged | None:
    if values is None or offsets is None:
        return None
    if values.dtype == np.float32 and values.ndim == 2 and offsets.dtype == np.int64:
        with suppress(ValueError):
            return Ragged(values=values, offsets=offsets)
    return None
