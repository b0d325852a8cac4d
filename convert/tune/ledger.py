"""The ledger: one line of JSON for each thing that was found, written the moment it was found.

A search that was killed reads it and asks only what is not known yet. Times are in it for the reader alone: those of
two runs are not compared.
"""

import json
import os
from pathlib import Path
from typing import Any

from contract.errors import InputError
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

    Raises:
        InputError: what lies there under its name is none.

    Attributes:
        entries: all that was found so far.
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
    """Read the ledger; the last line of a killed run may be unfinished, and is cut off.

    Raises:
        InputError: another line is none of a ledger; nothing is changed.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    whole = lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines
    try:
        entries = [Entry.model_validate(json.loads(line)) for line in whole]
    except ValueError as error:
        raise InputError(f"{path}: not a ledger of this version of tinybert tune", "choose another --out") from error
    if len(whole) < len(lines):
        os.truncate(path, sum(map(len, whole)))
    return entries
