"""What a model's config.json says of its outputs, with the defaults of transformers. Torch-free."""

import json
from pathlib import Path
from types import SimpleNamespace

from contract.errors import InputError
from distill.model.layout import CONFIG

# transformers leaves the labels out of a config.json if they are these.
DEFAULT_LABELS = 2
UNNAMED = "LABEL_"


def read(folder: Path, name: str) -> SimpleNamespace:
    """Read the entries that tell a model's outputs, as attributes; of a configuration that `layout.check` accepts.

    Args:
        folder: folder of the model, in Hugging Face layout.
        name: name of the model, for error messages.

    Raises:
        InputError: the labels are not numbered.
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    labels = config.get("id2label") or {
        number: f"{UNNAMED}{number}" for number in range(config.get("num_labels") or DEFAULT_LABELS)
    }
    try:
        id2label = {int(number): str(label) for number, label in labels.items()}
    except (ValueError, AttributeError) as error:
        raise InputError(f"{name}: id2label in its {CONFIG} does not number its labels", "correct it") from error
    return SimpleNamespace(
        architectures=config.get("architectures") or (),
        problem_type=config.get("problem_type"),
        id2label=id2label,
        num_labels=len(id2label),
    )
