"""Token classification: words, their tags and the teacher's head. Torch-free. Shapes: N rows, W words of one row."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError
from contract.progress import note
from contract.ragged import Ragged
from distill.data.rows import Rows, check_text
from distill.data.table import Table
from distill.tasks.align import token_labels
from distill.tasks.classification import number_of
from distill.tasks.words import spell
from infer.outputs import Outputs
from infer.tasks.token_classification import OUTSIDE

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from distill.recipe.data import Data
    from distill.recipe.recipe import Recipe

NO_ROWS_CURE = "a split needs sentences of tagged words"
IS_SCORE = False
IS_OF_TOKENS = True
PIPELINE_TAG = "token-classification"


def check(recipe: "Recipe") -> None:
    """Check that a recipe names its tags, and asks for nothing that is of whole texts.

    Raises:
        ValueError: it does.
    """
    names = recipe.data.label_names
    if len(names) < 2 or OUTSIDE not in names:
        raise ValueError(f"tags are needed in data.label_names, {OUTSIDE!r} among them")
    student = recipe.student
    of_texts = {
        "data.text_pair": recipe.data.text_pair,
        "augmentation": recipe.augmentation,
        "teacher.also": recipe.teacher.also,
        "student.convolution_layers": student.convolution_layers,
        "student.pooled_after": student.pooled_after,
        "student.embedding_width": student.embedding_width,
        'student.start = "narrowed"': recipe.start == "narrowed",
        'data.format = "generated"': recipe.data.format == "generated",
    }
    for name, asked in of_texts.items():
        if asked:
            raise ValueError(f"{name} is of tasks with one answer for a whole text")


def read_rows(table: Table, data: "Data") -> Rows:
    """Check the words of each row and number their tags; a tag is one of the names or its number.

    Words are joined to a text as people write it, since that is what a device will read.

    Raises:
        InputError: no such column, no rows, not as many tags as words, a word that is empty or holds a NUL, a tag out
            of range, or no named word at all; with file and line.
    """
    for column in (data.text, data.label):
        if column not in table.columns:
            known = ", ".join(table.columns) or "none"
            raise InputError(
                f"{table.source}:1: no column {column!r} (it has: {known})", "name it in the recipe's [data]"
            )
    texts, spans, tags = [], [], []
    for row, (words, given) in enumerate(zip(table.columns[data.text], table.columns[data.label], strict=True)):
        numbers = _numbers(words, given, data, partial(_place, table, row, by_line=data.format == "conll"))
        spelled = spell([str(word) for word in words])  # type: ignore[attr-defined]  # _numbers checks it
        texts.append(spelled.text)
        spans.append(spelled.spans_W2)
        tags.append(np.asarray(numbers, dtype=np.int64))
    if not texts:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    outside = data.label_names.index(OUTSIDE)
    if all((row == outside).all() for row in tags):
        raise InputError(f"{table.source}: every word of {len(texts)} rows has the tag {OUTSIDE!r}", NO_ROWS_CURE)
    _tell_strays(tags, data.label_names, table.source)
    return Rows(
        texts=tuple(texts),
        pairs=None,
        labels=ragged.from_rows(tags, like=np.empty(0, np.int64)),
        words=ragged.from_rows(spans, like=np.empty((0, 2), np.int64)),
    )


def model_class() -> Any:
    """Return the class of transformers that loads a model with a head over each token."""
    from transformers import AutoModelForTokenClassification

    return AutoModelForTokenClassification


def head(label_names: Sequence[str]) -> dict[str, Any]:
    """Return what a model's configuration must say: its tags, by number and by name."""
    return {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def is_ready(config: Any) -> bool:
    """Tell whether a model's configuration is that of a model trained to tag tokens."""
    return any("ForTokenClassification" in name for name in config.architectures or ())


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a ready model answers with the data's tags, in the data's order.

    Raises:
        InputError: other tags, or another order.
    """
    theirs = [str(config.id2label[number]) for number in range(config.num_labels)]
    if theirs != list(label_names):
        raise InputError(
            f"teacher {name} has the tags {', '.join(theirs)}, the data {', '.join(label_names)}",
            "set data.label_names to the teacher's, in its order, or give another teacher",
        )


def check_answers(labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
    """Find no fault: tags are compared by name when the head is checked."""


def labels(rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
    """Return a tag for the first piece of each word, as infer/tasks/token_classification has them."""
    return token_labels(rows, tokenizer, max_length_tokens)


def strata(rows: Rows) -> NDArray[np.int64]:
    """Return one group: a row has words of several tags."""
    return np.zeros(len(rows), dtype=np.int64)


def relabelled(rows: Rows, outputs: Outputs) -> Rows:
    """Return the rows: none of these are made up, as `check` sees to."""
    raise NotImplementedError("rows of tagged words are not augmented")


def _numbers(words: object, given: object, data: "Data", place: Callable[[int], str]) -> list[int]:
    """Return the numbers of the tags of one row; `place` is how errors name a word, by its number."""
    listed = all(hasattr(side, "__len__") and not isinstance(side, str) for side in (words, given))
    if not listed or len(words) != len(given) or not len(words):  # type: ignore[arg-type]
        raise InputError(
            f"{place(0)}: {data.text!r} and {data.label!r} are not as many words as tags",
            "give a list of words and a list of their tags, or a file in the format conll",
        )
    for number, word in enumerate(words):  # type: ignore[arg-type,var-annotated]
        check_text(word, data.text, place(number))
    return [number_of(tag, data.label_names, place(number)) for number, tag in enumerate(given)]  # type: ignore[arg-type,var-annotated]


def _place(table: Table, row: int, word: int, *, by_line: bool) -> str:
    """Return how errors name a word: by its own line where each has one."""
    return f"{table.source}:{table.lines[row] + word}" if by_line else table.place(row)


def _tell_strays(tags: Sequence[NDArray[np.int64]], names: Sequence[str], source: str) -> None:
    """Tell how many I- tags follow no tag of their type: real files have them, and they begin a span."""
    strays = 0
    for row in tags:
        told = [names[number] for number in row]
        for before, tag in zip([OUTSIDE, *told], told, strict=False):
            strays += tag.startswith("I-") and before.partition("-")[2] != tag[2:]
    if strays:
        note(f"{source}: {strays} I- tags follow no tag of their type; each is read as the beginning of a span")
