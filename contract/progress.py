"""Progress on stderr, so that stdout carries results only: bars on a terminal, lines in a log."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contract.options import is_quiet
from contract.text import printable

Advance = Callable[[int], None]

# In a log, one line for each tenth of the work, and at least one every half minute.
LOGGED_SHARE = 0.1
LOGGED_S = 30.0


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """Show progress while the block runs.

    Args:
        title: the work in a few words.
        total: number of units of work.

    Yields:
        A function to call with the number of units just done.
    """
    if _is_silent():
        yield lambda units: None
    elif sys.stderr.isatty():
        with _bar(title, total) as advance:
            yield advance
    else:
        now_s = time.monotonic()
        lines = _Lines(title, total, now_s, now_s)
        yield lines.advance
        lines.finish()


def note(text: str) -> None:
    """Print a note about the work in progress to stderr."""
    from rich.console import Console

    shown = "\n".join(map(printable, text.split("\n")))
    Console(stderr=True, highlight=False, quiet=_is_silent()).print(shown, markup=False, soft_wrap=True)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda units: progress.advance(task, units)


@dataclass
class _Lines:
    """Progress in a log, where a bar would show nothing for hours, and a line per unit would be too much."""

    title: str
    total: int
    started_s: float
    logged_s: float
    done: int = 0
    logged: int = 0

    def advance(self, units: int) -> None:
        self.done += units
        is_due = self.done - self.logged >= LOGGED_SHARE * self.total or time.monotonic() - self.logged_s >= LOGGED_S
        if is_due and self.done < self.total:
            elapsed_s = time.monotonic() - self.started_s
            left_s = elapsed_s / self.done * (self.total - self.done) if self.done else 0.0
            self._log(f"{self.done / self.total:.0%}, {_clock(elapsed_s)}, {_clock(left_s)} left")

    def finish(self) -> None:
        ended = "done in" if self.done >= self.total else "ended after"
        self._log(f"{ended} {_clock(time.monotonic() - self.started_s)}")

    def _log(self, state: str) -> None:
        self.logged, self.logged_s = self.done, time.monotonic()
        print(f"{self.title}: {self.done} of {self.total}, {state}", file=sys.stderr, flush=True)  # noqa: T201


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _is_silent() -> bool:
    """Return whether the user asked for silence, or this is not the first process of a launch."""
    return is_quiet() or os.environ.get("RANK", "0") != "0"
