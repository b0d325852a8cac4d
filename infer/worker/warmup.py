"""Warm-up: infer until the times are steady."""

from collections.abc import Callable, Sequence
from statistics import median

from infer.worker.clock import Clock
from infer.worker.job import WarmUp

SMALLEST_WINDOW = 5


def warm_up(infer: Callable[[], object], limits: WarmUp, clock: Clock) -> bool:
    """Infer repeatedly until the times are steady.

    Returns:
        Whether the times became steady before the cap.
    """
    samples_ns: list[int] = []
    start_ns = clock.wall_ns()
    while True:
        before_ns = clock.wall_ns()
        infer()
        now_ns = clock.wall_ns()
        samples_ns.append(now_ns - before_ns)
        elapsed_ns = now_ns - start_ns
        enough = len(samples_ns) >= limits.calls and elapsed_ns >= limits.lasting_ns
        if enough and is_steady(samples_ns, limits.agreement):
            return True
        if elapsed_ns >= limits.cap_ns:
            return False


def is_steady(samples_ns: Sequence[int], agreement: float) -> bool:
    """Return whether the medians of the last quarter and the quarter before it agree within a relative difference."""
    window = max(SMALLEST_WINDOW, len(samples_ns) // 4)
    if len(samples_ns) < 2 * window:
        return False
    last, before = median(samples_ns[-window:]), median(samples_ns[-2 * window : -window])
    return abs(last - before) <= agreement * min(last, before)
