"""Which models can be distilled and converted, decided by config.json alone, before torch is imported."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from contract.errors import InputError

CONFIG = "config.json"
# Their layers and attention are BERT's, so every converter keeps the answers of their students;
# tests/convert/test_model_types.py checks it for each of them.
MODEL_TYPES = (
    "bert",
    "camembert",
    "data2vec-text",
    "electra",
    "ernie",
    "roberta",
    "roberta-prelayernorm",
    "slim_bert",
    "xlm-roberta",
    "xlm-roberta-xl",
)


class Setting(NamedTuple):
    """A setting that can have one value only.

    Attributes:
        value: the value.
        reason: why no other value is supported.
        cure: what to do about another value.
    """

    value: object
    reason: str
    cure: str


_ENCODER = "set it to false if the model was trained as an encoder, or choose another teacher"
_REMOVE = "remove it from config.json, it is not a property of the model"
SETTINGS = {
    "is_decoder": Setting(False, "a decoder's attention cannot be converted", _ENCODER),
    "add_cross_attention": Setting(False, "attention to another model cannot be converted", _ENCODER),
    "position_embedding_type": Setting(
        "absolute",
        "transformers 5 ignores it and would compute absolute positions",
        "choose a teacher with absolute positions",
    ),
    "quantization_config": Setting(
        None, "only floating-point weights are supported", "give the model that was quantised"
    ),
    "return_dict": Setting(True, "outputs are read by name", _REMOVE),
    "output_attentions": Setting(False, "fast attention does not return its weights", _REMOVE),
    "chunk_size_feed_forward": Setting(0, "texts have any length", _REMOVE),
}


def check(folder: Path, name: str) -> None:
    """Check by its config.json that a model can be distilled and converted.

    Args:
        folder: folder of the model, in Hugging Face layout.
        name: name of the model, for error messages.

    Raises:
        InputError: there is no usable config.json, or its model type or one of its settings is not supported.
    """
    config = _read(folder, name)
    if "model_type" in config:  # otherwise transformers may know it by the folder's name
        check_type(config["model_type"], name)
    for key, setting in SETTINGS.items():
        value = config.get(key)
        if value is not None and value != setting.value:
            said = "is set" if isinstance(value, dict) else f"is {json.dumps(value)}"
            raise InputError(f"{name}: {key} {said} in its {CONFIG}, but {setting.reason}", setting.cure)


def layers_of(folder: Path, name: str) -> int | None:
    """Return the number of layers that a model's config.json says, or None if it says none.

    Raises:
        InputError: there is no usable config.json.
    """
    layers = _read(folder, name).get("num_hidden_layers")
    return layers if isinstance(layers, int) else None


def check_type(model_type: object, name: str) -> None:
    """Check that a model type is supported.

    Raises:
        InputError: it is not; the message names those that are.
    """
    if model_type not in MODEL_TYPES:
        raise InputError(f"{name}: model type {model_type!r} is not supported", f"supported: {', '.join(MODEL_TYPES)}")


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{name}: has no {CONFIG}", "give a BERT-like model in Hugging Face layout") from error
    except ValueError as error:
        raise InputError(f"{name}: its {CONFIG} is not valid JSON ({error})", "download or save it again") from error
    if not isinstance(config, dict):
        raise InputError(f"{name}: its {CONFIG} is not a JSON object", "download or save it again")
    return config
