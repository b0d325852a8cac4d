"""How long a text a BERT-like model takes, and its table of positions cut to shorter ones.

Shapes: P positions of the whole table.
"""

import copy

from torch import nn
from transformers import PreTrainedModel

from contract.errors import InputError
from distill.model.capture import embeddings_of


def first(model: nn.Module) -> int:
    """Return the row of the table that a text's first token takes: RoBERTa counts on from its padding's token id.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    table = getattr(embeddings_of(model), "position_embeddings", None)
    padding = table.padding_idx if isinstance(table, nn.Embedding) else None
    return 0 if padding is None else padding + 1


def longest(model: PreTrainedModel) -> int:
    """Return how many tokens a text may have.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return int(model.config.max_position_embeddings) - first(model)


def cut(model: PreTrainedModel, length_tokens: int) -> PreTrainedModel:
    """Return a model for texts of so many tokens at most, which says of them what the given one does.

    Args:
        model: a BERT-like classifier, which may be on the meta device; it stays as it is.
        length_tokens: no more than the model takes.

    Raises:
        InputError: the model is not laid out like BERT, or more of it than a table depends on how long a text may be.
    """
    config = copy.deepcopy(model.config)
    config.max_position_embeddings = first(model) + length_tokens
    made = type(model)(config)
    state, own = model.state_dict(), made.state_dict()
    other = [name for name, value in own.items() if value.shape != state[name].shape]
    if any(not name.endswith("embeddings.position_embeddings.weight") for name in other):
        raise InputError(
            f"a student of kind {config.model_type} has more than a table of positions to cut",
            "leave student.cut_positions out",
        )
    made.load_state_dict(
        {name: value[: own[name].shape[0]] if name in other else value for name, value in state.items()}
    )
    return made
