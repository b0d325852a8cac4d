"""Finds the task and the labels in a column, and brings them into a teacher's order."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import InputError
from distill import tasks
from distill.data.labels import caseless, composed
from infer.tasks import MODULES


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
        InputError: It is none of any task: it has a single label, or too many.
    """
    # The tasks that ask for something special come first; any few values are classes.
    for name in reversed(list(MODULES)):
        names = tasks.get(name).guess_label_names(values)
        if names is not None:
            are_classes = names and not tasks.get(name).PER_TOKEN
            counts = Counter(composed(str(value)) for value in values if are_classes)
            return Labels(task=name, names=names, majority=max(counts.values(), default=0) / len(values))
    distinct = len(set(map(str, values)))
    raise InputError(f"{source}: {distinct} different label{'s' * (distinct != 1)}", "name another column with --label")


def in_order_of(names: tuple[str, ...], teacher: Path) -> tuple[str, ...]:
    """Return labels in the order of a teacher that is trained for them; numbers get the teacher's names."""
    known = _labels_of(teacher)
    if len(known) != len(names):
        return names
    if names == tuple(map(str, range(len(names)))):
        return names if all(name.startswith("LABEL_") for name in known) else known
    by_case = {caseless(name): name for name in names}
    known_by_case = [caseless(name) for name in known]
    return tuple(by_case[name] for name in known_by_case) if set(known_by_case) == set(by_case) else names


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
