"""What a user should know of the data before a training: rows, labels, and how well the tokenizer fits the texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from distill import tasks
from distill.data.calibration import special_ids
from distill.data.overlap import in_training
from distill.data.rows import Rows, Splits
from distill.data.tokenise import describe_difference, tokenise_and_mark_cut
from distill.model.source import Encoder
from distill.recipe import Recipe
from infer.tasks import constant

# Enough for shares that are right within a percent.
SAMPLED_ROWS = 10_000
# A tokenizer for the language of the texts knows all but rare characters.
MOST_UNKNOWN = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitOverview:
    """One split of the data.

    Attributes:
        rows: number of rows.
        label_counts: number of texts, or of words, with each label; empty for scores.
        unknown_share: share of the tokens, without special ones, that the tokenizer does not know.
        cut_share: share of the rows that are cut.
    """

    rows: int
    label_counts: Mapping[str, int]
    unknown_share: float
    cut_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """Both splits.

    Attributes:
        train, validation: the splits.
        max_length_tokens: length at which texts are cut.
        in_training: number of validation rows that are also training rows.
        task: kind of task.
        metric: the recipe's main metric.
        constant: its value, on the validation split, for always giving the same answer.
        warnings: what is probably wrong, one line each.
    """

    train: SplitOverview
    validation: SplitOverview
    max_length_tokens: int
    in_training: int
    task: str
    metric: str
    constant: float
    warnings: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """What to tell the user before a training."""
        splits = {"training": self.train, "validation": self.validation}
        return [
            *(
                f"{split.rows:,} {name} sentences: the tokenizer does not know {split.unknown_share:.1%} of their "
                f"tokens, {split.cut_share:.1%} of the sentences are cut at {self.max_length_tokens} tokens"
                for name, split in splits.items()
            ),
            constant.describe(self.task, self.metric, self.constant),
            *(f"warning: {warning}" for warning in self.warnings),
        ]


def overview(
    recipe: Recipe, splits: Splits, tokenizer: PreTrainedTokenizerFast, encoders: Sequence[Encoder]
) -> Overview:
    """Return an overview of a task's data.

    Args:
        recipe: recipe of the distillation.
        splits: the task's data.
        tokenizer: the student's tokenizer.
        encoders: the models of its teachers.
    """
    length = recipe.max_length_tokens
    train, validation = (_overview(recipe, rows, tokenizer) for rows in (splits.train, splits.validation))
    overlap = int(in_training(splits).sum())
    labels = tasks.get(recipe.task).labels(splits.validation, tokenizer, length)
    differences = {encoder.name: describe_difference(encoder.folder, splits.train, length) for encoder in encoders}
    return Overview(
        train=train,
        validation=validation,
        max_length_tokens=length,
        in_training=overlap,
        task=recipe.task,
        metric=recipe.main_metric,
        constant=constant.values(recipe.settings, labels)[recipe.main_metric],
        warnings=(
            *_describe_unknown(max(train.unknown_share, validation.unknown_share)),
            *(f"{name}: {difference}" for name, difference in differences.items() if difference),
            *_describe_overlap(overlap, validation.rows),
        ),
    )


def _describe_unknown(share: float) -> Iterator[str]:
    if share > MOST_UNKNOWN:
        yield (
            f"the tokenizer does not know {share:.0%} of the tokens, which all look alike to the models: choose a "
            "teacher for the language of these texts"
        )


def _describe_overlap(overlap: int, rows: int) -> Iterator[str]:
    if overlap:
        yield (
            f"{overlap:,} of {rows:,} validation sentences are also training sentences: scores on them say nothing "
            "about new texts"
        )


def _overview(recipe: Recipe, rows: Rows, tokenizer: PreTrainedTokenizerFast) -> SplitOverview:
    sample = rows.take(range(0, len(rows), -(-len(rows) // SAMPLED_ROWS)))
    tokens, is_cut_N = tokenise_and_mark_cut(tokenizer, sample, recipe.max_length_tokens)
    is_text_T = ~np.isin(tokens.ids_T, sorted(special_ids(tokenizer)))
    is_unknown_T = tokens.ids_T == (-1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id)
    return SplitOverview(
        rows=len(rows),
        label_counts=_label_counts(rows, recipe.data.label_names),
        unknown_share=float(is_unknown_T.sum() / max(1, is_text_T.sum())),
        cut_share=float(is_cut_N.mean()),
    )


def _label_counts(rows: Rows, label_names: Sequence[str]) -> dict[str, int]:
    if not label_names:
        return {}
    counts = np.bincount(rows.labels.values, minlength=len(label_names))
    return dict(zip(label_names, counts.tolist(), strict=True))
