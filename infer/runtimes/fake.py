"""A runtime with scripted times, outputs and accidents, so that tests of everything around it are exact and fast.

Its model file is a JSON script; every key is optional.
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
    """A script.

    Attributes:
        load_ns, first_infer_ns: times of loading and of the first inference.
        infer_ns: times of the inferences after the first, repeated in turn.
        cores: processor time divided by wall time.
        logits: rows of logits; a sentence gets the row of its second token id modulo the number of rows.
        accident: the accident at the first inference.
    """

    load_ns: int = 20_000_000
    first_infer_ns: int = 9_000_000
    infer_ns: tuple[int, ...] = (4_000_000,)
    cores: float = 1.0
    logits: tuple[tuple[float, ...], ...] = ((1.0, 0.0), (0.0, 1.0))
    accident: Literal["", "crash", "kill", "exit", "hang", "error", "memory", "chatter"] = ""


class ScriptedClock:
    """A clock that only moves when it is advanced."""

    def __init__(self) -> None:
        self._wall_ns = 0
        self._cpu_ns = 0

    def wall_ns(self) -> int:
        """Return the scripted time."""
        return self._wall_ns

    def cpu_ns(self) -> int:
        """Return the scripted processor time."""
        return self._cpu_ns

    def advance(self, wall_ns: int, cores: float = 1.0) -> None:
        """Advance both times."""
        self._wall_ns += wall_ns
        self._cpu_ns += int(wall_ns * cores)


CLOCK = ScriptedClock()


def start() -> None:
    """Take the scripted time of an import."""
    CLOCK.advance(START_NS)


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
    CLOCK.advance(script.load_ns)
    return FakeSession(script, graph)


class FakeSession:
    """A session that follows a script."""

    def __init__(self, script: Script, graph: Graph) -> None:
        self._script = script
        self._graph = graph
        self._inferred = 0

    def run(self, feed: Feed) -> Feed:
        """Advance the clock by the scripted time and return the scripted logits, shape (B, C)."""
        script = self._script
        times = script.infer_ns
        if not self._inferred:
            _cause(script.accident)
        wall_ns = times[(self._inferred - 1) % len(times)] if self._inferred else script.first_infer_ns
        self._inferred += 1
        CLOCK.advance(wall_ns, script.cores)
        rows = feed["input_ids"][:, 1] % len(script.logits)
        return {LOGITS: np.array([script.logits[row] for row in rows], dtype=np.float32)}

    def padded_length(self, length_tokens: int) -> int:
        """Return the length that a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)


def _cause(accident: str) -> None:
    accidents: dict[str, Callable[[], object]] = {
        "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "exit": lambda: os._exit(7),
        "hang": lambda: time.sleep(3600),
        "error": _error,
        "memory": lambda: np.ones(2**30, dtype=np.uint8),
        "chatter": lambda: os.write(1, b"INFO: not a result\n"),
    }
    if accident:
        accidents[accident]()


def _error() -> None:
    sys.stderr.write("the last line of the runtime\n")
    raise RuntimeError("the runtime failed")
