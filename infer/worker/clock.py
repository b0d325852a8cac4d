"""The clock that measurements read; tests replace it by a scripted one."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of times."""

    def wall_ns(self) -> int:
        """Return a monotonic time in nanoseconds."""

    def cpu_ns(self) -> int:
        """Return the processor time of all threads of this process, in nanoseconds."""


class SystemClock:
    """The clocks of the system."""

    def wall_ns(self) -> int:
        """Return the performance counter, which all processes of the machine share."""
        return time.perf_counter_ns()

    def cpu_ns(self) -> int:
        """Return the processor time of all threads of this process."""
        return time.process_time_ns()


SYSTEM = SystemClock()
