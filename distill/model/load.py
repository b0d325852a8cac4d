"""Load a model with all of its weights, or build it without any."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import logging

from contract.errors import InputError, TinybertError

CURE = "give a BERT-like model in Hugging Face layout"
INCOMPLETE_CURE = "save the model itself by its save_pretrained, not a wrapper of it, with its own config.json"
# Older versions of transformers wrote these; they are computed, not learned.
BUFFERS = ("position_ids", "token_type_ids")
# Heads of pretraining, and the pooler that some heads do not use.
UNUSED_PARTS = ("pooler", "cls", "lm_head", "discriminator_predictions", "generator_predictions", "generator_lm_head")


def load(
    model_class: Any,
    folder: Path,
    *,
    name: str,
    purpose: str,
    cure: str = "",
    new_head: bool = False,
    other_heads: bool = False,
    resizes_head: bool = False,
    **options: Any,
) -> PreTrainedModel:
    """Load a model; its files must hold all of its weights and no others.

    Args:
        model_class: class of transformers to load it with.
        folder: folder of the model, in Hugging Face layout; code in it is never run.
        name: name of the model, for error messages.
        purpose: what it is loaded for, such as `for classification`, for error messages.
        cure: what to do if it cannot be loaded; by default it depends on the error.
        new_head: the model is not yet trained for the purpose: its head may be missing, and heads for other purposes
            are left out.
        other_heads: heads for other purposes are left out.
        resizes_head: a head of another size is left out, and the new one is random.
        options: further arguments of `from_pretrained`; `device_map="meta"` reads names and shapes only.

    Raises:
        InputError: the model cannot be loaded, or a weight is missing, is not part of the model or has another shape.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    cause = f"{name}: cannot be loaded {purpose}"
    with refusing(cause, cure or CURE):
        # Weights of another shape are reported, too: the error of transformers does not name them.
        model, report = model_class.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **options,
        )
    fault = _wrong_shape(model, report, resizes_head=resizes_head) or _incomplete(
        model, report, new_head=new_head, other_heads=other_heads or new_head
    )
    if fault:
        raise InputError(f"{cause} ({fault})", cure or INCOMPLETE_CURE)
    loaded: PreTrainedModel = model
    return loaded


def build_on_meta(model_class: Any, config: Any, name: str) -> PreTrainedModel:
    """Build a model on the meta device, which has shapes but no weights.

    Args:
        model_class: class of transformers to build it with.
        config: configuration of the model.
        name: name of the model, for error messages.

    Raises:
        InputError: transformers cannot build it.
    """
    with refusing(f"{name}: no model can be built from its config.json", "correct it"), torch.device("meta"):
        model: PreTrainedModel = model_class.from_config(config)
        return model


@contextmanager
def refusing(cause: str, cure: str) -> Iterator[None]:
    """Turn any error inside the block into an InputError, as transformers raises all kinds for a faulty folder.

    Raises:
        InputError: with the cause, the error's own words in parentheses, and the cure.
    """
    try:
        yield
    except (TinybertError, MemoryError):
        raise
    except Exception as error:
        reason = shorten(f"{type(error).__name__}: {error}", 240, placeholder=" …")
        raise InputError(f"{cause} ({reason})", cure) from error


def _wrong_shape(model: PreTrainedModel, report: Mapping[str, Any], *, resizes_head: bool) -> str:
    """Return which weight has another shape than the configuration says; an empty string if none has."""
    for weight, shape, expected in sorted(report["mismatched_keys"]):
        if not resizes_head or _is_in_encoder(weight, model):
            return f"{weight} has the shape {tuple(shape)} in its files, {tuple(expected)} by its config.json"
    return ""


def _incomplete(model: PreTrainedModel, report: Mapping[str, Any], *, new_head: bool, other_heads: bool) -> str:
    """Return how many weights are missing, and how many others there are; an empty string if all is well."""
    missing = {weight for weight in report["missing_keys"] if not new_head or _is_in_encoder(weight, model)}
    others = {
        weight
        for weight in report["unexpected_keys"]
        if (_is_in_encoder(weight, model) or not (other_heads or _is_unused(weight))) and not weight.endswith(BUFFERS)
    }
    faults = []
    if missing:
        count = f"{len(missing)} of {len(model.state_dict())}"
        faults.append(f"weights missing from its files: {count}, such as {min(missing)}")
    if others:
        faults.append(f"weights in its files that are not part of it: {len(others)}, such as {min(others)}")
    return "; ".join(faults)


def _is_in_encoder(weight: str, model: PreTrainedModel) -> bool:
    """Return whether a weight belongs to the encoder, whatever prefix its name has in a file; a pooler does not."""
    parts = {part for part, _ in model.base_model.named_children()}.difference(UNUSED_PARTS)
    return not parts.isdisjoint(weight.split("."))


def _is_unused(weight: str) -> bool:
    """Return whether a weight belongs to a part that a fine-tuned model does not use, but files often still hold."""
    return not set(UNUSED_PARTS).isdisjoint(weight.split("."))
