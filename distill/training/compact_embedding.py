"""Train only the embedding rows that the sentences use.

A gradient step writes, clips and updates the whole embedding, most of a small model's parameters, though a task's
sentences use a third of its rows. The others would only shrink by weight decay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel

from contract.tokens import Tokens


@contextmanager
def compact_embedding(model: PreTrainedModel, tokens: Tokens) -> Iterator[tuple[Tokens, NDArray[np.int64]]]:
    """Reduce a model's embedding to the rows that some sentences use, for the duration of the block.

    Args:
        model: model whose embedding is replaced; the original is put back afterwards, with the trained rows.
        tokens: N sentences with the model's token ids.

    Yields:
        The sentences with the compact ids, and the model's id of each compact id, shape (R,).
    """
    embedding = model.get_input_embeddings()
    assert isinstance(embedding, nn.Embedding)
    ids_R = used_ids(embedding, tokens)
    model.set_input_embeddings(_rows(embedding, ids_R))
    try:
        yield replace(tokens, ids_T=np.searchsorted(ids_R, tokens.ids_T).astype(np.int32)), ids_R
    finally:
        trained = model.get_input_embeddings()
        assert isinstance(trained, nn.Embedding)
        with torch.no_grad():
            embedding.weight[torch.from_numpy(ids_R)] = trained.weight.to(embedding.weight.device)
        model.set_input_embeddings(embedding.to(trained.weight.device))


def used_ids(embedding: nn.Embedding, tokens: Tokens) -> NDArray[np.int64]:
    """Return the token ids whose rows are trained, in ascending order, shape (R,).

    All ids up to the padding id are included, so that padding has the same id in both embeddings: its row has no
    gradient, and RoBERTa derives positions from it. Batches are padded with id 0 in any case, which is masked.
    """
    return np.union1d(tokens.ids_T, np.arange((embedding.padding_idx or 0) + 1)).astype(np.int64)


def _rows(embedding: nn.Embedding, ids_R: NDArray[np.int64]) -> nn.Embedding:
    compact = nn.Embedding(len(ids_R), embedding.embedding_dim, padding_idx=embedding.padding_idx)
    with torch.no_grad():
        compact.weight.copy_(embedding.weight[torch.from_numpy(ids_R)])
    return compact
