"""Finds the columns of texts and labels in a table, by their names and by what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.errors import InputError, near_miss
from distill.data.labels import is_number
from distill.data.table import Table

# Usual names, the most usual first.
TEXTS = ("text", "sentence", "review", "content", "comment", "body", "message", "document", "title", "query")
LABELS = (
    *("label", "labels", "class", "category", "target", "sentiment", "intent", "topic"),
    *("tag", "tags", "score", "rating", "stars"),
)
PAIRS = (
    ("text", "text_pair"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("query", "document"),
)
MOST_CLASSES = 100
ROWS_PER_CLASS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which columns hold what.

    Attributes:
        text: The texts, or the first ones of pairs.
        text_pair: The second texts; empty if there are none.
        label: The labels.
    """

    text: str
    text_pair: str
    label: str


def find(table: Table, *, text: str | None = None, text_pair: str | None = None, label: str | None = None) -> Columns:
    """Find the columns that the user does not name.

    Raises:
        InputError: A named column is missing, or nothing tells which column holds the labels or the texts.
    """
    names = [name for name in table.columns if name]
    for named in filter(None, (text, text_pair, label)):
        if named not in names:
            cause = f"{table.source}: no column {named!r}{near_miss(named, names)}"
            raise InputError(cause, f"it has: {', '.join(names)}")
    label = label or _label(table, [name for name in names if name not in (text, text_pair)])
    rest = [name for name in names if name != label]
    if text is None and text_pair is None:
        text, text_pair = _pair(rest) or (_text(table, rest), None)
    text = text or _text(table, [name for name in rest if name != text_pair])
    return Columns(text=text, text_pair=text_pair or "", label=label)


def _pair(names: Sequence[str]) -> tuple[str, str] | None:
    by_lower = {name.lower(): name for name in names}
    for first, second in PAIRS:
        if first in by_lower and second in by_lower:
            return by_lower[first], by_lower[second]
    return None


def _label(table: Table, names: Sequence[str]) -> str:
    """Return a column with a usual name, or the only one with few values."""
    few = _usual(names, LABELS) or [name for name in names if _has_few_values(table.columns[name])]
    if few and (len(few) == 1 or few[0].lower() in LABELS):
        return few[0]
    cause = f"{table.source}: which column holds the labels? It has: {', '.join(names)}"
    raise InputError(cause, "name it with --label")


def _text(table: Table, names: Sequence[str]) -> str:
    """Return a column with a usual name, or the one with the longest texts."""
    usual = _usual(names, TEXTS)
    if usual:
        return usual[0]
    lengths = {name: _mean_length(table.columns[name]) for name in names if _holds_texts(table.columns[name])}
    if not lengths:
        cause = f"{table.source}: no column holds texts (it has: {', '.join(table.columns)})"
        raise InputError(cause, "name it with --text")
    return max(lengths, key=lengths.__getitem__)


def _usual(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the columns with a usual name, the most usual first."""
    return sorted((name for name in names if name.lower() in known), key=lambda name: known.index(name.lower()))


def _has_few_values(values: Sequence[object]) -> bool:
    distinct = len({str(value) for value in values})
    return 2 <= distinct <= max(2, min(MOST_CLASSES, len(values) // ROWS_PER_CLASS))


def _holds_texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values) and not all(is_number(str(value)) for value in values)


def _mean_length(values: Sequence[object]) -> float:
    return sum(len(str(value)) for value in values) / max(1, len(values))
