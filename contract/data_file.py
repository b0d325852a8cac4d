"""Streams the rows of CSV, TSV, JSON Lines, Parquet and plain text files with their line numbers, guessing nothing."""

import csv
import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from contract.errors import InputError, needs_extra
from contract.strict import unique_keys

# A text may be longer than the 128 Ki characters that `csv` allows for a field by default.
csv.field_size_limit(sys.maxsize)
BATCH_ROWS = 1024
TEXT = "text"


class Row(NamedTuple):
    """A row: the number of its first line, and its values by column."""

    line: int
    values: dict[str, Any]


def rows(path: Path, file_format: str | None = None) -> Iterator[Row]:
    """Read the rows of a file lazily.

    Args:
        path: the file; `-` is standard input, with one text per line unless another format is given.
        file_format: a name in FORMATS; by the suffix if not given (a `.gz` after it is decompressed).

    Raises:
        InputError: the file does not exist or is not of that format; names the line.
    """
    reader = FORMATS[file_format or format_of(path)]
    if str(path) != "-" and not path.is_file():
        raise InputError(f"{path}: no such file", "check the path")
    try:
        yield from reader(path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read ({error})", "save it as UTF-8 text") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: cannot be read ({reason})", "correct the file, or name its format") from error


def format_of(path: Path) -> str:
    """Return the format of a file by its suffix.

    Raises:
        InputError: the suffix is unknown.
    """
    if str(path) == "-":
        return "txt"
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    name = suffixes[-1].removeprefix(".") if suffixes else ""
    if name not in FORMATS:
        raise InputError(f"{path}: unknown format {name!r}", f"known: {', '.join(FORMATS)}")
    return name


def _separated(path: Path, **dialect: Any) -> Iterator[Row]:
    with open_text(path, newline="") as file:
        lines = _lines(path, csv.reader(file, strict=True, **dialect))
        _, header = next(lines, (1, []))
        _check_header(path, header)
        for line, row in lines:
            if len(row) > len(header):
                cause = f"{path}:{line}: {len(row)} columns, the header has {len(header)}"
                raise InputError(cause, "remove separators from its texts, or quote them (CSV)")
            # The missing values of a short row are empty, and refused if they are needed.
            yield Row(line, dict(zip(header, row + [""] * (len(header) - len(row)), strict=True)))


def _csv(path: Path) -> Iterator[Row]:
    return _separated(path)


def _tsv(path: Path) -> Iterator[Row]:
    # As in GLUE, quotation marks are ordinary characters.
    return _separated(path, delimiter="\t", quoting=csv.QUOTE_NONE)


def _lines(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with the numbers of their first lines."""
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


def _jsonl(path: Path) -> Iterator[Row]:
    cure = 'write one object per line, such as {"text": "…", "label": 1}'
    # Only \n separates two objects: JSON strings may contain other line breaks.
    with open_text(path, newline="\n") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                row = json.loads(text, object_pairs_hook=unique_keys)
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
    with open_text(path, newline=None) as file:
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


def open_text(path: Path, newline: str | None) -> TextIO:
    """Open a text file, plain or .gz, or standard input; a byte order mark is skipped."""
    if str(path) == "-":
        return open(sys.stdin.fileno(), encoding="utf-8-sig", newline=newline, closefd=False)
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse two columns of the same name, which would be ambiguous."""
    repeated = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if repeated:
        raise InputError(f"{path}:1: two columns are named {repeated[0]!r}", "rename one of them")
