"""Parity: a converted model must answer as the PyTorch student does, on real sentences, padded and not.

Shapes: N sentences, C classes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.errors import WorkerError
from convert.converter import Made
from infer.folders.artifact import Parity
from infer.folders.model import Loadable
from infer.folders.student import Evaluation
from infer.worker import start
from targets.profile import Precision, RuntimeName

PADDED_SENTENCES = 64
FP32_LIMIT = 1e-4
NEAR = 0.1


def fp32_limit(reference_logits_NC: NDArray[np.float32]) -> float:
    """Return the difference that rounding explains; scores may be large numbers, labels' logits are not."""
    largest = float(np.abs(reference_logits_NC).max()) if reference_logits_NC.shape[1] == 1 else 1.0
    return FP32_LIMIT * max(1.0, largest)


def compare(reference_logits_NC: NDArray[np.float32], logits_NC: NDArray[np.float32]) -> Parity:
    """Compare a model's logits with the reference's.

    Raises:
        WorkerError: they are of another shape, or not finite.
    """
    if logits_NC.shape != reference_logits_NC.shape:
        raise WorkerError(f"it answers in shape {logits_NC.shape}, the student in {reference_logits_NC.shape}")
    if not np.isfinite(logits_NC).all():
        raise WorkerError("its logits are not finite numbers")
    differences_NC = np.abs(logits_NC.astype(np.float64) - reference_logits_NC)
    return Parity(
        sentences=len(logits_NC),
        agreement=float(agreeing(reference_logits_NC, logits_NC).mean()),
        max_abs_difference=float(differences_NC.max()),
        mean_abs_difference=float(differences_NC.mean()),
    )


def agreeing(reference_logits_NC: NDArray[np.float32], logits_NC: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell of each sentence whether a model answers as the reference does, shape (N,).

    That is the same label; of one output, which is a score, one within a tenth of the standard deviation of the
    reference's scores.
    """
    if reference_logits_NC.shape[1] == 1:
        differences_N = np.abs(logits_NC[:, 0].astype(np.float64) - reference_logits_NC[:, 0])
        near_N: NDArray[np.bool_] = differences_N <= NEAR * reference_logits_NC.std(dtype=np.float64)
        return near_N
    same_N: NDArray[np.bool_] = logits_NC.argmax(axis=1) == reference_logits_NC.argmax(axis=1)
    return same_N


def worst(first: Parity, second: Parity) -> Parity:
    """Return the worse of each number of two comparisons."""
    return Parity(
        sentences=max(first.sentences, second.sentences),
        agreement=min(first.agreement, second.agreement),
        max_abs_difference=max(first.max_abs_difference, second.max_abs_difference),
        mean_abs_difference=max(first.mean_abs_difference, second.mean_abs_difference),
    )


def measure(
    folder: Path,
    made: Made,
    evaluation: Evaluation,
    *,
    runtime: RuntimeName,
    threads: int,
    padded_length_tokens: int,
) -> tuple[Parity, NDArray[np.float32]]:
    """Run a model on all evaluation sentences and compare; where it takes any length, on the first ones padded, too.

    Args:
        folder: where the model lies.
        made: the model.
        evaluation: the sentences and the student's answers.
        runtime: the model's runtime.
        threads: how many it may use.
        padded_length_tokens: the length to pad to where the model takes any; otherwise its own are used.

    Returns:
        How near it is, the worse of both ways, and its logits of all sentences, shape (N, C).

    Raises:
        WorkerError: it does not run, or its logits are of another shape or not finite.
    """
    model = Loadable(
        folder=folder,
        runtime=runtime,
        model_file=made.model_file,
        inputs=made.inputs,
        buckets=made.length_buckets_tokens,
        threads=threads,
    )
    logits_NC = start.outputs_of(model, evaluation.tokens)
    parity = compare(evaluation.student_logits_NC, logits_NC)
    if not model.buckets:
        first = range(min(PADDED_SENTENCES, len(evaluation.tokens)))
        padded_NC = start.outputs_of(replace(model, buckets=(padded_length_tokens,)), evaluation.tokens.take(first))
        parity = worst(parity, compare(evaluation.student_logits_NC[: len(first)], padded_NC))
    return parity, logits_NC


def check(parity: Parity, precision: Precision, limit: float = FP32_LIMIT) -> None:
    """Refuse a full-precision model that is not the student; what int8 costs is for the record to say.

    Args:
        parity: of the model with the student.
        precision: the model's.
        limit: the largest difference that rounding explains.

    Raises:
        WorkerError: its logits differ too much.
    """
    if precision is Precision.FP32 and parity.max_abs_difference >= limit:
        raise WorkerError(
            f"its logits differ from the student's by {parity.max_abs_difference:.1e}, "
            f"more than the {limit:.0e} that rounding explains"
        )
