"""TFLite for LiteRT: one file with a signature per length bucket; int8 with activations quantised as they come."""

from pathlib import Path

from contract.errors import InputError, needs_extra
from contract.tokens import Tokens
from convert.converter import EXTRA, Made
from targets.profile import Profile

LIBRARIES: tuple[str, ...] = ("ai-edge-quantizer", "litert-torch", "torch", "transformers")
MODEL_FILE = "model.tflite"
INPUTS = ("args_0", "args_1", "args_2")  # the exporter's own names, in the order of the forward function


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return the profile's buckets up to the first that holds the student's longest sentence.

    Raises:
        InputError: none does.
    """
    buckets = profile.length_buckets_tokens
    if buckets[-1] < max_length_tokens:
        raise InputError(
            f"target {profile.name}: its longest length bucket, {buckets[-1]} tokens, is shorter than the student's "
            f"longest sentence, {max_length_tokens} tokens",
            "add a bucket to the target's length_buckets_tokens, or distil with a smaller max_length_tokens",
        )
    enough = next(place for place, bucket in enumerate(buckets) if bucket >= max_length_tokens)
    return buckets[: enough + 1]


def export(student: Path, destination: Path, *, lengths_tokens: tuple[int, ...]) -> Made:
    """Write model.tflite with the signatures `seq16`, `seq32`, ..., which share their weights; batch is one."""
    with needs_extra(EXTRA):
        import litert_torch
        import torch

        from convert.classifier import example, load
        from distill.positions import longest
    classifier = load(student)
    # A student whose positions were cut takes nothing longer, be it padding.
    buckets = tuple(sorted({min(length, longest(classifier.student)) for length in lengths_tokens}))
    signatures = litert_torch
    for length in buckets:
        signatures = signatures.signature(f"seq{length}", classifier, example(1, length, torch.int32))
    signatures.convert().export(str(destination / MODEL_FILE))
    return Made(model_file=MODEL_FILE, inputs=INPUTS, length_buckets_tokens=buckets)


def quantize(source: Path, fp32: Made, destination: Path, *, profile: Profile, calibration: Tokens) -> Made:
    """Write model.tflite with int8 weights, a scale per output channel; activations need no calibration."""
    del profile, calibration
    with needs_extra(EXTRA):
        from ai_edge_quantizer import quantizer, recipe
    work = quantizer.Quantizer(str(source / fp32.model_file))
    work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    work.quantize().export_model(str(destination / MODEL_FILE), overwrite=True)
    ledger = (
        "weights: int8, symmetric, per channel (ai-edge-quantizer, dynamic_wi8_afp32)",
        "their inputs: int8, at run time",
    )
    return fp32.model_copy(update={"model_file": MODEL_FILE, "quantization": ledger})
