"""Reads the data's files as they stand: nothing is guessed of a column's type, and each row knows its line."""

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
from distill.data.table import Table

# Stands for a word where a document begins in the files of CoNLL-2003.
DOCUMENT = "-DOCSTART-"

# A document may be longer than the 128 Ki characters that `csv` allows a field by default.
csv.field_size_limit(sys.maxsize)


def read(path: Path, file_format: str, cure: str) -> Table:
    """Read a file.

    Args:
        path: the file.
        file_format: of READERS.
        cure: of a file without rows.

    Raises:
        InputError: no such file, no rows, it is not of that format, or two columns have one name; with its line.
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
    with _opened(path, newline="") as file:
        found = _rows(path, csv.reader(file, strict=True, **dialect))
        _, header = next(found, (1, []))
        _check_header(path, header)
        rows, lines = [], []
        for line, row in found:
            if len(row) > len(header):
                cause = f"{path}:{line}: {len(row)} columns, the header has {len(header)}"
                raise InputError(cause, "take the separators out of its texts, or quote them (CSV)")
            # A short row has empty values, which are refused where they are asked for.
            rows.append(row + [""] * (len(header) - len(row)))
            lines.append(line)
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    return Table(columns=dict(zip(header, columns, strict=True)), source=str(path), lines=lines)


def _rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Give the rows with the line that each begins on; an empty line is none."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            cure = 'write a text with quotation marks as "He said ""no""."'
            raise InputError(f"{path}:{line}: cannot be read ({error})", cure) from error
        if row is None:
            return
        if row:
            yield line, row


def _opened(path: Path, newline: str) -> TextIO:
    """Open a text file, plain or .gz."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse a column that is named twice: which of them is meant cannot be known."""
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if twice:
        raise InputError(f"{path}:1: two columns are named {twice[0]!r}", "rename one of them")


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
    cure = 'write one object a line, such as {"text": "…", "label": 1}'
    # Of line breaks only \n parts two objects: JSON texts may hold the others.
    with _opened(path, newline="\n") as file:
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
    return Table(columns=table.to_pydict(), source=str(path), lines=range(1, table.num_rows + 1))


def _conll(path: Path) -> Table:
    """Read a word a line, its tag in the last column, sentences parted by empty lines; a line -DOCSTART- is no word."""
    texts: list[object] = []
    labels: list[object] = []
    lines: list[int] = []
    with _opened(path, newline="\n") as file:
        sentence: list[tuple[str, str]] = []
        for line, text in enumerate(chain(file, [""]), start=1):
            # Where there are tabs they part the columns: a word may be a wide space.
            columns = text.rstrip("\r\n").split("\t") if "\t" in text else text.split()
            if not columns or columns[0] == DOCUMENT:
                if sentence:
                    texts.append([word for word, _ in sentence])
                    labels.append([tag for _, tag in sentence])
                    lines.append(line - len(sentence))
                    sentence = []
            elif len(columns) == 1:
                raise InputError(f"{path}:{line}: {columns[0]!r} has no tag", "write a word and its tag a line")
            else:
                sentence.append((columns[0], columns[-1]))
    return Table(columns={"text": texts, "label": labels}, source=str(path), lines=lines)


READERS: Mapping[str, Callable[[Path], Table]] = {
    # As GLUE has it: a quotation mark is a character like any other.
    "tsv": partial(_separated, delimiter="\t", quoting=csv.QUOTE_NONE),
    "csv": _separated,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "conll": _conll,
}
