"""Progress bars on stderr, so that stdout carries results only."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """Show a bar while the block runs.

    Args:
        title: what is being done, in a few words.
        total: how many units that is.

    Yields:
        A function that is told how many more units are done.
    """
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
    with Progress(*columns, console=Console(stderr=True, quiet=_silent())) as progress:
        task = progress.add_task(title, total=total)
        yield lambda units: progress.advance(task, units)


def note(text: str) -> None:
    """Tell the user something of the work under way, on stderr."""
    from rich.console import Console

    Console(stderr=True, highlight=False, quiet=_silent()).print(text, markup=False, soft_wrap=True)


def _silent() -> bool:
    """Tell whether another process of the same launch, the first one, does the talking."""
    return os.environ.get("RANK", "0") != "0"
