"""How much each head, neuron and hidden dimension of a teacher matters for its task, measured on sentences.

Shapes: N sentences, B sentences of one batch, L tokens, D hidden dimensions, H heads, W dimensions of one head,
F neurons of a feed-forward layer.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from contract.errors import InputError
from contract.progress import bar
from contract.tokens import Tokens
from distill.model.capture import EMBEDDING, POOLED, capturing, embedding_output_of, layers_of, state_name
from distill.model.predict import tensors

BATCH_SIZE = 32
MEASURED = ("hidden", "query", "context", "neurons")
Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """Scores, higher for more important parts; only scores in the same row of the same array can be compared.

    Attributes:
        heads: scores of the heads, shape (layers, H).
        query_key: scores of each dimension of each head's queries and keys, shape (layers, H, W).
        value: scores of each dimension of each head's values, shape (layers, H, W).
        neurons: scores of the neurons, shape (layers, F).
        dimensions: scores of the hidden dimensions, over all layers, shape (D,).
        pooled: scores of the pooler's outputs, shape (D,).
    """

    heads: Scores
    query_key: Scores
    value: Scores
    neurons: Scores
    dimensions: Scores
    pooled: Scores


def measure(
    teacher: PreTrainedModel, tokens: Tokens, labels_N: NDArray[np.generic], *, sentences: int = 256
) -> Importance:
    """Measure how much the loss would change if each part were set to 0, to first order.

    |activation x gradient|, summed over a sentence's tokens first, then over the sentences: for heads Michel
    et al. (arXiv 1905.10650, equation 2), for neurons and dimensions Molchanov et al. (arXiv 1611.06440, equation 8).
    Each layer's scores of the hidden dimensions are scaled to norm 1 before they are added (Molchanov et al., section
    2.2).

    Args:
        teacher: a BERT classifier, or a regressor of one output.
        tokens: training sentences.
        labels_N: class numbers, or float32 values of a regression.
        sentences: number of sentences to measure on, evenly spaced.

    Raises:
        InputError: the teacher is not a BERT.
    """
    check_bert(teacher, "narrowed")
    rows = np.linspace(0, len(tokens) - 1, min(sentences, len(tokens))).round().astype(int).tolist()
    totals: dict[str, Scores] = {}
    teacher.eval()
    with bar("Measuring the importance of the teacher's parts", len(rows)) as advance:
        for start in range(0, len(rows), BATCH_SIZE):
            batch = rows[start : start + BATCH_SIZE]
            inputs = {name: value.to(teacher.device) for name, value in tensors(tokens.batch(batch)).items()}
            labels_B = torch.from_numpy(np.asarray(labels_N[batch])).to(teacher.device)
            for name, score in _scores(teacher, inputs, labels_B).items():
                totals[name] = totals.get(name, 0) + score
            advance(len(batch))
    return _importance(totals, teacher.config.num_attention_heads, len(layers_of(teacher)))


def check_bert(model: PreTrainedModel, change: str) -> None:
    """Check that a model is a BERT, not only laid out like one.

    Args:
        model: any model.
        change: what cannot be done with another model, as a participle, for the message.

    Raises:
        InputError: the model is not a BERT.
    """
    if model.config.model_type != "bert":
        raise InputError(
            f"a model of type {model.config.model_type!r} cannot be {change}, only BERT can",
            "choose a BERT as teacher, or another start for the student",
        )


def _scores(teacher: PreTrainedModel, inputs: dict[str, Tensor], labels_B: Tensor) -> dict[str, Scores]:
    """Return the scores of one batch by the name of the state; whole heads are named `heads.LAYER`."""
    layers, heads = range(len(layers_of(teacher))), teacher.config.num_attention_heads
    names = [EMBEDDING, *(state_name(kind, layer) for kind in MEASURED for layer in layers), POOLED]
    # Without this, a teacher with frozen weights has no gradients.
    handle = embedding_output_of(teacher).register_forward_hook(
        lambda _module, _inputs, output: output.requires_grad_()
    )
    with torch.enable_grad(), capturing(teacher, names) as captured:
        logits_BC = teacher(**inputs).logits
        handle.remove()
        gradients = torch.autograd.grad(_loss(logits_BC, labels_B), [captured.states[name] for name in names])
    effects_BX = {}
    for name, gradient in zip(names, gradients, strict=True):
        effect = captured.states[name].detach() * gradient
        effects_BX[name] = effect.reshape(len(labels_B), -1, effect.shape[-1]).sum(1)
    for layer in layers:
        effects_BHW = effects_BX[state_name("context", layer)].unflatten(1, (heads, -1))
        effects_BX[state_name("heads", layer)] = effects_BHW.sum(2)
    return {name: effect_BX.abs().sum(0).double().cpu().numpy() for name, effect_BX in effects_BX.items()}


def _loss(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Return the task's loss, summed, so that a sentence's gradient does not depend on its batch."""
    if labels_B.is_floating_point():
        return nn.functional.mse_loss(logits_BC[:, 0], labels_B.to(logits_BC.dtype), reduction="sum")
    return nn.functional.cross_entropy(logits_BC, labels_B, reduction="sum")


def _importance(totals: dict[str, Scores], heads: int, layers: int) -> Importance:
    def by_layer(kind: str) -> Scores:
        return np.stack([totals[state_name(kind, layer)] for layer in range(layers)])

    def by_head(kind: str) -> Scores:
        scores = by_layer(kind)
        return scores.reshape(layers, heads, scores.shape[1] // heads)

    hidden = np.vstack([totals[EMBEDDING], by_layer("hidden")])
    norms = np.linalg.norm(hidden, axis=1, keepdims=True)
    return Importance(
        heads=by_layer("heads"),
        query_key=by_head("query"),
        value=by_head("context"),
        neurons=by_layer("neurons"),
        dimensions=(hidden / np.where(norms > 0, norms, 1)).sum(axis=0),
        pooled=totals[POOLED],
    )
