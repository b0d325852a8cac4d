"""Build a recipe's teacher and student on the meta device: shapes without weights, to find errors before training."""

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
class MetaModels:
    """A recipe's models on the meta device.

    Attributes:
        teacher: the teacher after fine-tuning.
        start: the student before training.
        teacher_tokenizer, tokenizer: tokenizers of the teacher and of the student.
    """

    teacher: PreTrainedModel
    start: Start
    teacher_tokenizer: PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast


def build_meta_models(recipe: Recipe, encoder: Encoder, train: Rows) -> MetaModels:
    """Build a recipe's models on the meta device; only the tokenizer is loaded, and nothing is trained or written.

    Args:
        recipe: the distillation.
        encoder: the teacher's model, fine-tuned or not; only its configuration and tokenizer are read.
        train: training rows, which determine a pruned vocabulary.

    Raises:
        InputError: the recipe's student cannot be built from, or compared with, its teacher.
    """
    config = teacher.read_config(encoder.folder, encoder.name)
    check_fit(config, recipe, encoder.name)
    config.num_labels = max(1, len(recipe.data.label_names))
    teacher_tokenizer = load_tokenizer(encoder.folder)
    with torch.device("meta"):
        model: PreTrainedModel = tasks.get(recipe.task).model_class().from_config(config)
        start = initialise(model, _without_weights(recipe))
        compressed = compress_on_meta(
            start.model,
            recipe,
            teacher_tokenizer,
            lambda tokenizer: tokenise(tokenizer, train, recipe.max_length_tokens),
        )
    start = replace(start, model=compressed.model)
    for stage in recipe.stages:
        check_shapes(start, model, stage)
    return MetaModels(teacher=model, start=start, teacher_tokenizer=teacher_tokenizer, tokenizer=compressed.tokenizer)


def _without_weights(recipe: Recipe) -> Recipe:
    """Return the recipe with a start that needs no weights; the student's shape does not depend on its start."""
    start = recipe.start if recipe.start == COPIED else "random"
    return recipe.model_copy(update={"student": recipe.student.model_copy(update={"start": start})})
