"""Initialise the student: from teacher layers, from a general student, or at random."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from contract.errors import InputError
from contract.tokens import Tokens
from distill import slim, tasks
from distill.model import positions
from distill.model.capture import embeddings_of, layers_of
from distill.model.load import build_on_meta, load
from distill.recipe import Recipe
from distill.recipe import shape as shapes
from distill.recipe.shape import Shape
from distill.recipe.student import StudentRecipe
from distill.student import layer_map
from distill.student.importance import measure
from distill.student.layer_map import LayerMap
from distill.student.narrow import narrow
from distill.tasks import text


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A student and the layers it learns from, at the start of its training.

    Attributes:
        model: the student.
        pairs: which student layer learns from which teacher layer.
        shape: shape of the student, in words.
    """

    model: PreTrainedModel
    pairs: LayerMap
    shape: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StartData:
    """Data that some starts need in addition to the teacher.

    Attributes:
        general: folder of the general student, for the start `general`.
        tokens, labels_N: training sentences with the teacher's token ids and their labels, for the start `narrowed`,
            which measures the importance of the teacher's parts on some of them.
    """

    general: Path | None = None
    tokens: Tokens | None = None
    labels_N: NDArray[Any] | None = None


NO_DATA = StartData()


def initialise(teacher: PreTrainedModel, recipe: Recipe, data: StartData = NO_DATA) -> Start:
    """Return an untrained student.

    Args:
        teacher: a BERT-like classifier.
        recipe: recipe with the student's shape and start, and the seed for random weights.
        data: data that the start needs.

    Raises:
        InputError: no such preset or layer, or a teacher that is not laid out like BERT.
    """
    torch.manual_seed(recipe.student_seed)
    shape = shape_of(recipe.student, teacher.config)
    pairs = pairs_of(recipe.student, shape, len(layers_of(teacher)))
    model = _STARTS[recipe.start](teacher, recipe, shape, data)
    return Start(model=model, pairs=pairs, shape=f"{shape}; {recipe.start} start")


def shape_of(student: StudentRecipe, teacher_config: Any) -> Shape:
    """Return the student's shape.

    Args:
        student: section [student] of the recipe.
        teacher_config: the teacher's configuration, for the widths of a student that is defined by layers only.

    Raises:
        InputError: no such preset; the message suggests a similar one.
    """
    if student.shape is not None:
        return student.shape
    if student.preset:
        return shapes.preset(student.preset)
    return Shape(
        layers=len(student.layers),
        width=teacher_config.hidden_size,
        heads=teacher_config.num_attention_heads,
        feed_forward_width=teacher_config.intermediate_size,
    )


def pairs_of(student: StudentRecipe, shape: Shape, teacher_layers: int) -> LayerMap:
    """Return which student layer learns from which teacher layer.

    Raises:
        InputError: the layers or the mapping do not fit the teacher.
    """
    if student.layers:
        layer_map.check_layers(student.layers, teacher_layers, "student.layers")
    mapping = student.mapping if student.mapping is not None else student.layers or "uniform"
    return layer_map.resolve(mapping, shape.layers, teacher_layers)


def check_fit(config: Any, recipe: Recipe, name: str) -> None:
    """Check by a teacher's configuration alone that the student can be made from it.

    Args:
        config: the teacher's configuration.
        recipe: recipe with the student's shape.
        name: the teacher's name, for error messages.

    Raises:
        InputError: no model can be built from the configuration, or the teacher is not laid out like BERT, lacks a
            layer, or has too few positions for the texts.
    """
    skeleton = build_on_meta(tasks.get(recipe.task).model_class(), config, name)
    layers, longest = len(layers_of(skeleton)), positions.longest(skeleton)
    student, shape = recipe.student, shape_of(recipe.student, config)
    pairs_of(student, shape, layers)
    slim.check(
        student.convolution_layers,
        student.pooled_after,
        student.convolution_kernel,
        layers=shape.layers,
        positions=longest,
    )
    if recipe.max_length_tokens > longest:
        raise InputError(
            f"max_length_tokens {recipe.max_length_tokens} is more than the teacher's {longest} positions",
            "lower max_length_tokens",
        )


def longest_of(config: Any, name: str) -> int:
    """Return the maximal number of tokens of a text, for a model with this configuration.

    Raises:
        InputError: no model can be built from the configuration.
    """
    return positions.longest(build_on_meta(text.model_class(), config, name))


def count_parameters(model: torch.nn.Module) -> int:
    """Return the number of a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def with_shape(config: Any, shape: Shape) -> Any:
    """Return a copy of a configuration with another shape."""
    changed = copy.deepcopy(config)
    changed.num_hidden_layers = shape.layers
    changed.hidden_size = shape.width
    changed.num_attention_heads = shape.heads
    changed.intermediate_size = shape.feed_forward_width
    return changed


def _class(recipe: Recipe) -> Any:
    return tasks.get(recipe.task).model_class()


def _copied(teacher: PreTrainedModel, recipe: Recipe, shape: Shape, _data: StartData) -> PreTrainedModel:
    """Copy the teacher except for the layers that are left out."""
    model: PreTrainedModel = _class(recipe).from_config(with_shape(teacher.config, shape))
    embeddings_of(model).load_state_dict(embeddings_of(teacher).state_dict())
    for layer, source in zip(layers_of(model), recipe.student.layers, strict=True):
        layer.load_state_dict(layers_of(teacher)[source].state_dict())
    others = {
        name: value
        for name, value in teacher.state_dict().items()
        if ".encoder.layer." not in name and ".embeddings." not in name
    }
    model.load_state_dict(others, strict=False)
    return model


def _random(teacher: PreTrainedModel, recipe: Recipe, shape: Shape, _data: StartData) -> PreTrainedModel:
    model: PreTrainedModel = _class(recipe).from_config(with_shape(teacher.config, shape))
    return model


def _narrowed(teacher: PreTrainedModel, recipe: Recipe, shape: Shape, data: StartData) -> PreTrainedModel:
    """Cut teacher layers to the student's width, keeping their most important parts."""
    assert data.tokens is not None
    assert data.labels_N is not None
    count = len(layers_of(teacher))
    layers = recipe.student.layers or tuple(layer for _, layer in layer_map.uniform(shape.layers, count))
    return narrow(teacher, shape, layers, measure(teacher, data.tokens, data.labels_N))


def _general(teacher: PreTrainedModel, recipe: Recipe, _shape: Shape, data: StartData) -> PreTrainedModel:
    assert data.general is not None, "distil makes it first"
    return load(
        _class(recipe),
        data.general,
        name=str(data.general),
        purpose=f"for {recipe.task}",
        new_head=True,
        num_labels=teacher.config.num_labels,
        id2label=teacher.config.id2label,
        label2id=teacher.config.label2id,
        problem_type=teacher.config.problem_type,
        dtype="float32",
    )


_STARTS: dict[str, Callable[[PreTrainedModel, Recipe, Shape, StartData], PreTrainedModel]] = {
    "copied": _copied,
    "narrowed": _narrowed,
    "general": _general,
    "random": _random,
}
