"""Train with the embedding rows that the sentences use, and no others.

A gradient step writes, clips and updates the whole embedding, most of a small model's numbers, though a task's
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
def compact(model: PreTrainedModel, tokens: Tokens) -> Iterator[tuple[Tokens, NDArray[np.int64]]]:
    """Give the model only the embedding rows of some sentences while the block runs.

    Args:
        model: its embedding is replaced, and put back with the rows as they are then.
        tokens: N sentences with the model's token ids.

    Yields:
        The sentences with the compact ids, and the model's id of each compact id, shape (R,).
    """
    whole = model.get_input_embeddings()
    assert isinstance(whole, nn.Embedding)
    ids_R = used_ids(whole, tokens)
    model.set_input_embeddings(_rows(whole, ids_R))
    try:
        yield replace(tokens, ids_T=np.searchsorted(ids_R, tokens.ids_T).astype(np.int32)), ids_R
    finally:
        trained = model.get_input_embeddings()
        assert isinstance(trained, nn.Embedding)
        with torch.no_grad():
            whole.weight[torch.from_numpy(ids_R)] = trained.weight.to(whole.weight.device)
        model.set_input_embeddings(whole.to(trained.weight.device))


def used_ids(embedding: nn.Embedding, tokens: Tokens) -> NDArray[np.int64]:
    """Return the token ids whose rows are trained, rising, shape (R,).

    All ids up to the padding's are among them, so that it has the same one in both: its row has no gradient, and
    RoBERTa finds its positions by it. Batches are padded with id 0 whatever the padding's is: it is masked.
    """
    return np.union1d(tokens.ids_T, np.arange((embedding.padding_idx or 0) + 1)).astype(np.int64)


def _rows(whole: nn.Embedding, ids_R: NDArray[np.int64]) -> nn.Embedding:
    part = nn.Embedding(len(ids_R), whole.embedding_dim, padding_idx=whole.padding_idx)
    with torch.no_grad():
        part.weight.copy_(whole.weight[torch.from_numpy(ids_R)])
    return part
