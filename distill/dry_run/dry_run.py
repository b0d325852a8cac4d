"""Dry run: report a recipe's layers, shapes, sizes, steps and memory without training or writing anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from contract.tokens import Tokens
from distill import tasks, teacher
from distill.augment.sample import max_new_rows
from distill.data.hold_out import hold_out_for_soup
from distill.data.overview import Overview, overview
from distill.data.rows import Splits
from distill.data.tokenise import tokenise
from distill.dry_run import cost
from distill.dry_run.cost import Memory, Parameters
from distill.dry_run.duration import Pace, pace_of
from distill.dry_run.meta_models import build_meta_models
from distill.model.source import Encoder, locate
from distill.recipe import Recipe
from distill.recipe.shape import Shape
from distill.recipe.stage import FakeQuantize, Stage
from distill.recipe.training import Training
from distill.student.initialise import Start, count_parameters, shape_of
from distill.student.layer_map import LayerMap
from distill.training import loop
from distill.training.compact_embedding import used_ids
from distill.training.forward import ProjectedStudent
from distill.training.layer_losses import required_states
from distill.training.precision import bf16_choice


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCost:
    """Shape and size of a model.

    Attributes:
        shape: layers, width, heads, feed-forward width.
        parameters: number of parameters by part.
        typical_flops, maximal_flops: operations for one sentence of typical and of maximal length.
    """

    shape: Shape
    parameters: Parameters
    typical_flops: int
    maximal_flops: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingCost:
    """Length and memory of a training.

    Attributes:
        name: name of the stage, or `teacher`.
        steps: number of steps.
        memory: memory with a batch of the longest sentences that the recipe allows.
        fake_quantize: rounding of weights and activations, or None.
        estimated_s: estimated duration on this machine, with what the teacher answers for it.
    """

    name: str
    steps: int
    memory: Memory
    fake_quantize: FakeQuantize | None
    estimated_s: float = field(compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRunReport:
    """Report on a whole distillation.

    Attributes:
        recipe: name of the recipe.
        data: overview of the task's data.
        start: start of the student.
        pairs: student layers and the teacher layers they learn from, counted from 0.
        copied_layers: teacher layers that the student starts from; empty for a random start.
        typical_length_tokens: median length of the training sentences.
        maximal_length_tokens: length at which the recipe truncates texts.
        teacher, student: the models.
        new_rows: upper bound of the augmented rows; duplicates are only known once they are made.
        trainings: all trainings in order; their steps include the new rows.
    """

    recipe: str
    data: Overview
    start: str
    pairs: LayerMap
    copied_layers: tuple[int, ...]
    typical_length_tokens: int
    maximal_length_tokens: int
    teacher: ModelCost
    student: ModelCost
    new_rows: int
    trainings: tuple[TrainingCost, ...]


def dry_run(recipe: Recipe, encoder: Encoder, splits: Splits) -> DryRunReport:
    """Report what a recipe would do; of the weights only names and shapes are read, and nothing is trained or written.

    A single layer is timed for a second or so, to estimate how long the trainings take.

    Args:
        recipe: the distillation.
        encoder: the teacher's model, fine-tuned or not.
        splits: the task's data.

    Raises:
        InputError: a teacher is refused, or the recipe's student cannot be built from, or compared with, its teacher.
    """
    tokens = _check_teachers(recipe, encoder, splits)
    config = teacher.read_config(encoder.folder, encoder.name)
    models = build_meta_models(recipe, encoder, splits.train)
    model, start = models.teacher, models.start
    student_splits, _ = hold_out_for_soup(recipe, splits)
    new_rows = max_new_rows(recipe.augmentation, student_splits.train) if recipe.augmentation else 0
    student_tokens = tokenise(models.tokenizer, splits.train, recipe.max_length_tokens)
    typical, maximal = int(np.median(tokens.lengths)), recipe.max_length_tokens
    shapes = _shape(config), shape_of(recipe.student, config)
    return DryRunReport(
        recipe=recipe.name,
        data=overview(recipe, splits, models.tokenizer, [encoder]),
        start=recipe.start,
        pairs=start.pairs,
        copied_layers=recipe.student.layers if recipe.start != "random" else (),
        typical_length_tokens=typical,
        maximal_length_tokens=maximal,
        teacher=_model_cost(model, shapes[0], typical, maximal),
        student=_model_cost(start.model, shapes[1], typical, maximal),
        new_rows=new_rows,
        trainings=tuple(
            _trainings(
                recipe,
                tokens,
                student_tokens,
                model,
                start,
                shapes,
                rows=len(student_splits.train) + new_rows,
                fine_tuned=tasks.get(recipe.task).is_fine_tuned(config),
            )
        ),
    )


def _check_teachers(recipe: Recipe, encoder: Encoder, splits: Splits) -> Tokens:
    """Check all teachers as a distillation does before it trains; return the training split in the first one's ids."""
    first, *_ = [teacher.check(recipe, model, splits) for model in (encoder, *map(locate, recipe.teacher.also))]
    return first.train


def _shape(config: Any) -> Shape:
    return Shape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        feed_forward_width=config.intermediate_size,
    )


def _model_cost(model: PreTrainedModel, shape: Shape, typical: int, maximal: int) -> ModelCost:
    return ModelCost(
        shape=shape,
        parameters=cost.count_by_part(model),
        typical_flops=cost.count_flops(model, typical),
        maximal_flops=cost.count_flops(model, maximal),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _TrainingSize:
    """The numbers that determine a training's memory.

    Attributes:
        config: configuration of the trained model.
        trained: number of trained parameters.
        held: number of all parameters in memory.
        rounded_bytes: bytes of weights that fake quantisation keeps.
    """

    config: Any
    trained: int
    held: int
    rounded_bytes: int

    def memory(self, section: Training, length_tokens: int) -> Memory:
        """Return the memory with a batch of sentences of this length."""
        float_bytes = 2 if bf16_choice()[0] else cost.FLOAT_BYTES
        activations = cost.activation_bytes(
            self.config,
            sentences=section.batch_size,
            length_tokens=length_tokens,
            float_bytes=float_bytes,
            mask_bytes=1 if torch.cuda.is_available() else float_bytes,
            fake_quantized=_rounding(section) is not None,
        )
        activations += self.rounded_bytes if _rounding(section) else 0
        return cost.estimate_memory(held=self.held, trained=self.trained, activations=activations)


def _trainings(
    recipe: Recipe,
    tokens: Tokens,
    student_tokens: Tokens,
    model: PreTrainedModel,
    start: Start,
    shapes: tuple[Shape, Shape],
    *,
    rows: int,
    fine_tuned: bool,
) -> Iterator[TrainingCost]:
    length = max(1, round(float(tokens.lengths.mean())))
    pace = pace_of(
        *shapes,
        teacher_flops=cost.count_flops(model, length),
        student_flops=cost.count_flops(start.model, length),
        sentences=recipe.stages[0].batch_size,
        length_tokens=length,
    )
    if not fine_tuned:
        size = _training_size(model, count_parameters(model), tokens)
        seconds = len(tokens) * recipe.teacher.epochs * pace.teacher_step_s
        yield _training_cost("teacher", recipe.teacher, len(tokens), size, recipe.max_length_tokens, seconds)
    with torch.device("meta"):
        projected = ProjectedStudent(start.model, model.config.hidden_size, start.pairs)
    student = _training_size(start.model, count_parameters(projected), student_tokens)
    student = replace(student, held=student.held + count_parameters(model))
    if recipe.start == "general":
        section = recipe.general
        assert section is not None, "the recipe checks it"
        sentences = -(-section.tokens // section.length_tokens)
        # An upper bound: the embedding rows that a corpus uses are only known once it is read.
        whole = replace(student, trained=count_parameters(projected))
        seconds = _stage_seconds(section, start, pace, sentences) * section.length_tokens / length
        yield _training_cost(section.name, section, sentences, whole, section.length_tokens, seconds)
    for number in range(recipe.soup.students if recipe.soup else 1):
        prefix = f"student {number + 1}, " if recipe.soup else ""
        for stage in recipe.stages:
            seconds = _stage_seconds(stage, start, pace, rows)
            yield _training_cost(f"{prefix}{stage.name}", stage, rows, student, recipe.max_length_tokens, seconds)


def _stage_seconds(stage: Stage, start: Start, pace: Pace, sentences: int) -> float:
    """Return the estimated duration of a stage; the teacher runs in each epoch or, if it is cached, once."""
    _, states = required_states(stage.losses, start.pairs)
    is_live = bool(states) and not stage.cache_layers
    teacher_s = pace.teacher_forward_s * (stage.epochs if is_live else 1)
    return sentences * (stage.epochs * pace.student_step_s + teacher_s)


def _training_size(model: PreTrainedModel, parameter_count: int, tokens: Tokens) -> _TrainingSize:
    """Return the size of a training in which only the used rows of the embedding are trained."""
    embedding = model.get_input_embeddings()
    assert isinstance(embedding, torch.nn.Embedding)
    used = len(used_ids(embedding, tokens)) * embedding.embedding_dim
    linear, embedded = (
        sum(module.weight.numel() for module in model.modules() if isinstance(module, kind))
        for kind in (torch.nn.Linear, torch.nn.Embedding)
    )
    return _TrainingSize(
        config=model.config,
        trained=parameter_count - count_parameters(embedding) + used,
        held=parameter_count + used,
        rounded_bytes=cost.rounded_weight_bytes(linear, embedded - count_parameters(embedding) + used),
    )


def _training_cost(
    name: str, section: Training, sentences: int, size: _TrainingSize, length_tokens: int, seconds: float
) -> TrainingCost:
    return TrainingCost(
        name=name,
        steps=loop.steps(section, sentences),
        memory=size.memory(section, length_tokens),
        fake_quantize=_rounding(section),
        estimated_s=seconds,
    )


def _rounding(section: Training) -> FakeQuantize | None:
    return section.fake_quantize if isinstance(section, Stage) else None
