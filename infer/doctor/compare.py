"""Compares what a tiny model answers on this machine with what it should."""

import numpy as np
from numpy.typing import NDArray

from infer.doctor.expected import TinyModel
from targets.doctor import Finding
from targets.profile import Precision

# As at a conversion, which refuses an fp32 model that differs from PyTorch by more.
ROUNDING = 1e-4
# Half precision (11 bits) changes answers of about 1 by some 1e-3, bfloat16 (8 bits) by some 1e-2.
HALF = 3e-2
# How much farther than the known answers from those in fp32 others may be. There are two right answers on x86, with and
# without VNNI, and others on Arm: without XNNPACK 1.1 times, wrong scales of tflite-runtime 40 times.
MARGIN = 3


def difference(model: TinyModel, logits_NC: NDArray[np.float64]) -> float | None:
    """Return the largest difference from what the model should answer; None if the answers cannot be compared."""
    if logits_NC.shape != model.logits_NC.shape or not np.isfinite(logits_NC).all():
        return None
    return float(np.abs(logits_NC - model.logits_NC).max())


def judge(model: TinyModel, differs: float | None, subject: str) -> Finding | None:
    """Return what is wrong with a model's answers, or worth a note; None if nothing is.

    Args:
        model: the model.
        differs: the largest difference.
        subject: the model in words.
    """
    if differs is None:
        return Finding(
            subject=subject,
            severity="error",
            cause="its answers are not finite numbers, or not as many as the model's",
            cure="try another version of the library",
        )
    if differs <= ROUNDING:
        return None
    if model.precision is Precision.FP32:
        return _not_exact(differs, subject)
    if differs <= MARGIN * model.error:
        return Finding(
            subject=subject,
            severity="note",
            cause=f"its answers differ by {differs:.1e} from those on x86-64 with VNNI: processors round differently",
            cure="judge accuracy by what tinybert bench measures here",
        )
    return _wrong(differs, subject)


def _not_exact(differs: float, subject: str) -> Finding:
    if differs > HALF:
        return _wrong(differs, subject)
    return Finding(
        subject=subject,
        severity="error",
        cause=f"its answers differ by {differs:.1e}: it computes in 16 bits what should have 32",
        cure="unset what asks the library for f16 or bf16, or try another version of it",
    )


def _wrong(differs: float, subject: str) -> Finding:
    return Finding(
        subject=subject,
        severity="error",
        cause=f"its answers are wrong, by up to {differs:.1e}",
        cure="do not use it here; try another version of the library",
    )
