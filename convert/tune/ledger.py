"""The ledger of a search: one line of JSON for each result, written as soon as it is known.

A restarted search reads the ledger and only works on what is missing. Latencies are recorded for information only, as
those of different runs are not comparable.
"""

import json
import os
from pathlib import Path
from typing import Any

from contract.errors import InputError
from contract.strict import Strict

FILE = "ledger.jsonl"


class Entry(Strict):
    """A line of the ledger.

    Attributes:
        kind: `made`, `failed`, `judged`, `timed` or `chosen`.
        subject: a short description of the model or candidate.
        key: everything that the result depends on.
        found: the result.
    """

    kind: str
    subject: str
    key: str
    found: dict[str, Any]


class Ledger:
    """The ledger in an output folder.

    Args:
        folder: an existing folder.

    Raises:
        InputError: the file in the folder is not a ledger.

    Attributes:
        entries: all results so far.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.entries = _read(self._path)
        self._results = {(entry.kind, entry.key): entry.found for entry in self.entries}

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return a recorded result, or None."""
        return self._results.get((kind, key))

    def write(self, kind: str, subject: str, key: str, result: dict[str, Any]) -> None:
        """Append a line, which is on the disk when this returns."""
        entry = Entry(kind=kind, subject=subject, key=key, found=result)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(entry.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)
        self._results[(kind, key)] = result


def _read(path: Path) -> list[Entry]:
    """Read the ledger, and remove an incomplete last line, which a killed search may leave.

    Raises:
        InputError: another line is invalid; the file is not changed.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    complete = lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines
    try:
        entries = [Entry.model_validate(json.loads(line)) for line in complete]
    except ValueError as error:
        raise InputError(f"{path}: not a ledger of this version of tinybert tune", "choose another --out") from error
    if len(complete) < len(lines):
        os.truncate(path, sum(map(len, complete)))
    return entries
