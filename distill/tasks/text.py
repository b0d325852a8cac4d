"""Functions shared by the tasks with one output per text."""

from typing import TYPE_CHECKING, Any

from contract.ragged import Ragged
from distill.data.rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def model_class() -> Any:
    """Return the transformers class for models with a head over the whole text."""
    from transformers import AutoModelForSequenceClassification

    import distill.slim  # noqa: F401  # registers slim students, which can be teachers, with the Auto class

    return AutoModelForSequenceClassification


def has_head(config: Any) -> bool:
    """Return whether a model configuration belongs to a model with a head over the whole text."""
    return any("ForSequenceClassification" in name for name in config.architectures or ())


def labels(rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
    """Return the labels, one per text; truncation does not change them."""
    return rows.labels
