"""Make the student before it learns: from teacher layers, from a general student, or at random."""

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
from distill.recipe import Recipe, shape
from distill.recipe.shape import Shape
from distill.recipe.student import StudentRecipe
from distill.student import layer_map
from distill.student.importance import measure
from distill.student.layer_map import LayerMap
from distill.student.narrow import narrow
from distill.tasks import text


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A student that has not learned yet.

    Attributes:
        model: the student.
        pairs: which of its layers learns from which of the teacher's.
        shape: in words.
    """

    model: PreTrainedModel
    pairs: LayerMap
    shape: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StartData:
    """What some starts need beside the teacher.

    Attributes:
        general: the folder of the general student, for the start `general`.
        tokens, labels_N: the training sentences with the teacher's token ids, for the start `narrowed`, which measures
            on some of them what is important.
    """

    general: Path | None = None
    tokens: Tokens | None = None
    labels_N: NDArray[Any] | None = None


NO_DATA = StartData()


def initialise(teacher: PreTrainedModel, recipe: Recipe, ingredients: StartData = NO_DATA) -> Start:
    """Make the student.

    Args:
        teacher: a BERT-like classifier.
        recipe: the shape, the start, and the seed of the weights that start at random.
        ingredients: what the start needs.

    Raises:
        InputError: no such preset or layer, or a teacher that is not laid out like BERT.
    """
    torch.manual_seed(recipe.student_seed)
    wanted = shape_of(recipe.student, teacher.config)
    pairs = pairs_of(recipe.student, wanted, len(layers_of(teacher)))
    model = _STARTS[recipe.start](teacher, recipe, wanted, ingredients)
    return Start(model=model, pairs=pairs, shape=f"{wanted}; {recipe.start} start")


def shape_of(student: StudentRecipe, teacher_config: Any) -> Shape:
    """Return the student's shape.

    Args:
        student: of the recipe.
        teacher_config: gives the width where the recipe names layers only.

    Raises:
        InputError: no such preset, with the near miss.
    """
    if student.shape is not None:
        return student.shape
    if student.preset:
        return shape.preset(student.preset)
    return Shape(
        layers=len(student.layers),
        width=teacher_config.hidden_size,
        heads=teacher_config.num_attention_heads,
        feed_forward_width=teacher_config.intermediate_size,
    )


def pairs_of(student: StudentRecipe, wanted: Shape, teacher_layers: int) -> LayerMap:
    """Return which student layer learns from which teacher layer.

    Raises:
        InputError: the layers or the mapping do not fit the teacher.
    """
    if student.layers:
        layer_map.rising(student.layers, teacher_layers, "student.layers")
    mapping = student.mapping if student.mapping is not None else student.layers or "uniform"
    return layer_map.chosen(mapping, wanted.layers, teacher_layers)


def check_fit(config: Any, recipe: Recipe) -> None:
    """Check by a teacher's configuration alone that a student can be made of it, before it is fine-tuned.

    Raises:
        InputError: not laid out like BERT, a layer it lacks, or texts longer than its positions.
    """
    with torch.device("meta"):
        skeleton = tasks.get(recipe.task).model_class().from_config(config)
    layers, longest = len(layers_of(skeleton)), positions.longest(skeleton)
    student, wanted = recipe.student, shape_of(recipe.student, config)
    pairs_of(student, wanted, layers)
    slim.check(
        student.convolution_layers,
        student.pooled_after,
        student.convolution_kernel,
        layers=wanted.layers,
        positions=longest,
    )
    if recipe.max_length_tokens > longest:
        raise InputError(
            f"max_length_tokens {recipe.max_length_tokens} is over the teacher's {longest} positions",
            "lower max_length_tokens",
        )


def longest_of(config: Any) -> int:
    """Return how many tokens a model of a configuration has positions for."""
    with torch.device("meta"):
        return positions.longest(text.model_class().from_config(config))


def parameters(model: torch.nn.Module) -> int:
    """Count a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def reshaped(config: Any, wanted: Shape) -> Any:
    """Return a configuration like another one but for the shape."""
    own = copy.deepcopy(config)
    own.num_hidden_layers = wanted.layers
    own.hidden_size = wanted.width
    own.num_attention_heads = wanted.heads
    own.intermediate_size = wanted.feed_forward_width
    return own


def _class(recipe: Recipe) -> Any:
    return tasks.get(recipe.task).model_class()


def _copied(teacher: PreTrainedModel, recipe: Recipe, wanted: Shape, _none: StartData) -> PreTrainedModel:
    """Copy everything of the teacher but the layers left out."""
    model: PreTrainedModel = _class(recipe).from_config(reshaped(teacher.config, wanted))
    embeddings_of(model).load_state_dict(embeddings_of(teacher).state_dict())
    for layer, source in zip(layers_of(model), recipe.student.layers, strict=True):
        layer.load_state_dict(layers_of(teacher)[source].state_dict())
    beside = {
        name: value
        for name, value in teacher.state_dict().items()
        if ".encoder.layer." not in name and ".embeddings." not in name
    }
    model.load_state_dict(beside, strict=False)
    return model


def _random(teacher: PreTrainedModel, recipe: Recipe, wanted: Shape, _none: StartData) -> PreTrainedModel:
    model: PreTrainedModel = _class(recipe).from_config(reshaped(teacher.config, wanted))
    return model


def _narrowed(teacher: PreTrainedModel, recipe: Recipe, wanted: Shape, ingredients: StartData) -> PreTrainedModel:
    """Cut teacher layers to the student's width by what is most important in them."""
    assert ingredients.tokens is not None
    assert ingredients.labels_N is not None
    count = len(layers_of(teacher))
    layers = recipe.student.layers or tuple(theirs for _, theirs in layer_map.uniform(wanted.layers, count))
    return narrow(teacher, wanted, layers, measure(teacher, ingredients.tokens, ingredients.labels_N))


def _general(teacher: PreTrainedModel, recipe: Recipe, _wanted: Shape, ingredients: StartData) -> PreTrainedModel:
    assert ingredients.general is not None, "distil makes it first"
    model: PreTrainedModel = _class(recipe).from_pretrained(
        ingredients.general,
        num_labels=teacher.config.num_labels,
        id2label=teacher.config.id2label,
        label2id=teacher.config.label2id,
        problem_type=teacher.config.problem_type,
        use_safetensors=True,
        dtype="float32",
    )
    return model


_STARTS: dict[str, Callable[[PreTrainedModel, Recipe, Shape, StartData], PreTrainedModel]] = {
    "copied": _copied,
    "narrowed": _narrowed,
    "general": _general,
    "random": _random,
}
