"""Teacher and student of a recipe without their numbers, to know their shapes and to refuse what cannot be made."""

from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from distill import tasks, teacher
from distill.data.rows import Rows
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.student.compress import compress_on_meta
from distill.student.initialise import Start, check_fit, initialise
from distill.training.layer_losses import check_shapes

COPIED = "copied"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sketch:
    """A recipe's models on the meta device.

    Attributes:
        teacher: as it is after fine-tuning.
        start: the student before it learns.
        teacher_tokenizer, tokenizer: the teacher's and the student's.
    """

    teacher: PreTrainedModel
    start: Start
    teacher_tokenizer: PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast


def sketch(recipe: Recipe, encoder: Encoder, train: Rows) -> Sketch:
    """Make a recipe's models on the meta device; nothing is trained, written, or loaded but a tokenizer.

    Args:
        recipe: the distillation.
        encoder: the teacher's model, fine-tuned or not; only its configuration and tokenizer are read.
        train: the training rows, which decide what a pruned vocabulary keeps.

    Raises:
        InputError: the student cannot be made or compared as the recipe says.
    """
    config = teacher.read_config(encoder.folder)
    check_fit(config, recipe)
    config.num_labels = max(1, len(recipe.data.label_names))
    own = load_tokenizer(encoder.folder)
    with torch.device("meta"):
        model: PreTrainedModel = tasks.get(recipe.task).model_class().from_config(config)
        start = initialise(model, _described(recipe))
        compressed = compress_on_meta(
            start.model, recipe, own, lambda tokenizer: tokenise(tokenizer, train, recipe.max_length_tokens)
        )
    start = replace(start, model=compressed.model)
    for stage in recipe.stages:
        check_shapes(start, model, stage)
    return Sketch(teacher=model, start=start, teacher_tokenizer=own, tokenizer=compressed.tokenizer)


def _described(recipe: Recipe) -> Recipe:
    """Return the recipe with a start that needs no weights: whatever a student starts from, its shape is the same."""
    start = recipe.start if recipe.start == COPIED else "random"
    return recipe.model_copy(update={"student": recipe.student.model_copy(update={"start": start})})
