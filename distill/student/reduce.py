"""Make a student smaller than its shape says: fewer word pieces or positions, less attention, a narrower embedding."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.progress import note
from contract.tokens import Tokens
from distill.model.positions import cut
from distill.recipe import Recipe
from distill.slim import slim
from distill.student.factorise import factorise, unfitted
from distill.student.prune import kept_ids, prune_embedding, prune_tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Reduced:
    """A student made smaller.

    Attributes:
        model: the student.
        tokenizer: its own, which knows no more pieces than its embedding has rows.
        teacher_ids_V: the teacher's token id of each of its token ids.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    teacher_ids_V: NDArray[np.int64]


def reduce(
    model: PreTrainedModel,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Reduced:
    """Make a student that has not learned yet smaller, as the recipe says; nothing changes where it says nothing.

    Args:
        model: the student, with the teacher's vocabulary.
        recipe: of the distillation.
        tokenizer: the teacher's.
        tokenised: the training sentences by a tokenizer.

    Raises:
        InputError: the model or its tokenizer is of a kind that cannot be made smaller so.
    """
    reduced = _with_fewer_parts(model, recipe, tokenizer, tokenised)
    if recipe.student.vocabulary is not None:
        note(f"the student keeps {len(reduced.teacher_ids_V):,} word pieces")
    width = recipe.student.embedding_width
    if width is None:
        return reduced
    factorised = factorise(reduced.model, width, tokenised(reduced.tokenizer))
    note(f"the embedding, {width} wide: relative error {factorised.relative_error:.3f} untrained")
    return replace(reduced, model=factorised.model)


def outline(
    model: PreTrainedModel,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Reduced:
    """Return what `reduce` makes of a model on the meta device, which has a shape and no numbers; it refuses the same.

    Args:
        model, recipe, tokenizer, tokenised: as for `reduce`.

    Raises:
        InputError: the model or its tokenizer is of a kind that cannot be made smaller so.
    """
    reduced = _with_fewer_parts(model, recipe, tokenizer, tokenised)
    width = recipe.student.embedding_width
    return reduced if width is None else replace(reduced, model=unfitted(reduced.model, width))


def _with_fewer_parts(
    model: PreTrainedModel,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Reduced:
    """Leave out positions, attention and word pieces; the widths stay."""
    student, ids_V = recipe.student, np.arange(int(model.config.vocab_size))
    own = tokenizer
    if student.cut_positions:
        model, own = cut(model, recipe.max_length_tokens), copy.deepcopy(tokenizer)
        own.model_max_length = recipe.max_length_tokens
    if student.convolution_layers or student.pooled_after:
        model = slim(model, student.convolution_layers, student.pooled_after, student.convolution_kernel)
    if student.vocabulary is not None:
        ids_V = kept_ids(tokenizer, tokenised(tokenizer), student.vocabulary)
        own = prune_tokenizer(own, ids_V)
        prune_embedding(model, ids_V)
    return Reduced(model=model, tokenizer=own, teacher_ids_V=ids_V)
