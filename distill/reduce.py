"""Make a student smaller than its shape says: fewer word pieces, a narrower embedding, no attention in some layers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.progress import note
from contract.tokens import Tokens
from distill.factorise import factorise, unfitted
from distill.prune import kept_ids, prune_embedding, prune_tokenizer
from distill.recipe import StudentRecipe
from distill.slim import slim


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
    recipe: StudentRecipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Reduced:
    """Make a student that has not learned yet smaller, as the recipe says; nothing changes where it says nothing.

    Args:
        model: the student, with the teacher's vocabulary.
        recipe: of the student.
        tokenizer: the teacher's.
        tokenised: the training sentences by a tokenizer.

    Raises:
        InputError: the model or its tokenizer is of a kind that cannot be made smaller so.
    """
    reduced = _with_fewer_parts(model, recipe, tokenizer, tokenised)
    if recipe.vocabulary is not None:
        note(f"the student keeps {len(reduced.teacher_ids_V):,} word pieces")
    if recipe.embedding_width is None:
        return reduced
    factorised = factorise(reduced.model, recipe.embedding_width, tokenised(reduced.tokenizer))
    note(f"the embedding, {recipe.embedding_width} wide: relative error {factorised.relative_error:.3f} untrained")
    return replace(reduced, model=factorised.model)


def outline(
    model: PreTrainedModel,
    recipe: StudentRecipe,
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
    if recipe.embedding_width is None:
        return reduced
    return replace(reduced, model=unfitted(reduced.model, recipe.embedding_width))


def _with_fewer_parts(
    model: PreTrainedModel,
    recipe: StudentRecipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Reduced:
    """Leave out attention and word pieces; the widths stay."""
    ids_V = np.arange(int(model.config.vocab_size))
    if recipe.convolution_layers or recipe.pooled_after:
        model = slim(model, recipe.convolution_layers, recipe.pooled_after, recipe.convolution_kernel)
    if recipe.vocabulary is not None:
        ids_V = kept_ids(tokenizer, tokenised(tokenizer), recipe.vocabulary)
        tokenizer = prune_tokenizer(tokenizer, ids_V)
        prune_embedding(model, ids_V)
    return Reduced(model=model, tokenizer=tokenizer, teacher_ids_V=ids_V)
