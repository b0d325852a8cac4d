"""Classification of a sentence or a pair of sentences: rows, labels and the metric. Torch-free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.digest import sha256_of_value
from contract.errors import InputError, needs_extra

Logits = NDArray[np.float32]

NO_ROWS_CURE = "a split needs sentences of at least two classes"
CONFIDENCE = 0.95
RESAMPLES = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """One split of the data.

    Attributes:
        texts: N texts.
        pairs: N second texts, or None for single texts.
        labels_N: label numbers.
    """

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels_N: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Rows":
        """Return some of the rows, in the order asked for."""
        return Rows(
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels_N=self.labels_N[list(rows)],
        )

    def key(self) -> str:
        """Return the hash of everything in the rows."""
        return sha256_of_value([self.texts, self.pairs, self.labels_N.tolist()])


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One metric with its 95 % interval over the sentences."""

    value: float
    low: float
    high: float


def read_rows(
    columns: Mapping[str, Sequence[object]],
    *,
    text: str,
    text_pair: str,
    label: str,
    label_names: Sequence[str],
    source: str,
    first_line: int,
) -> Rows:
    """Check raw columns and number their labels.

    Args:
        columns: values by column name.
        text, text_pair, label: which columns; text_pair may be empty.
        label_names: a label is one of these names or its number.
        source: the file's name, for errors.
        first_line: the line of the first row, 2 below a header.

    Raises:
        InputError: no such column, no rows, an empty text, a label out of range, or a single class; with file and line.
    """
    for column in filter(None, (text, text_pair, label)):
        if column not in columns:
            known = ", ".join(columns) or "none"
            raise InputError(f"{source}:1: no column {column!r} (it has: {known})", "name it in the recipe's [data]")
    texts = _texts(columns[text], text, source, first_line)
    pairs = _texts(columns[text_pair], text_pair, source, first_line) if text_pair else None
    labels = [_label(value, label_names, f"{source}:{row + first_line}") for row, value in enumerate(columns[label])]
    if not labels:
        raise InputError(f"{source}: no rows", NO_ROWS_CURE)
    if len(set(labels)) == 1:
        raise InputError(
            f"{source}: all {len(labels)} rows have the label {label_names[labels[0]]!r}",
            NO_ROWS_CURE,
        )
    return Rows(texts=texts, pairs=pairs, labels_N=np.asarray(labels, dtype=np.int64))


def decode(logits_NC: Logits) -> NDArray[np.int64]:
    """Return the predicted label of each row, shape (N,)."""
    predictions_N: NDArray[np.int64] = np.argmax(logits_NC, axis=1).astype(np.int64)
    return predictions_N


def confusion(labels_N: NDArray[np.int64], predictions_N: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count sentences by true label (row) and predicted label (column), shape (C, C)."""
    counts_CC = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts_CC, (labels_N, predictions_N), 1)
    return counts_CC


def scores(confusion_CC: NDArray[np.int64]) -> dict[str, Score]:
    """Return the metrics of a confusion table with their 95 % intervals.

    Accuracy, macro precision, recall and F1, F1 of the second class (`f1_binary`, two classes only) and Matthews'
    coefficient, all by scikit-learn. Intervals are percentile bootstraps over the sentences, seeded.
    """
    sentences = int(confusion_CC.sum())
    cells = confusion_CC.ravel() / sentences
    resampled = np.random.default_rng(0).multinomial(sentences, cells, size=RESAMPLES)
    value = _metrics(confusion_CC)
    samples = [_metrics(counts.reshape(confusion_CC.shape)) for counts in resampled]
    found = {}
    for name in value:
        low, high = np.quantile([sample[name] for sample in samples], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        found[name] = Score(value=value[name], low=float(low), high=float(high))
    return found


def _metrics(confusion_CC: NDArray[np.int64]) -> dict[str, float]:
    with needs_extra("distill"):
        from sklearn.metrics import accuracy_score, matthews_corrcoef, precision_recall_fscore_support
    classes = len(confusion_CC)
    true, predicted = (side.ravel() for side in np.indices(confusion_CC.shape))
    weights = confusion_CC.ravel()
    precision_C, recall_C, f1_C, _ = precision_recall_fscore_support(
        true, predicted, labels=range(classes), sample_weight=weights, zero_division=0
    )
    found = {
        "accuracy": accuracy_score(true, predicted, sample_weight=weights),
        "precision_macro": precision_C.mean(),
        "recall_macro": recall_C.mean(),
        "f1_macro": f1_C.mean(),
        "matthews": matthews_corrcoef(true, predicted, sample_weight=weights),
    }
    if classes == 2:
        found["f1_binary"] = f1_C[1]
    return {name: float(value) for name, value in found.items()}


def _texts(values: Sequence[object], column: str, source: str, first_line: int) -> tuple[str, ...]:
    for row, value in enumerate(values):
        if value is None or not str(value).strip():
            raise InputError(f"{source}:{row + first_line}: empty {column!r}", "remove the row or give it a text")
    return tuple(str(value) for value in values)


def _label(value: object, label_names: Sequence[str], where: str) -> int:
    # One fractional label makes a whole column of numbers fractional.
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    if text in label_names:
        return label_names.index(text)
    if text.isdecimal() and int(text) < len(label_names):
        return int(text)
    known = ", ".join(f"{number} {name}" for number, name in enumerate(label_names))
    raise InputError(f"{where}: label {text!r} is out of range", f"it must be one of: {known}")
