"""Finds the task and the labels in a column, and brings them into a teacher's order."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import InputError
from distill.init.columns import is_number
from infer.tasks.token_classification import OUTSIDE

# More distinct numbers than this are scores, more distinct words the wrong column.
MOST_CLASSES = 200
MOST_NUMBERED_CLASSES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """What a label column says.

    Attributes:
        task: The kind of task.
        names: The labels in the order of their numbers; empty for scores.
        majority: Share of the most frequent label; 0 for scores and tags.
    """

    task: str
    names: tuple[str, ...]
    majority: float


def read(values: Sequence[object], source: str) -> Labels:
    """Return what a column of labels says.

    Raises:
        InputError: It has a single label, or too many.
    """
    if values and isinstance(values[0], list | tuple):
        return _tags(values)
    texts = [str(value) for value in values]
    counts = Counter(texts)
    is_scores = all(is_number(text) for text in counts) and (
        len(counts) > MOST_NUMBERED_CLASSES or any(not float(text).is_integer() for text in counts)
    )
    if is_scores:
        return Labels(task="regression", names=(), majority=0.0)
    if len(counts) < 2:
        raise InputError(f"{source}: every row has the label {texts[0]!r}", "name another column with --label")
    if len(counts) > MOST_CLASSES:
        raise InputError(f"{source}: {len(counts)} different labels", "name another column with --label")
    return Labels(task="classification", names=_in_order(counts), majority=counts.most_common(1)[0][1] / len(texts))


def in_order_of(names: tuple[str, ...], teacher: Path) -> tuple[str, ...]:
    """Return labels in the order of a teacher that is trained for them; numbers get the teacher's names."""
    known = _labels_of(teacher)
    if len(known) != len(names):
        return names
    if names == tuple(map(str, range(len(names)))):
        return names if all(name.startswith("LABEL_") for name in known) else known
    by_case = {name.casefold(): name for name in names}
    known_by_case = [name.casefold() for name in known]
    return tuple(by_case[name] for name in known_by_case) if set(known_by_case) == set(by_case) else names


def _tags(values: Sequence[object]) -> Labels:
    tags = {str(tag) for row in values for tag in row}  # type: ignore[attr-defined]  # the caller has checked it
    names = sorted(tags, key=lambda tag: (tag != OUTSIDE, tag[2:], tag))
    return Labels(task="token_classification", names=tuple(names), majority=0.0)


def _in_order(counts: Counter[str]) -> tuple[str, ...]:
    """Return numbers by value and words by the alphabet."""
    return tuple(sorted(counts, key=float) if all(map(is_number, counts)) else sorted(counts))


def _labels_of(teacher: Path) -> tuple[str, ...]:
    """Return the labels of a classifier, in the order of their numbers; none of any other model."""
    try:
        config = json.loads((teacher / "config.json").read_text(encoding="utf-8"))
        if not any("Classification" in name for name in config.get("architectures") or ()):
            return ()
        numbered = sorted((int(number), str(name)) for number, name in config["id2label"].items())
    except (OSError, ValueError, KeyError, AttributeError):
        return ()
    return tuple(name for _, name in numbered)
