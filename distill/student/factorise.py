"""Factorise a student's embedding into a narrow one and a matrix that widens its output.

Lan et al., ALBERT (arXiv 1909.11942, section 3.1): V x E + E x D numbers instead of V x D. The result is laid out like
ELECTRA, whose layers are BERT's, so that its folder is loaded without this project.

Shapes: V pieces, D hidden dimensions, E dimensions of the narrow embedding, T tokens.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import ElectraConfig, ElectraForSequenceClassification, PreTrainedModel

from contract.errors import InputError
from contract.tokens import Tokens
from distill.student.importance import check_bert

SENTENCES = 4096
ROUNDING = 1e-5
TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")
# Keys with the same meaning in both configurations.
SHARED = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
    "layer_norm_eps",
    "classifier_dropout",
    "pad_token_id",
    "id2label",
    "label2id",
    "problem_type",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Factorised:
    """A student with a factorised embedding.

    Attributes:
        model: the student.
        relative_error: norm of the difference between its embedding's output and the original's, relative to the norm
            of the original's, over the tokens it was fitted on.
    """

    model: ElectraForSequenceClassification
    relative_error: float


def factorise(model: PreTrainedModel, embedding_width: int, tokens: Tokens) -> Factorised:
    """Make a student with a narrow embedding from a BERT, as close to it as possible without training.

    The layers and the head are copied, but ELECTRA's head has GELU instead of BERT's tanh, so it has to be trained.

    Args:
        model: a BERT classifier or regressor.
        embedding_width: width of the narrow embedding.
        tokens: sentences to fit the narrow embedding on; frequent tokens count more.

    Raises:
        InputError: the model is not a BERT, or not wider than the embedding.
    """
    student = with_random_embedding(model, embedding_width)
    embeddings: Any = model.base_model.embeddings
    summed_TD = _summed(embeddings, tokens)
    with torch.no_grad():
        output_TD = embeddings.LayerNorm(summed_TD)
        narrowing_DE = _narrowing(summed_TD, embeddings.LayerNorm.weight, embedding_width)
        widening_ED, bias_D = _widening(_normalised(summed_TD @ narrowing_DE), output_TD)
        error_TD = _normalised(summed_TD @ narrowing_DE) @ widening_ED + bias_D - output_TD
    base: Any = student.base_model
    with torch.no_grad():
        for name in TABLES:
            getattr(base.embeddings, name).weight.copy_(getattr(embeddings, name).weight @ narrowing_DE)
        base.embeddings_project.weight.copy_(widening_ED.T)
        base.embeddings_project.bias.copy_(bias_D)
    return Factorised(model=student, relative_error=float(error_TD.norm() / output_TD.norm()))


def with_random_embedding(model: PreTrainedModel, embedding_width: int) -> ElectraForSequenceClassification:
    """Return an ELECTRA with the layers and the head of a BERT, and a random narrow embedding.

    Args:
        model: a BERT classifier or regressor, which may be on the meta device.
        embedding_width: width of the narrow embedding.

    Raises:
        InputError: the model is not a BERT, or not wider than the embedding.
    """
    check_bert(model, "factorised")
    width = model.config.hidden_size
    if not 1 < embedding_width < width:
        raise InputError(
            f"an embedding of width {width} cannot be factorised to width {embedding_width}", f"choose 2 to {width - 1}"
        )
    shared = {name: getattr(model.config, name) for name in SHARED}
    student = ElectraForSequenceClassification(ElectraConfig(embedding_size=embedding_width, **shared))
    old: Any = model
    student.electra.encoder.load_state_dict(old.bert.encoder.state_dict())
    student.classifier.dense.load_state_dict(old.bert.pooler.dense.state_dict())
    student.classifier.out_proj.load_state_dict(old.classifier.state_dict())
    return student


@torch.no_grad()
def _summed(embeddings: Any, tokens: Tokens) -> Tensor:
    """Return the sums of word, position and type embeddings of evenly spaced sentences, shape (T, D)."""
    rows = np.linspace(0, len(tokens) - 1, min(SENTENCES, len(tokens))).round().astype(int).tolist()
    sample = tokens.take(rows)
    positions_T = np.arange(len(sample.ids_T)) - np.repeat(sample.offsets[:-1], sample.lengths)
    indices = (sample.ids_T, positions_T, sample.types_T)
    parts = [
        getattr(embeddings, name).weight[torch.from_numpy(np.asarray(index_T, dtype=np.int64))]
        for name, index_T in zip(TABLES, indices, strict=True)
    ]
    return torch.stack(parts).sum(0)


def _narrowing(summed_TD: Tensor, scale_D: Tensor, width: int) -> Tensor:
    """Return the map from the sums to the narrow space, shape (D, E), with the least loss in the normalised output.

    It consists of the E - 1 principal directions of the tokens' normalised sums, with each dimension weighted by the
    normalisation's scale. They are rotated so that the mean over the narrow dimensions is 0 for every token: the narrow
    normalisation removes the mean, and one direction with it.
    """
    scaled_TD = (_normalised(summed_TD) * scale_D).double()
    _, directions_DD = torch.linalg.eigh(scaled_TD.T @ scaled_TD)
    leading_DR = scale_D.double()[:, None] * directions_DD[:, -(width - 1) :]
    square_EE = torch.eye(width, dtype=torch.float64)
    square_EE[:, 0] = 1
    rotation_RE = torch.linalg.qr(square_EE).Q[:, 1:].T
    # The wide normalisation removes the mean too.
    narrowing_DE: Tensor = (leading_DR - leading_DR.mean(0)) @ rotation_RE
    return narrowing_DE.to(summed_TD.dtype)


def _widening(narrow_TE: Tensor, output_TD: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix (E, D) and the bias (D,) that map the narrow output to the original one by least squares."""
    ones_T1 = torch.ones(len(narrow_TE), 1, dtype=torch.float64)
    inputs_TE1 = torch.cat([narrow_TE.double(), ones_T1], dim=1)
    # The narrow output's mean is 0 except for rounding, which the matrix must not amplify: hence rcond.
    solved = torch.linalg.lstsq(inputs_TE1, output_TD.double(), rcond=ROUNDING, driver="gelsd")
    return solved.solution[:-1].to(output_TD.dtype), solved.solution[-1].to(output_TD.dtype)


def _normalised(values: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(values, values.shape[-1:], eps=1e-12)
