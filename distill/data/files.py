"""Read data files verbatim: column types are not guessed, and each row keeps its line number."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path

from contract import data_file
from contract.errors import InputError, needs_extra
from distill.data import class_names
from distill.data.table import Table

# Marks the beginning of a document in the files of CoNLL-2003.
DOCUMENT_START = "-DOCSTART-"


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


def _table(path: Path, file_format: str) -> Table:
    """Collect the rows of a file by column; a value that a row does not have is None."""
    columns: dict[str, list[object]] = {}
    lines: list[int] = []
    for line, values in data_file.FORMATS[file_format](path):
        for name in values:  # in the order of the file
            if name not in columns:
                columns[name] = [None] * len(lines)
        for name, column in columns.items():
            column.append(values.get(name))
        lines.append(line)
    return Table(columns=columns, source=str(path), lines=lines)


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
    with data_file.open_text(path, newline="\n") as file:
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
    **{name: partial(_table, file_format=name) for name in ("tsv", "csv", "jsonl")},
    "parquet": _parquet,
    "conll": _conll,
}
