"""What a recipe would do, known before anything is trained or written: layers, shapes, sizes, steps and memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from contract.tokens import Tokens
from distill import tasks, teacher
from distill.augment.draw import most_new_rows
from distill.data.dataset import Splits
from distill.data.hold_out import parted
from distill.data.tokenise import tokenise
from distill.model.source import Encoder
from distill.plan import cost
from distill.plan.cost import Memory, Parameters
from distill.plan.sketch import sketch
from distill.recipe import Recipe
from distill.recipe.shape import Shape
from distill.recipe.stage import FakeQuantize, Stage
from distill.recipe.training import Training
from distill.student.initialise import Start, count_parameters, shape_of
from distill.student.layer_map import LayerMap
from distill.training import loop
from distill.training.compact_embedding import used_ids
from distill.training.forward import ProjectedStudent
from distill.training.precision import bf16_choice


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPlan:
    """One model.

    Attributes:
        shape: layers, width, heads, feed-forward width.
        parameters: how many, by part.
        typical_flops, maximal_flops: of one sentence of the typical and of the maximal length.
    """

    shape: Shape
    parameters: Parameters
    typical_flops: int
    maximal_flops: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingPlan:
    """One training.

    Attributes:
        name, steps: of it.
        memory: with a batch of the longest sentences that the recipe takes.
        fake_quantize: how weights and activations are rounded, if they are.
    """

    name: str
    steps: int
    memory: Memory
    fake_quantize: FakeQuantize | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A whole distillation.

    Attributes:
        recipe: its name.
        start: how the student starts.
        pairs: which student layer learns from which teacher layer, from 0.
        copied_layers: the teacher layers that the student starts from; none where it does not start from any.
        typical_length_tokens: the median of the training sentences.
        maximal_length_tokens: where the recipe cuts texts.
        teacher, student: the models.
        new_rows: of the augmentation, at most: how many differ is known when they are made.
        trainings: in their order; their steps count the new rows too.
    """

    recipe: str
    start: str
    pairs: LayerMap
    copied_layers: tuple[int, ...]
    typical_length_tokens: int
    maximal_length_tokens: int
    teacher: ModelPlan
    student: ModelPlan
    new_rows: int
    trainings: tuple[TrainingPlan, ...]


def plan(recipe: Recipe, encoder: Encoder, splits: Splits) -> Plan:
    """Work out what a recipe would do; nothing is trained, written, or loaded but a tokenizer.

    Args:
        recipe: the distillation.
        encoder: the teacher's model, fine-tuned or not; only its configuration and tokenizer are read.
        splits: the task's data.

    Raises:
        InputError: the student cannot be made or compared as the recipe says.
    """
    config = teacher.read_config(encoder.folder)
    task = tasks.get(recipe.task)
    ready = task.is_ready(config)
    if ready:
        task.check_head(config, recipe.data.label_names, encoder.name)
    models = sketch(recipe, encoder, splits.train)
    model, start = models.teacher, models.start
    own, _ = parted(recipe, splits)
    new_rows = most_new_rows(recipe.augmentation, own.train) if recipe.augmentation else 0
    tokens = tokenise(models.teacher_tokenizer, splits.train, recipe.max_length_tokens)
    student_tokens = tokenise(models.tokenizer, splits.train, recipe.max_length_tokens)
    typical, maximal = int(np.median(tokens.lengths)), recipe.max_length_tokens
    return Plan(
        recipe=recipe.name,
        start=recipe.start,
        pairs=start.pairs,
        copied_layers=recipe.student.layers if recipe.start != "random" else (),
        typical_length_tokens=typical,
        maximal_length_tokens=maximal,
        teacher=_model(model, _shape(config), typical, maximal),
        student=_model(start.model, shape_of(recipe.student, config), typical, maximal),
        new_rows=new_rows,
        trainings=tuple(
            _trainings(recipe, tokens, student_tokens, model, start, rows=len(own.train) + new_rows, ready=ready)
        ),
    )


def _shape(config: Any) -> Shape:
    return Shape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        feed_forward_width=config.intermediate_size,
    )


def _model(model: PreTrainedModel, shape: Shape, typical: int, maximal: int) -> ModelPlan:
    return ModelPlan(
        shape=shape,
        parameters=cost.count(model),
        typical_flops=cost.flops(model, typical),
        maximal_flops=cost.flops(model, maximal),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Room:
    """What a training's memory is made of.

    Attributes:
        config: of the trained model.
        trained: its parameters.
        held: all parameters in memory.
        rounded_bytes: what is kept of its rounded weights where they are rounded.
    """

    config: Any
    trained: int
    held: int
    rounded_bytes: int

    def memory(self, section: Training, length_tokens: int) -> Memory:
        """Return the memory with a batch of sentences of this length."""
        float_bytes = 2 if bf16_choice()[0] else cost.FLOAT_BYTES
        kept = cost.activations(
            self.config,
            sentences=section.batch_size,
            length_tokens=length_tokens,
            float_bytes=float_bytes,
            mask_bytes=1 if torch.cuda.is_available() else float_bytes,
            fake_quantized=_rounding(section) is not None,
        )
        kept += self.rounded_bytes if _rounding(section) else 0
        return cost.memory(held=self.held, trained=self.trained, activations=kept)


def _trainings(
    recipe: Recipe,
    tokens: Tokens,
    student_tokens: Tokens,
    model: PreTrainedModel,
    start: Start,
    *,
    rows: int,
    ready: bool,
) -> Iterator[TrainingPlan]:
    if not ready:
        room = _room(model, count_parameters(model), tokens)
        yield _training("teacher", recipe.teacher, len(tokens), room, recipe.max_length_tokens)
    with torch.device("meta"):
        pupil = ProjectedStudent(start.model, model.config.hidden_size, start.pairs)
    student = _room(start.model, count_parameters(pupil), student_tokens)
    student = replace(student, held=student.held + count_parameters(model))
    if recipe.start == "general":
        assert recipe.general is not None, "the recipe checks it"
        sentences = -(-recipe.general.tokens // recipe.general.length_tokens)
        # Which rows of the embedding a corpus uses is known only when it is read: all of them at most.
        whole = replace(student, trained=count_parameters(pupil))
        yield _training(recipe.general.name, recipe.general, sentences, whole, recipe.general.length_tokens)
    for number in range(recipe.soup.students if recipe.soup else 1):
        of = f"student {number + 1}, " if recipe.soup else ""
        for stage in recipe.stages:
            yield _training(f"{of}{stage.name}", stage, rows, student, recipe.max_length_tokens)


def _room(model: PreTrainedModel, whole: int, tokens: Tokens) -> _Room:
    """Return what training holds where only the used rows of the embedding are trained, and the others set aside."""
    embedding = model.get_input_embeddings()
    assert isinstance(embedding, torch.nn.Embedding)
    used = len(used_ids(embedding, tokens)) * embedding.embedding_dim
    linear, embedded = (
        sum(module.weight.numel() for module in model.modules() if isinstance(module, kind))
        for kind in (torch.nn.Linear, torch.nn.Embedding)
    )
    return _Room(
        config=model.config,
        trained=whole - count_parameters(embedding) + used,
        held=whole + used,
        rounded_bytes=cost.rounded(linear, embedded - count_parameters(embedding) + used),
    )


def _training(name: str, section: Training, sentences: int, room: _Room, length_tokens: int) -> TrainingPlan:
    return TrainingPlan(
        name=name,
        steps=loop.steps(section, sentences),
        memory=room.memory(section, length_tokens),
        fake_quantize=_rounding(section),
    )


def _rounding(section: Training) -> FakeQuantize | None:
    return section.fake_quantize if isinstance(section, Stage) else None
