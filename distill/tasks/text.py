"""What the tasks that answer for a whole text have in common."""

from typing import TYPE_CHECKING, Any

from contract.ragged import Ragged
from distill.data.rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def model_class() -> Any:
    """Return the class of transformers that loads a model with one head over the text."""
    from transformers import AutoModelForSequenceClassification

    import distill.slim  # noqa: F401  # makes the Auto class know slim students, which may teach

    return AutoModelForSequenceClassification


def has_head(config: Any) -> bool:
    """Tell whether a model's configuration is that of a model trained with one head over the text."""
    return any("ForSequenceClassification" in name for name in config.architectures or ())


def labels(rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
    """Return the labels: one a text, however it is cut."""
    return rows.labels
