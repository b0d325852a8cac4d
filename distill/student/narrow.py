"""Make a narrower student from the most important hidden dimensions, heads and neurons of a teacher, in their order.

Shapes: D hidden dimensions of the teacher, K of the student.
"""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import BertForSequenceClassification, PreTrainedModel

from contract.errors import InputError
from distill.recipe.shape import Shape
from distill.student.importance import Importance, Scores, check_bert

Indices = NDArray[np.int64]
PREFIX = "bert.encoder.layer"


def narrow(
    teacher: PreTrainedModel, shape: Shape, layers: tuple[int, ...], importance: Importance
) -> BertForSequenceClassification:
    """Make a student whose layer i is the teacher's layer `layers[i]`, cut to the shape.

    The same hidden dimensions are kept in all layers; with the teacher's width, all of them. The pooler's outputs are
    not hidden states and are chosen separately.

    If heads are not wider than the teacher's, the most important heads are kept, and the most important dimensions of
    each; a dimension of the queries is kept with that of the keys, one of the values with its column of the output. If
    heads are wider, the most important heads that fill the width are kept (of the last of them a part) and joined to
    their neighbours in the teacher's order, so that a joined head attends by the mean of its parts' scores.

    Scores are divided by the root of a head's width. The queries are multiplied by the root of new over old width, so
    that each dimension contributes to the scores as much as in the teacher; joined heads by the root of old over new.

    Args:
        teacher: a BERT classifier or regressor.
        shape: shape of the student.
        layers: teacher layers, from 0.
        importance: importance of the parts of this teacher.

    Raises:
        InputError: the teacher is not a BERT, or is smaller than the shape in some respect.
    """
    check_bert(teacher, "narrowed")
    _check(teacher, shape, layers)
    dimensions = _best(importance.dimensions, shape.width)
    pooled = _best(importance.pooled, shape.width)
    old = teacher.state_dict()
    new = {
        name: value[:, dimensions] if value.ndim == 2 else value[dimensions]
        for name, value in old.items()
        if name.startswith("bert.embeddings.")
    }
    for student_layer, teacher_layer in enumerate(layers):
        weights = _layer(old, teacher_layer, dimensions, shape, importance)
        new |= {f"{PREFIX}.{student_layer}.{name}": value for name, value in weights.items()}
    new["bert.pooler.dense.weight"] = _cut(old["bert.pooler.dense.weight"], pooled, dimensions)
    new["bert.pooler.dense.bias"] = old["bert.pooler.dense.bias"][pooled]
    new["classifier.weight"] = old["classifier.weight"][:, pooled]
    new["classifier.bias"] = old["classifier.bias"]
    student = BertForSequenceClassification(_config(teacher, shape))
    student.load_state_dict(new)
    return student


def _check(teacher: PreTrainedModel, shape: Shape, layers: tuple[int, ...]) -> None:
    config = teacher.config
    sizes = {
        "layers": (shape.layers, config.num_hidden_layers),
        "width": (shape.width, config.hidden_size),
        "heads": (shape.heads, config.num_attention_heads),
        "feed_forward_width": (shape.feed_forward_width, config.intermediate_size),
    }
    for name, (student_size, teacher_size) in sizes.items():
        if student_size > teacher_size:
            raise InputError(
                f"a student with {name} {student_size} cannot be narrowed from a teacher with {teacher_size}",
                f"choose at most {teacher_size}",
            )
    if len(layers) != shape.layers or not all(0 <= layer < config.num_hidden_layers for layer in layers):
        raise InputError(
            f"layers {list(layers)} are not {shape.layers} of the teacher's layers",
            f"its layers are 0 to {config.num_hidden_layers - 1}",
        )


def _config(teacher: PreTrainedModel, shape: Shape) -> Any:
    config = copy.deepcopy(teacher.config)
    config.num_hidden_layers = shape.layers
    config.hidden_size = shape.width
    config.num_attention_heads = shape.heads
    config.intermediate_size = shape.feed_forward_width
    return config


def _layer(
    old: dict[str, Tensor], layer: int, dimensions: Indices, shape: Shape, importance: Importance
) -> dict[str, Tensor]:
    """Return the weights of one layer of the student."""
    query_key, value = _head_dimensions(layer, shape, importance)
    neurons = _best(importance.neurons[layer], shape.feed_forward_width)
    rows_and_columns = {
        "attention.self.query": (query_key, dimensions),
        "attention.self.key": (query_key, dimensions),
        "attention.self.value": (value, dimensions),
        "attention.output.dense": (dimensions, value),
        "intermediate.dense": (neurons, dimensions),
        "output.dense": (dimensions, neurons),
    }
    new = {}
    for name, (rows, columns) in rows_and_columns.items():
        new[f"{name}.weight"] = _cut(old[f"{PREFIX}.{layer}.{name}.weight"], rows, columns)
        new[f"{name}.bias"] = old[f"{PREFIX}.{layer}.{name}.bias"][rows]
    for name in ("attention.output.LayerNorm", "output.LayerNorm"):
        for kind in ("weight", "bias"):
            new[f"{name}.{kind}"] = old[f"{PREFIX}.{layer}.{name}.{kind}"][dimensions]
    wider = shape.width / shape.heads / importance.value.shape[2]
    scale = min(wider, 1 / wider) ** 0.5
    for kind in ("weight", "bias"):
        new[f"attention.self.query.{kind}"] = new[f"attention.self.query.{kind}"] * scale
    return new


def _head_dimensions(layer: int, shape: Shape, importance: Importance) -> tuple[Indices, Indices]:
    """Return the teacher's query-and-key and value dimensions that make up the student's heads, in their order."""
    old_width, new_width = importance.value.shape[2], shape.width // shape.heads
    by_importance = _order(importance.heads[layer]).tolist()
    if new_width <= old_width:
        quotas = [(head, new_width) for head in by_importance[: shape.heads]]
    else:
        whole, rest = divmod(shape.width, old_width)
        quotas = [(head, old_width) for head in by_importance[:whole]]
        quotas += [(head, rest) for head in by_importance[whole : whole + 1] if rest]
    query_key, value = (
        np.concatenate([head * old_width + _best(scores[layer, head], quota) for head, quota in sorted(quotas)])
        for scores in (importance.query_key, importance.value)
    )
    return query_key, value


def _best(scores: Scores, count: int) -> Indices:
    """Return the indices of the highest scores, in ascending order."""
    return np.sort(_order(scores)[:count])


def _order(scores: Scores) -> Indices:
    return np.argsort(-scores, kind="stable")


def _cut(weight: Tensor, rows: Indices, columns: Indices) -> Tensor:
    return weight[torch.from_numpy(rows)][:, torch.from_numpy(columns)]
