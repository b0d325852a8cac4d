"""Make the student before it learns: copied from the teacher's layers, or a named shape at random."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from contract.errors import InputError
from distill import layer_map
from distill.capture import embeddings_of, layers_of
from distill.recipe import StudentRecipe
from distill.shape import PRESETS, check


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A student that has not learned yet.

    Attributes:
        model: the student.
        teacher_layers: the teacher layer each of its layers learns from.
        shape: in words.
    """

    model: PreTrainedModel
    teacher_layers: tuple[int, ...]
    shape: str


def initialise(teacher: PreTrainedModel, recipe: StudentRecipe, seed: int) -> Start:
    """Make the student.

    Args:
        teacher: a BERT-like classifier.
        recipe: the shape and the start.
        seed: of the weights that start at random.

    Raises:
        InputError: no such preset or layer, or a teacher that is not laid out like BERT.
    """
    check(recipe)
    torch.manual_seed(seed)
    if recipe.layers:
        return _copy(teacher, recipe.layers)
    shape = PRESETS[recipe.preset]
    config = _reshaped(
        teacher.config,
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward_width,
    )
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    mapping = layer_map.uniform(shape.layers, len(layers_of(teacher)))
    return Start(model=model, teacher_layers=mapping, shape=f"{recipe.preset}, random start")


def check_fit(config: Any, recipe: StudentRecipe, max_length_tokens: int) -> None:
    """Check by a teacher's configuration alone that a student can be made of it, before it is fine-tuned.

    Raises:
        InputError: not laid out like BERT, a layer it lacks, or texts longer than its positions.
    """
    with torch.device("meta"):
        skeleton = AutoModelForSequenceClassification.from_config(config)
    layers = len(layers_of(skeleton))
    if recipe.layers:
        layer_map.copied(recipe.layers, layers)
    else:
        layer_map.uniform(PRESETS[recipe.preset].layers, layers)
    if max_length_tokens > config.max_position_embeddings:
        raise InputError(
            f"max_length_tokens {max_length_tokens} is over the teacher's {config.max_position_embeddings} positions",
            "lower max_length_tokens",
        )


def parameters(model: torch.nn.Module) -> int:
    """Count a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def _copy(teacher: PreTrainedModel, layers: tuple[int, ...]) -> Start:
    """Copy everything of the teacher but the layers left out."""
    mapping = layer_map.copied(layers, len(layers_of(teacher)))
    config = _reshaped(teacher.config, num_hidden_layers=len(layers))
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    embeddings_of(model).load_state_dict(embeddings_of(teacher).state_dict())
    for layer, source in zip(layers_of(model), mapping, strict=True):
        layer.load_state_dict(layers_of(teacher)[source].state_dict())
    beside = {
        name: value
        for name, value in teacher.state_dict().items()
        if ".encoder.layer." not in name and ".embeddings." not in name
    }
    model.load_state_dict(beside, strict=False)
    width, heads = config.hidden_size, config.num_attention_heads
    shape = f"{len(layers)} layers of {width}, {heads} heads, copied from layers {', '.join(map(str, layers))}"
    return Start(model=model, teacher_layers=mapping, shape=shape)


def _reshaped(config: Any, **changes: int) -> Any:
    reshaped = copy.deepcopy(config)
    for name, value in changes.items():
        setattr(reshaped, name, value)
    return reshaped
