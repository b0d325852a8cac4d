"""The positions of a BERT-like model: how long a text may be, and a model with fewer of them."""

import copy

from torch import nn
from transformers import PreTrainedModel

from contract.errors import InputError
from distill.model.capture import embeddings_of


def first(model: nn.Module) -> int:
    """Return the position of a text's first token: RoBERTa counts from its padding's token id.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    table = getattr(embeddings_of(model), "position_embeddings", None)
    padding = table.padding_idx if isinstance(table, nn.Embedding) else None
    return 0 if padding is None else padding + 1


def longest(model: PreTrainedModel) -> int:
    """Return the maximal number of tokens of a text.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return int(model.config.max_position_embeddings) - first(model)


def cut(model: PreTrainedModel, length_tokens: int) -> PreTrainedModel:
    """Return a copy of a model with fewer positions, which gives the same outputs for texts that still fit.

    Args:
        model: a BERT-like classifier, which may be on the meta device; it is not changed.
        length_tokens: maximal length of a text, no greater than the model's.

    Raises:
        InputError: the model is not laid out like BERT, or more than its table of positions depends on the length.
    """
    config = copy.deepcopy(model.config)
    config.max_position_embeddings = first(model) + length_tokens
    shorter = type(model)(config)
    old, new = model.state_dict(), shorter.state_dict()
    changed = [name for name, value in new.items() if value.shape != old[name].shape]
    if any(not name.endswith("embeddings.position_embeddings.weight") for name in changed):
        raise InputError(
            f"the positions of a student of type {config.model_type} cannot be cut, it has more than a table of them",
            "leave student.cut_positions out",
        )
    shorter.load_state_dict(
        {name: value[: len(new[name])] if name in changed else value for name, value in old.items()}
    )
    return shorter
