"""When something was measured, by a clock that counts on through sleep and is never set."""

import time
from pathlib import Path
from typing import Annotated

from pydantic import Field

from contract.strict import Strict
from infer.worker.conditions import read_text

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moment(Strict):
    """A moment since the machine's last start.

    Attributes:
        boot: which start that was.
        seconds: time since then.
    """

    boot: str
    seconds: Annotated[float, Field(ge=0)]

    def is_within(self, seconds: float, now: "Moment") -> bool:
        """Return whether less than some seconds have passed until now, without a restart of the machine."""
        return self.boot == now.boot and 0 <= now.seconds - self.seconds < seconds


def now() -> Moment:
    """Return this moment."""
    boot = read_text(BOOT_ID).strip()
    if boot and hasattr(time, "CLOCK_BOOTTIME"):
        return Moment(boot=boot, seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    import psutil

    return Moment(boot=f"{psutil.boot_time():.0f}", seconds=time.monotonic())
