"""Make a student smaller than its shape: fewer word pieces or positions, less attention, a narrower embedding."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.progress import note
from contract.tokens import Tokens
from distill import slim
from distill.model.positions import cut
from distill.recipe import Recipe
from distill.student.factorise import factorise, with_random_embedding
from distill.student.prune import kept_ids, prune_embedding, prune_tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Compressed:
    """A student made smaller.

    Attributes:
        model: the student.
        tokenizer: its tokenizer, with as many pieces as its embedding has rows.
        teacher_ids_V: teacher's token id of each of its token ids.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    teacher_ids_V: NDArray[np.int64]


def compress(
    model: PreTrainedModel,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Compressed:
    """Make an untrained student smaller, by whichever of the methods its recipe names.

    Args:
        model: the student, with the teacher's vocabulary.
        recipe: recipe of the distillation.
        tokenizer: the teacher's tokenizer.
        tokenised: function that returns the training sentences, tokenised with a tokenizer.

    Raises:
        InputError: a method does not support the model or its tokenizer.
    """
    compressed = _with_fewer_parts(model, recipe, tokenizer, tokenised)
    if recipe.student.vocabulary is not None:
        note(f"the student keeps {len(compressed.teacher_ids_V):,} word pieces")
    width = recipe.student.embedding_width
    if width is None:
        return compressed
    factorised = factorise(compressed.model, width, tokenised(compressed.tokenizer))
    note(f"embedding of width {width}: relative error {factorised.relative_error:.3f} before training")
    return replace(compressed, model=factorised.model)


def compress_on_meta(
    model: PreTrainedModel,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Compressed:
    """Compress a model on the meta device, which has shapes but no weights; raises whatever `compress` raises.

    Args:
        model, recipe, tokenizer, tokenised: as for `compress`.

    Raises:
        InputError: a method does not support the model or its tokenizer.
    """
    compressed = _with_fewer_parts(model, recipe, tokenizer, tokenised)
    width = recipe.student.embedding_width
    return compressed if width is None else replace(compressed, model=with_random_embedding(compressed.model, width))


def _with_fewer_parts(
    model: PreTrainedModel,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    tokenised: Callable[[PreTrainedTokenizerFast], Tokens],
) -> Compressed:
    """Remove positions, attention and word pieces; the widths stay the same."""
    student, ids_V = recipe.student, np.arange(int(model.config.vocab_size))
    student_tokenizer = tokenizer
    if student.cut_positions:
        model, student_tokenizer = cut(model, recipe.max_length_tokens), copy.deepcopy(tokenizer)
        student_tokenizer.model_max_length = recipe.max_length_tokens
    if student.convolution_layers or student.pooled_after:
        model = slim.from_bert(model, student.convolution_layers, student.pooled_after, student.convolution_kernel)
    if student.vocabulary is not None:
        ids_V = kept_ids(tokenizer, tokenised(tokenizer), student.vocabulary)
        student_tokenizer = prune_tokenizer(student_tokenizer, ids_V)
        prune_embedding(model, ids_V)
    return Compressed(model=model, tokenizer=student_tokenizer, teacher_ids_V=ids_V)
