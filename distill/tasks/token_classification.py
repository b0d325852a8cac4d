"""Token classification, a tag for each word: the training half. Torch-free. Shapes: N rows, W words in a row."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError
from contract.progress import note
from contract.ragged import Ragged
from distill.data.labels import composed, label_number
from distill.data.rows import Rows, check_columns, check_text
from distill.data.table import Table
from distill.tasks.align import token_labels
from distill.tasks.detokenise import detokenise
from distill.tasks.head import label_names_of
from infer.outputs import Outputs
from infer.tasks.token_classification import OUTSIDE

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from distill.recipe.data import Data
    from distill.recipe.recipe import Recipe

NO_ROWS_CURE = "a split needs sentences with tagged words"
IS_SCORE = False
PER_TOKEN = True
PIPELINE_TAG = "token-classification"
PROBLEM_TYPE: str | None = None


def check_recipe(recipe: "Recipe") -> None:
    """Check that a recipe lists its tags or leaves them to the data, and uses no setting that needs one label per text.

    Raises:
        ValueError: there is a single tag or none is OUTSIDE, or the first setting that is not supported.
    """
    names = recipe.data.label_names
    if names and (len(names) < 2 or OUTSIDE not in names):
        raise ValueError(f"data.label_names must list the tags, including {OUTSIDE!r}")
    student = recipe.student
    unsupported = {
        "data.text_pair": recipe.data.text_pair,
        "teacher.also": recipe.teacher.also,
        "student.convolution_layers": student.convolution_layers,
        "student.pooled_after": student.pooled_after,
        "student.embedding_width": student.embedding_width,
        'student.start = "narrowed"': recipe.start == "narrowed",
        'data.format = "generated"': recipe.data.format == "generated",
    }
    for name, is_set in unsupported.items():
        if is_set:
            raise ValueError(f"token_classification does not support {name}")


def guess_label_names(values: Sequence[object]) -> tuple[str, ...] | None:
    """Return the tags of a column of lists, by type."""
    if not all(isinstance(value, list | tuple) for value in values):
        return None
    tags = {composed(str(tag)) for row in values for tag in row}  # type: ignore[attr-defined]  # checked above
    return tuple(sorted(tags, key=lambda tag: (tag != OUTSIDE, tag[2:], tag)))


def read_rows(table: Table, data: "Data") -> Rows:
    """Check the words of each row and convert the tags, given by name or number, to numbers.

    The words are joined to natural text, since that is what a device reads.

    Raises:
        InputError: no such column, no rows, different numbers of words and tags, a word that is empty or contains a
            NUL, a missing or unknown tag, or no tag other than OUTSIDE; with file and line.
    """
    check_columns(table, data.text, data.label)
    texts, spans, tags = [], [], []
    for row, (words, tag_cells) in enumerate(zip(table.columns[data.text], table.columns[data.label], strict=True)):
        location = partial(_word_location, table, row, line_per_word=data.format == "conll")
        numbers = _tag_numbers(words, tag_cells, data, location)
        sentence = detokenise([str(word) for word in words])  # type: ignore[attr-defined]  # _tag_numbers checks it
        texts.append(sentence.text)
        spans.append(sentence.spans_W2)
        tags.append(np.asarray(numbers, dtype=np.int64))
    if not texts:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    outside = data.label_names.index(OUTSIDE)
    if all((row == outside).all() for row in tags):
        raise InputError(f"{table.source}: all words in {len(texts)} rows have the tag {OUTSIDE!r}", NO_ROWS_CURE)
    _note_stray_tags(tags, data.label_names, table.source)
    return Rows(
        texts=tuple(texts),
        pairs=None,
        labels=ragged.from_rows(tags, like=np.empty(0, np.int64)),
        words=ragged.from_rows(spans, like=np.empty((0, 2), np.int64)),
    )


def model_class() -> Any:
    """Return the transformers class for models with a head over each token."""
    from transformers import AutoModelForTokenClassification

    return AutoModelForTokenClassification


def head_config(label_names: Sequence[str]) -> dict[str, Any]:
    """Return the configuration entries for the tags, by number and by name."""
    return {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def is_fine_tuned(config: Any) -> bool:
    """Return whether a model configuration belongs to a model with a head over each token."""
    return any("ForTokenClassification" in name for name in config.architectures or ())


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a fine-tuned model has the data's tags, in the same order.

    Raises:
        InputError: the tags or their order differ, they are not numbered from 0, or none is OUTSIDE.
    """
    teacher_tags = label_names_of(config, name)
    if OUTSIDE not in teacher_tags:
        raise InputError(
            f"{name} has no tag {OUTSIDE!r} for words outside a span (it has: {', '.join(teacher_tags)})",
            "use a model trained for spans such as names",
        )
    if list(map(composed, teacher_tags)) != list(map(composed, label_names)):
        raise InputError(
            f"tags differ: teacher {name} has {', '.join(teacher_tags)}, the data {', '.join(label_names)}",
            "set data.label_names to the teacher's tags, in its order, or use another teacher",
        )


def check_answers(labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
    """Do nothing: `check_head` has already compared the tags by name."""


def labels(rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
    """Return the tag of each word at its first token, as infer/tasks/token_classification expects them."""
    return token_labels(rows, tokenizer, max_length_tokens)


def strata(rows: Rows) -> NDArray[np.int64]:
    """Return a single stratum, shape (N,): a row has words with several tags."""
    return np.zeros(len(rows), dtype=np.int64)


def _tag_numbers(words: object, tags: object, data: "Data", location: Callable[[int], str]) -> list[int]:
    """Return the numbers of the tags of one row; `location` returns the file and line of a word by its index."""
    are_lists = all(hasattr(cell, "__len__") and not isinstance(cell, str) for cell in (words, tags))
    if not are_lists or len(words) != len(tags) or not len(words):  # type: ignore[arg-type]
        raise InputError(
            f"{location(0)}: {data.text!r} and {data.label!r} are not lists of equal length",
            "give a list of words and a list of their tags, or a file in the format conll",
        )
    for index, word in enumerate(words):  # type: ignore[arg-type,var-annotated]
        check_text(word, data.text, location(index))
    return [label_number(tag, data.label_names, location(index), noun="tag") for index, tag in enumerate(tags)]  # type: ignore[arg-type,var-annotated]


def _word_location(table: Table, row: int, word: int, *, line_per_word: bool) -> str:
    """Return the source and line of a word, for error messages."""
    return f"{table.source}:{table.lines[row] + word}" if line_per_word else table.location(row)


def _note_stray_tags(tags: Sequence[NDArray[np.int64]], names: Sequence[str], source: str) -> None:
    """Note how many I- tags do not continue a span of their type, which is common in real files; they start a span."""
    strays = 0
    for row in tags:
        row_tags = [names[number] for number in row]
        for previous, tag in zip([OUTSIDE, *row_tags], row_tags, strict=False):
            strays += tag.startswith("I-") and previous.partition("-")[2] != tag[2:]
    if strays:
        note(f"{source}: {strays} I- tags do not continue a span of their type; each starts a new span")
