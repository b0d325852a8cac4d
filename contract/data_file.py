"""Rows of CSV, TSV, JSON Lines, Parquet and plain text files, one at a time, each with its line. Nothing is guessed."""

import csv
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from contract.errors import InputError, needs_extra

# A document may be longer than the 128 Ki characters that `csv` allows a field by default.
csv.field_size_limit(sys.maxsize)
BATCH_ROWS = 1024
TEXT = "text"


class Row(NamedTuple):
    """A row: the line it begins on, and its values by column."""

    line: int
    values: dict[str, Any]


def rows(path: Path, file_format: str | None = None) -> Iterator[Row]:
    """Read a file as its rows are asked for.

    Args:
        path: The file; `-` is standard input, a text a line unless another format is given.
        file_format: Of FORMATS; the suffix says it if not given (`.gz` behind it is unpacked).

    Raises:
        InputError: No such file, or it is not of that format; with its line.
    """
    reader = FORMATS[file_format or format_of(path)]
    if str(path) != "-" and not path.is_file():
        raise InputError(f"{path}: no such file", "check the path")
    try:
        yield from reader(path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read ({error})", "save it as UTF-8 text") from error
    except (OSError, EOFError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: cannot be read ({reason})", "correct the file, or name its format") from error


def format_of(path: Path) -> str:
    """Return the format that a file's suffix says.

    Raises:
        InputError: It says none that is known.
    """
    if str(path) == "-":
        return "txt"
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    name = suffixes[-1].removeprefix(".") if suffixes else ""
    if name not in FORMATS:
        raise InputError(f"{path}: unknown format {name!r}", f"known: {', '.join(FORMATS)}")
    return name


def _separated(path: Path, **dialect: Any) -> Iterator[Row]:
    with _opened(path, newline="") as file:
        lines = _lines(path, csv.reader(file, strict=True, **dialect))
        _, header = next(lines, (1, []))
        _check_header(path, header)
        for line, row in lines:
            if len(row) > len(header):
                cause = f"{path}:{line}: {len(row)} columns, the header has {len(header)}"
                raise InputError(cause, "take the separators out of its texts, or quote them (CSV)")
            # A short row has empty values, which are refused where they are asked for.
            yield Row(line, dict(zip(header, row + [""] * (len(header) - len(row)), strict=True)))


def _csv(path: Path) -> Iterator[Row]:
    return _separated(path)


def _tsv(path: Path) -> Iterator[Row]:
    return _separated(path, delimiter="\t", quoting=csv.QUOTE_NONE)


def _lines(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Give the lines that are not empty, with the number each begins on."""
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


def _jsonl(path: Path) -> Iterator[Row]:
    cure = 'write one object a line, such as {"text": "…", "label": 1}'
    # Of line breaks only \n separates two objects: JSON texts may contain the others.
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
            yield Row(line, row)


def _parquet(path: Path) -> Iterator[Row]:
    with needs_extra("distill"):
        from pyarrow import parquet
    with parquet.ParquetFile(path) as file:
        line = 0
        for batch in file.iter_batches(BATCH_ROWS):
            for values in batch.to_pylist():
                line += 1
                yield Row(line, values)


def _txt(path: Path) -> Iterator[Row]:
    with _opened(path, newline=None) as file:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield Row(line, {TEXT: text.rstrip("\n")})


FORMATS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "txt": _txt,
}


def _opened(path: Path, newline: str | None) -> TextIO:
    """Open a text file, plain or .gz, or standard input."""
    if str(path) == "-":
        return open(sys.stdin.fileno(), encoding="utf-8-sig", newline=newline, closefd=False)
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse a column that is named twice: which of them is meant cannot be known."""
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if twice:
        raise InputError(f"{path}:1: two columns are named {twice[0]!r}", "rename one of them")
