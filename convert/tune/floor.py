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
CURE = "use teacher-1.0 or student-0.3 (points below it), or a score in points, such as 88.5"
UNCERTAINTY = 0.05


class Outcome(StrEnum):
    """Whether a floor is reached."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """A score that must be reached.

    Attributes:
        reference: `teacher` or `student`, or empty for an absolute score.
        points: points below the reference, or the absolute score in points; a point is a hundredth of the score.
    """

    reference: str
    points: float

    def __str__(self) -> str:
        return f"{self.reference}-{self.points:g}" if self.reference else f"{self.points:g}"

    @property
    def description(self) -> str:
        """The floor in words, with its unit."""
        if not self.reference:
            return f"{self.points:g} points, a score of {self.points / 100:g}"
        return f"{self.points:g} points below the {self.reference}, {self.points / 100:g} of the score"

    def score(self, metric: Metric, reference_NK: Statistics) -> float:
        """Return the score that must be reached on some sentences.

        Args:
            metric: the metric of the score.
            reference_NK: statistics of the reference's outputs for these sentences.
        """
        if not self.reference:
            return self.points / 100
        return metric.value(reference_NK) - self.points / 100

    def reference_outputs(self, evaluation: Evaluation) -> Outputs:
        """Return the reference's outputs for all sentences."""
        return evaluation.teacher if self.reference == "teacher" else evaluation.student


def parse(text: str) -> Floor:
    """Parse a floor.

    Raises:
        InputError: the text is not a floor, or not in points.
    """
    match = PATTERN.fullmatch(text.strip().lower())
    if match is None:
        raise InputError(f"invalid floor {text!r}", CURE)
    reference, below, absolute = match.groups()
    points = float(below or absolute or 0)
    if absolute and 0 < points <= 1:
        raise InputError(
            f"invalid floor {text!r}: a floor is in points, hundredths of the score",
            f"use {100 * points:g} for a score of {points:g}",
        )
    if points > 100 or (absolute and points == 0):
        raise InputError(f"invalid floor {text!r}: not between 0 and 100 points", CURE)
    return Floor(reference=reference or "", points=points)


def outcome(right_N: NDArray[np.bool_], reference_right_N: NDArray[np.bool_], margin: float, looks: int) -> Outcome:
    """Return whether a model surely loses no more than a margin against a reference, judged by the sentences so far.

    Losses and gains are each bounded by an exact (Clopper-Pearson) interval. Over all looks together, the probability
    of a wrong outcome is at most `UNCERTAINTY` (Bonferroni).

    Args:
        right_N: whether the model's answer to each sentence is right.
        reference_right_N: whether the reference's answer to each sentence is right.
        margin: the share of sentences that may be lost.
        looks: the number of times that the outcome of a model is computed.
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
