"""Read data files verbatim: column types are not guessed, and each row keeps its line number."""

import csv
import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from contract.errors import InputError, needs_extra
from distill.data import class_names
from distill.data.table import Table

# Marks the beginning of a document in the files of CoNLL-2003.
DOCUMENT_START = "-DOCSTART-"

# Documents can be longer than the default field limit of `csv`, 128 Ki characters.
csv.field_size_limit(sys.maxsize)


def read(path: Path, file_format: str, cure: str) -> Table:
    """Read a file.

    Args:
        path: the file.
        file_format: a key of READERS.
        cure: second half of the error message for a file without rows.

    Raises:
        InputError: no such file, no rows, not in the given format, or two columns with the same name; with its line.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", "check --data and the recipe's [data]")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: empty", cure)
    try:
        table = READERS[file_format](path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read ({error})", "save it as UTF-8 text") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        cause = f"{path}: cannot be read as {file_format} ({reason})"
        raise InputError(cause, "correct the file, or data.format") from error
    if not table.lines:
        raise InputError(f"{path}: no rows", cure)
    return table


def _separated(path: Path, **dialect: Any) -> Table:
    with _open(path, newline="") as file:
        numbered = _numbered_rows(path, csv.reader(file, strict=True, **dialect))
        _, header = next(numbered, (1, []))
        _check_header(path, header)
        rows, lines = [], []
        for line, row in numbered:
            if len(row) > len(header):
                cause = f"{path}:{line}: {len(row)} columns, the header has {len(header)}"
                raise InputError(cause, "remove separators from its texts, or quote them (CSV)")
            # Missing values at the end are empty; they are refused later if the column is needed.
            rows.append(row + [""] * (len(header) - len(row)))
            lines.append(line)
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    return Table(columns=dict(zip(header, columns, strict=True)), source=str(path), lines=lines)


def _numbered_rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line; empty lines are skipped."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            cure = 'quote a text that contains quotation marks like this: "He said ""no""."'
            raise InputError(f"{path}:{line}: cannot be read ({error})", cure) from error
        if row is None:
            return
        if row:
            yield line, row


def _open(path: Path, newline: str) -> TextIO:
    """Open a text file, plain or .gz."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse duplicate column names: it would be unclear which column is meant."""
    duplicates = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if duplicates:
        raise InputError(f"{path}:1: two columns are named {duplicates[0]!r}", "rename one of them")


def _jsonl(path: Path) -> Table:
    columns: dict[str, list[object]] = {}
    lines: list[int] = []
    for line, row in _objects(path):
        for name in row.keys() - columns.keys():
            columns[name] = [None] * len(lines)
        for name, values in columns.items():
            values.append(row.get(name))
        lines.append(line)
    return Table(columns=columns, source=str(path), lines=lines)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    cure = 'write one object per line, such as {"text": "…", "label": 1}'
    # Only \n separates two objects: JSON strings may contain the other line breaks.
    with _open(path, newline="\n") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                reason = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
                raise InputError(f"{path}:{line}: not valid JSON ({reason})", cure) from error
            if not isinstance(row, dict):
                raise InputError(f"{path}:{line}: not a JSON object", cure)
            yield line, row


def _parquet(path: Path) -> Table:
    with needs_extra("distill"):
        from pyarrow import parquet
    table = parquet.read_table(path)
    return Table(
        columns=table.to_pydict(),
        source=str(path),
        lines=range(1, table.num_rows + 1),
        class_names=class_names.of_metadata(table.schema.metadata),
    )


def _conll(path: Path) -> Table:
    """Read one word per line with its tag in the last column; sentences end at an empty or a -DOCSTART- line."""
    texts: list[object] = []
    labels: list[object] = []
    lines: list[int] = []
    with _open(path, newline="\n") as file:
        sentence: list[tuple[str, str]] = []
        for line, text in enumerate(chain(file, [""]), start=1):
            # If the line has tabs, only they separate columns: a word can be an ideographic space.
            columns = text.rstrip("\r\n").split("\t") if "\t" in text else text.split()
            if not columns or columns[0] == DOCUMENT_START:
                if sentence:
                    texts.append([word for word, _ in sentence])
                    labels.append([tag for _, tag in sentence])
                    lines.append(line - len(sentence))
                    sentence = []
            elif len(columns) == 1 or not columns[-1].strip():
                raise InputError(f"{path}:{line}: no tag for {columns[0]!r}", "write a word and its tag on each line")
            else:
                sentence.append((columns[0], columns[-1]))
    return Table(columns={"text": texts, "label": labels}, source=str(path), lines=lines)


READERS: Mapping[str, Callable[[Path], Table]] = {
    # As in GLUE, quotation marks are ordinary characters.
    "tsv": partial(_separated, delimiter="\t", quoting=csv.QUOTE_NONE),
    "csv": _separated,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "conll": _conll,
}
