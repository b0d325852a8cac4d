"""The accuracy floor: `teacher-1.0` is one point below the teacher on the same sentences. Shapes: N sentences."""

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from infer.folders.student import Evaluation
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs

PATTERN = re.compile(r"(teacher|student)(?:\s*-\s*(\d+(?:\.\d*)?))?|(\d+(?:\.\d*)?)")
CURE = "write it as teacher-1.0, student-0.3, or as a score in points, such as 88.5"
UNCERTAINTY = 0.05


class Outcome(StrEnum):
    """What is known of a floor."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """A score that must be reached.

    Attributes:
        reference: `teacher` or `student`, or empty for a score of its own.
        points: below the reference, or the score itself, in hundredths.
    """

    reference: str
    points: float

    def __str__(self) -> str:
        return f"{self.reference}-{self.points:g}" if self.reference else f"{self.points:g}"

    def score(self, metric: Metric, reference_NK: Statistics) -> float:
        """Return the score that must be reached on some sentences.

        Args:
            metric: that is the score.
            reference_NK: statistics of the reference's answers to these sentences.
        """
        if not self.reference:
            return self.points / 100
        return metric.value(reference_NK) - self.points / 100

    def reference_outputs(self, evaluation: Evaluation) -> Outputs:
        """Return the answers of the reference to all sentences."""
        return evaluation.teacher if self.reference == "teacher" else evaluation.student


def parse(text: str) -> Floor:
    """Read a floor.

    Raises:
        InputError: it is not written as one.
    """
    match = PATTERN.fullmatch(text.strip().lower())
    if match is None:
        raise InputError(f"invalid floor {text!r}", CURE)
    reference, below, own = match.groups()
    if not 1 < float(own or 2) <= 100 or float(below or 0) > 100:
        raise InputError(f"invalid floor {text!r}: not a score in points", CURE)
    return Floor(reference=reference or "", points=float(below or own or 0))


def outcome(right_N: NDArray[np.bool_], reference_right_N: NDArray[np.bool_], margin: float, looks: int) -> Outcome:
    """Tell whether answers so far surely lose no more than a margin against a reference on the same sentences.

    The losses and the gains are bounded each by its exact (Clopper-Pearson) interval; over all looks together the
    outcome is wrong with at most the probability of `UNCERTAINTY` (Bonferroni).

    Args:
        right_N: which of the sentences seen so far are answered right.
        reference_right_N: which of them the reference has right.
        margin: the share of sentences that may be lost.
        looks: how often the question is asked of one model.
    """
    count = len(right_N)
    lost = int((reference_right_N & ~right_N).sum())
    gained = int((right_N & ~reference_right_N).sum())
    uncertainty = UNCERTAINTY / (2 * looks)
    if _upper(lost, count, uncertainty) - _lower(gained, count, uncertainty) <= margin:
        return Outcome.MET
    if _lower(lost, count, uncertainty) - _upper(gained, count, uncertainty) > margin:
        return Outcome.MISSED
    return Outcome.OPEN


def _upper(successes: int, count: int, uncertainty: float) -> float:
    from scipy.stats import beta

    return 1.0 if successes == count else float(beta.ppf(1 - uncertainty / 2, successes + 1, count - successes))


def _lower(successes: int, count: int, uncertainty: float) -> float:
    from scipy.stats import beta

    return 0.0 if successes == 0 else float(beta.ppf(uncertainty / 2, successes, count - successes + 1))
