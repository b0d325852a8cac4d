"""Writes answers to standard output, as text or JSON, or to a data file."""

import csv
import json as json_module
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from contract.data_file import format_of
from contract.errors import InputError
from contract.files import replacing
from contract.text import printable
from infer.predict.source import Question

Answered = Iterable[tuple[Question, Any]]
"""Questions with their answers: a frozen dataclass, or a list of them."""

PREFIX = "predicted_"


def show(answered: Answered, *, json: bool, all_scores: bool) -> None:
    """Print each answer on one line as soon as it is ready."""
    for question, answer in answered:
        value = values_of(answer, all_scores=all_scores)
        line = printable(to_json({**question.texts, **value})) if json else _line(question.example.text, value)
        print(line, flush=True)  # noqa: T201  # typer.echo checks the terminal each time


def check(path: Path) -> None:
    """Check that answers can be written to a file of this name.

    Raises:
        InputError: its suffix is not that of a supported format.
    """
    if str(path) == "-" or format_of(path) not in WRITERS or path.suffix == ".gz":
        raise InputError(f"{path}: cannot be written", f"name a file with one of: {', '.join(WRITERS)}")


def write(answered: Answered, path: Path, *, all_scores: bool) -> None:
    """Write rows with their answers; an older file is replaced when all are written.

    Raises:
        InputError: the rows already have a column with the name of an answer's.
    """
    rows = (
        {**question.row, **_prefixed(question.row, values_of(answer, all_scores=all_scores))}
        for question, answer in answered
    )
    with _replacing_text(path) as file:
        WRITERS[format_of(path)](file, rows)


def values_of(answer: Any, *, all_scores: bool = False) -> dict[str, Any]:
    """Return an answer's fields by name; a list is the field `entities`."""
    if isinstance(answer, list):
        return {"entities": [asdict(entity) for entity in answer]}
    values = asdict(answer)
    return values if all_scores else {name: value for name, value in values.items() if name != "scores"}


def to_json(value: Any) -> str:
    """Return a value as one line of JSON."""
    return json_module.dumps(value, ensure_ascii=False, default=str)


def _line(text: str, value: dict[str, Any]) -> str:
    return "\t".join([*map(_part, value.values()), _printable(text)])


def _part(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return printable(value if isinstance(value, str) else to_json(value))


def _printable(text: str) -> str:
    """Return a text on one line, without the characters that control a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _prefixed(row: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    prefixed = {f"{PREFIX}{name}": field for name, field in value.items()}
    for name in prefixed:
        if name in row:
            raise InputError(f"the rows already have a column {name!r}", "rename it")
    return prefixed


def _write_csv(file: TextIO, rows: Iterator[dict[str, Any]], **dialect: Any) -> None:
    first = next(rows, None)
    if first is None:
        raise InputError("no texts to answer", "write one text per row")
    writer = csv.DictWriter(file, fieldnames=list(first), lineterminator="\n", **dialect)
    writer.writeheader()
    for row in chain([first], rows):
        if unknown := row.keys() - first.keys():
            cause = f"a row has a column that the first does not have: {min(unknown)!r}"
            raise InputError(cause, "write a .jsonl file")
        writer.writerow({name: _cell(value) for name, value in row.items()})


def _write_tsv(file: TextIO, rows: Iterator[dict[str, Any]]) -> None:
    try:
        _write_csv(file, rows, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
    except csv.Error as error:
        raise InputError(f"a row holds a tab or a line break ({error})", "write a .csv or .jsonl file") from error


def _write_jsonl(file: TextIO, rows: Iterator[dict[str, Any]]) -> None:
    for row in rows:
        file.write(to_json(row) + "\n")


WRITERS: dict[str, Callable[[TextIO, Iterator[dict[str, Any]]], None]] = {
    "csv": _write_csv,
    "tsv": _write_tsv,
    "jsonl": _write_jsonl,
}


def _cell(value: Any) -> Any:
    return to_json(value) if isinstance(value, list | dict) else value


@contextmanager
def _replacing_text(path: Path) -> Iterator[TextIO]:
    with replacing(path) as binary:
        file = TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
        yield file
        file.flush()
        file.detach()
