"""The clock that measurements read; a scripted one takes its place in tests."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where times come from."""

    def wall_ns(self) -> int:
        """Return a time that never steps back, in nanoseconds."""

    def cpu_ns(self) -> int:
        """Return the processor time of all threads of this process, in nanoseconds."""


class SystemClock:
    """The clocks of the system."""

    def wall_ns(self) -> int:
        """Return the performance counter, which all processes of a machine share."""
        return time.perf_counter_ns()

    def cpu_ns(self) -> int:
        """Return the processor time of all threads of this process."""
        return time.process_time_ns()


SYSTEM = SystemClock()
