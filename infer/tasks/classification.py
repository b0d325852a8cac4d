"""Classification of a sentence or a pair of sentences: rows, labels and metrics. Torch-free."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError, needs_extra
from infer.tasks.rows import Labels, Rows, read_texts
from infer.tasks.score import RESAMPLES, Score, check_finite, with_intervals
from infer.tasks.settings import Settings as TaskSettings
from infer.tasks.table import Table

Logits = NDArray[np.float32]


class Settings(TaskSettings):
    """Classification: one of some labels for a text or a pair.

    Attributes:
        labels: by number.
    """

    kind: Literal["classification"] = "classification"
    labels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The labels."""
        return self.labels


METRICS: tuple[str, ...] = ("accuracy", "matthews", "f1_binary", "f1_macro")
NO_ROWS_CURE = "a split needs sentences of at least two classes"


def read_rows(table: Table, *, text: str, text_pair: str, label: str, label_names: Sequence[str]) -> Rows:
    """Check raw columns and number their labels; a label is one of the names or its number.

    Raises:
        InputError: no such column, no rows, a text that is empty or holds a NUL, a label out of range, or a single
            class; with file and line.
    """
    texts, pairs = read_texts(table, text=text, text_pair=text_pair, label=label)
    labels = [_label(value, label_names, table.place(row)) for row, value in enumerate(table.columns[label])]
    if not labels:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    if len(set(labels)) == 1:
        raise InputError(
            f"{table.source}: all {len(labels)} rows have the label {label_names[labels[0]]!r}",
            NO_ROWS_CURE,
        )
    return Rows(texts=texts, pairs=pairs, labels_N=np.asarray(labels, dtype=np.int64))


def head(label_names: Sequence[str]) -> dict[str, Any]:
    """Return what a model's configuration must say: its labels, by number and by name."""
    return {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a ready classifier answers with the data's labels, in the data's order.

    Raises:
        InputError: another number of labels, or the same names in another order.
    """
    theirs = [str(config.id2label[number]) for number in range(config.num_labels)]
    if len(theirs) != len(label_names):
        raise InputError(
            f"teacher {name} has {len(theirs)} labels ({', '.join(theirs)}), the data {len(label_names)}",
            "give a teacher of this task, or change data.label_names",
        )
    lower, ours = [label.lower() for label in theirs], [label.lower() for label in label_names]
    if lower != ours and sorted(lower) == sorted(ours):
        raise InputError(
            f"teacher {name} orders its labels {', '.join(theirs)}, the data {', '.join(label_names)}",
            "set data.label_names to the teacher's order and number the data's labels so",
        )


def check_answers(labels_N: Labels, logits_NC: Logits, metric: str, floor: float, name: str) -> None:
    """Check that a ready classifier is not merely right under another numbering of the labels.

    Raises:
        InputError: it is below the floor as it stands, and above it with its labels renumbered.
    """
    with needs_extra("distill"):
        from scipy.optimize import linear_sum_assignment
    counts_CC = confusion(labels_N, decode(logits_NC), logits_NC.shape[1])
    true, predicted = linear_sum_assignment(counts_CC, maximize=True)
    as_numbered, renumbered = metrics(np.stack([counts_CC, counts_CC[:, predicted]]))[metric]
    if as_numbered < floor <= renumbered:
        order = ", ".join(f"{theirs} is the data's {ours}" for ours, theirs in zip(true, predicted, strict=True))
        raise InputError(
            f"teacher {name} has another label order than the data: {metric} {as_numbered:.3f} as numbered, "
            f"{renumbered:.3f} if its label {order}",
            "reorder data.label_names or the data's numbers",
        )


def decode(logits_NC: Logits) -> NDArray[np.int64]:
    """Return the predicted label of each row, shape (N,)."""
    predictions_N: NDArray[np.int64] = np.argmax(logits_NC, axis=1).astype(np.int64)
    return predictions_N


def confusion(labels_N: Labels, predictions_N: Labels, classes: int) -> NDArray[np.int64]:
    """Count sentences by true label (row) and predicted label (column), shape (C, C)."""
    counts_CC = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts_CC, (labels_N.astype(np.int64), predictions_N.astype(np.int64)), 1)
    return counts_CC


def values(labels_N: Labels, logits_NC: Logits) -> dict[str, float]:
    """Return the metrics of a model's logits.

    Accuracy, macro precision, recall and F1, F1 of the second class (`f1_binary`, two classes only) and Matthews'
    coefficient; 0 where one of them is not defined.

    Raises:
        InputError: a logit is not a finite number.
    """
    check_finite(logits_NC)
    counts_CC = confusion(labels_N, decode(logits_NC), logits_NC.shape[1])
    return {name: float(value_R[0]) for name, value_R in metrics(counts_CC[None]).items()}


def scores(labels_N: Labels, logits_NC: Logits) -> dict[str, Score]:
    """Return the metrics with their 95 % intervals: percentile bootstraps over the sentences, seeded.

    Raises:
        InputError: a logit is not a finite number.
    """
    check_finite(logits_NC)
    counts_CC = confusion(labels_N, decode(logits_NC), logits_NC.shape[1])
    sentences = int(counts_CC.sum())
    cells = counts_CC.ravel() / sentences
    resampled = np.random.default_rng(0).multinomial(sentences, cells, size=RESAMPLES)
    return with_intervals(values(labels_N, logits_NC), metrics(resampled.reshape(-1, *counts_CC.shape)))


def metrics(confusion_RCC: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return every metric of R confusion matrices at once, each of shape (R,); scikit-learn takes one at a time.

    Args:
        confusion_RCC: sentences by true label (row) and predicted label (column).
    """
    counts_RCC = confusion_RCC.astype(
        np.float64
    )  # their fourth power, below, is over an int64 from 55,000 sentences on
    true_RC, predicted_RC = counts_RCC.sum(axis=2), counts_RCC.sum(axis=1)
    right_RC = np.diagonal(counts_RCC, axis1=1, axis2=2)
    sentences_R, right_R = true_RC.sum(axis=1), right_RC.sum(axis=1)
    f1_RC = _share(2 * right_RC, true_RC + predicted_RC)
    # Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient (2004), equation 8.
    agreement_R = right_R * sentences_R - (true_RC * predicted_RC).sum(axis=1)
    spread_R = (sentences_R**2 - (true_RC**2).sum(axis=1)) * (sentences_R**2 - (predicted_RC**2).sum(axis=1))
    found = {
        "accuracy": _share(right_R, sentences_R),
        "precision_macro": _share(right_RC, predicted_RC).mean(axis=1),
        "recall_macro": _share(right_RC, true_RC).mean(axis=1),
        "f1_macro": f1_RC.mean(axis=1),
        "matthews": _share(agreement_R, np.sqrt(spread_R)),
    }
    if confusion_RCC.shape[1] == 2:
        found["f1_binary"] = f1_RC[:, 1]
    return found


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with 0 where there is nothing to divide by."""
    quotient: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole != 0)
    return quotient


def _label(value: object, label_names: Sequence[str], where: str) -> int:
    text = str(value).strip()
    ways = [text]
    if isinstance(value, bool):  # of JSON and Parquet
        ways += [text.lower(), str(int(value))]
    # 1.0: one fractional or missing label made a whole column of numbers fractional where the file was written.
    whole = text.removesuffix(".0")
    if whole.isdecimal():
        ways.append(whole)
    names = [name.strip() for name in label_names]
    for way in ways:
        if way in names:
            return names.index(way)
    number = ways[-1]
    is_number = number.isdecimal() and number == str(int(number)) and int(number) < len(names)
    # Where a name is a number itself, a number that is no name could be meant as a name or as a place among them.
    are_numbers = any(map(_is_number, names))
    if is_number and not are_numbers:
        return int(number)
    known = ", ".join(names if are_numbers else map("{} {}".format, range(len(names)), names))
    raise InputError(f"{where}: label {text!r} is out of range", f"it must be one of: {known}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
