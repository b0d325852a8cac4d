"""The ledger: one line of JSON for each thing that was found, written the moment it was found.

A search that was killed reads it and asks only what is not known yet. Times are in it for the reader alone: those of
two runs are not compared.
"""

import json
import os
from pathlib import Path
from typing import Any

from contract.strict import Strict

FILE = "ledger.jsonl"


class Entry(Strict):
    """One line.

    Attributes:
        kind: `made`, `failed`, `judged`, `timed` or `chosen`.
        subject: the model or candidate in a few words.
        key: what it was found of; the same key has the same answer.
        found: the answer.
    """

    kind: str
    subject: str
    key: str
    found: dict[str, Any]


class Ledger:
    """The ledger of one output folder.

    Args:
        folder: that exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.entries = _read(self._path)
        self._known = {(entry.kind, entry.key): entry.found for entry in self.entries}

    def known(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return what was found before, if it was."""
        return self._known.get((kind, key))

    def write(self, kind: str, subject: str, key: str, found: dict[str, Any]) -> None:
        """Add a line, which then is on the disk."""
        entry = Entry(kind=kind, subject=subject, key=key, found=found)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(entry.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)
        self._known[(kind, key)] = found


def _read(path: Path) -> list[Entry]:
    """Read the lines that are whole; the last one of a killed run may not be, and is cut off."""
    if not path.is_file():
        return []
    entries, size_bytes = [], 0
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            entries.append(Entry.model_validate(json.loads(line)))
        except ValueError:
            break
        if not line.endswith(b"\n"):
            entries.pop()
            break
        size_bytes += len(line)
    os.truncate(path, size_bytes)
    return entries
