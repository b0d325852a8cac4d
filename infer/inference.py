"""From token ids to outputs, in the same way for a user and for measurements."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from contract.tokens import Row, pad
from infer.folders.model import Model
from infer.runtimes.protocol import Session

Output = dict[str, NDArray[Any]]
"""A model's outputs for one text by role: one entry, or one per token if the model answers by token."""


class Tokenized(Protocol):
    """The tokens of one text; `tokenizers.Encoding` is one."""

    @property
    def ids(self) -> Row:
        """Token ids."""

    @property
    def type_ids(self) -> Row:
        """0 for the first text of a pair and for a single text, 1 for the second."""


class Sentence(NamedTuple):
    """The tokens of a text, read from a file."""

    ids: Row
    type_ids: Row


def infer(model: Model, session: Session, texts: Sequence[Tokenized]) -> list[Output]:
    """Run a model on some texts as one batch, padded to the longest.

    Args:
        model: the model of the session.
        session: the loaded session.
        texts: the texts of the batch.

    Returns:
        The outputs of each text.

    Raises:
        ValueError: a text is longer than the model takes.
    """
    ids = [text.ids for text in texts]
    longest = max(map(len, ids))
    batch = pad(ids, [text.type_ids for text in texts], session.padded_length(longest), model.pad_id)
    outputs = session.run(batch.by_role())
    return [_of_text(model, outputs, index, len(text_ids)) for index, text_ids in enumerate(ids)]


def _of_text(model: Model, outputs: Any, index: int, length_tokens: int) -> Output:
    return {
        tensor.role: outputs[tensor.role][index, :length_tokens]
        if "source" in tensor.axes
        else outputs[tensor.role][index : index + 1]
        for tensor in model.graph.outputs
    }
