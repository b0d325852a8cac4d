"""A runtime of scripted times, outputs and accidents, so that all around it is tested exactly and at once.

Its model file is a JSON script; every key may be left out.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from infer.folders.graph import LOGITS, Graph
from infer.runtimes import lengths
from infer.runtimes.protocol import Feed, Traits

TRAITS = Traits()
START_NS = 30_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What the fake does.

    Attributes:
        load_ns, first_infer_ns: how long these take.
        infer_ns: time of the second inference and those after it, over and over.
        cores: processor time by wall time.
        logits: logits by the second token id of a sentence modulo their number.
        accident: what happens at the first inference.
    """

    load_ns: int = 20_000_000
    first_infer_ns: int = 9_000_000
    infer_ns: tuple[int, ...] = (4_000_000,)
    cores: float = 1.0
    logits: tuple[tuple[float, ...], ...] = ((1.0, 0.0), (0.0, 1.0))
    accident: Literal["", "crash", "kill", "exit", "hang", "error", "chatter"] = ""


class ScriptedClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self._wall_ns = 0
        self._cpu_ns = 0

    def wall_ns(self) -> int:
        """Return the scripted time."""
        return self._wall_ns

    def cpu_ns(self) -> int:
        """Return the scripted processor time."""
        return self._cpu_ns

    def go_on(self, wall_ns: int, cores: float = 1.0) -> None:
        """Let time pass."""
        self._wall_ns += wall_ns
        self._cpu_ns += int(wall_ns * cores)


CLOCK = ScriptedClock()


def start() -> None:
    """Take the time an import takes."""
    CLOCK.go_on(START_NS)


def load(folder: Path, graph: Graph, *, threads: int) -> "FakeSession":
    """Read a script.

    Raises:
        ValueError: it has an unknown key.
    """
    del threads
    model = folder / graph.file
    values = json.loads(model.read_text(encoding="utf-8"))
    unknown = sorted(set(values) - {field.name for field in fields(Script)})
    if unknown:
        raise ValueError(f"{model}: unknown key {unknown[0]!r}")
    script = Script(**values)
    CLOCK.go_on(script.load_ns)
    return FakeSession(script, graph)


class FakeSession:
    """A script being played."""

    def __init__(self, script: Script, graph: Graph) -> None:
        self._script = script
        self._graph = graph
        self._inferred = 0

    def run(self, feed: Feed) -> Feed:
        """Let the scripted time pass and return the scripted logits, shape (B, C)."""
        script = self._script
        times = script.infer_ns
        if not self._inferred:
            _happen(script.accident)
        wall_ns = times[(self._inferred - 1) % len(times)] if self._inferred else script.first_infer_ns
        self._inferred += 1
        CLOCK.go_on(wall_ns, script.cores)
        rows = feed["input_ids"][:, 1] % len(script.logits)
        return {LOGITS: np.array([script.logits[row] for row in rows], dtype=np.float32)}

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)


def _happen(accident: str) -> None:
    accidents: dict[str, Callable[[], object]] = {
        "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "exit": lambda: os._exit(7),
        "hang": lambda: time.sleep(3600),
        "error": _error,
        "chatter": lambda: os.write(1, b"INFO: not a result\n"),
    }
    if accident:
        accidents[accident]()


def _error() -> None:
    sys.stderr.write("what the runtime said last\n")
    raise RuntimeError("the runtime failed")
