"""Evaluates whether candidates reach the floor, on as few sentences as possible. Shapes: N sentences, K statistics."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError, WorkerError
from contract.folder import identity
from contract.strict import Strict, parse
from convert import parity
from convert.tune.candidate import Candidate
from convert.tune.floor import Floor, Outcome, outcome
from convert.tune.ledger import Ledger
from infer.folders.artifact import ARTIFACT_MANIFEST
from infer.metrics.format import metric_number, metric_value
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs, joined
from infer.worker import client

# Shares of the sentences after which the outcome is computed; each look starts a process and loads the model.
LOOKS = (0.5, 1.0)
ROUNDING = 1e-9


class FloorResult(Strict):
    """The result of comparing a candidate with the floor.

    Attributes:
        outcome: whether the floor is reached.
        metric: name of the main metric of the student's recipe.
        sentences: number of evaluated sentences.
        score: the metric's value on these sentences.
        floor: the required score on these sentences.
    """

    outcome: Outcome
    metric: str
    sentences: int
    score: float
    floor: float

    def text(self, metric: Metric) -> str:
        """Return a short description."""
        required = f"{metric_number(metric)(self.floor)} {metric.unit}".rstrip()
        return f"{metric_value(metric, self.score)} on {self.sentences} sentences, floor {required}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluator:
    """Evaluates candidates against a floor.

    Attributes:
        floor: the floor.
        ledger: records results, which are reused.
    """

    floor: Floor
    ledger: Ledger

    def search_half(self, candidate: Candidate) -> FloorResult:
        """Evaluate a candidate on the half that the search uses, and stop early if the outcome is certain."""
        # The sequential test counts right answers, so it needs a metric that is their share.
        can_stop = bool(self.floor.reference) and candidate.entrant.metric.is_share
        return self._evaluate_once(candidate, candidate.entrant.search_rows, "search", LOOKS if can_stop else (1.0,))

    def check_half(self, candidate: Candidate) -> FloorResult:
        """Evaluate a candidate on the whole half that the search does not use."""
        return self._evaluate_once(candidate, candidate.entrant.check_rows, "check", (1.0,))

    def known(self, candidate: Candidate) -> tuple[FloorResult, FloorResult | None] | None:
        """Return the recorded results of the search half and the check half, without running the model."""
        search = self._recorded(candidate, "search")
        return None if search is None else (search, self._recorded(candidate, "check"))

    def _evaluate_once(
        self, candidate: Candidate, rows: NDArray[np.int64], half: str, looks: tuple[float, ...]
    ) -> FloorResult:
        recorded = self._recorded(candidate, half)
        if recorded is not None:
            return recorded
        result = self._evaluate(candidate, rows, looks)
        self.ledger.write("judged", candidate.model_name, self._key(candidate, half), result.model_dump(mode="json"))
        return result

    def _recorded(self, candidate: Candidate, half: str) -> FloorResult | None:
        """Return the recorded result; one that another version wrote in a different format is ignored."""
        key = self._key(candidate, half)
        recorded = self.ledger.get("judged", key)
        try:
            return None if recorded is None else parse(FloorResult, recorded, key)
        except InputError:
            return None

    def _key(self, candidate: Candidate, half: str) -> str:
        # Without the number of threads, which does not change a model's outputs; padding may change them.
        metric = candidate.entrant.metric.name
        return f"{identity(candidate.folder / ARTIFACT_MANIFEST)} {candidate.buckets} {half} {self.floor} {metric}"

    def _evaluate(self, candidate: Candidate, rows: NDArray[np.int64], looks: tuple[float, ...]) -> FloorResult:
        entrant, metric = candidate.entrant, candidate.entrant.metric
        reference = self.floor.reference_outputs(entrant.evaluation).take(rows)
        reference_NK = entrant.statistics(reference, rows)
        outputs: list[Outputs] = []
        ends = [max(1, round(share * len(rows))) for share in looks]
        for first, last in zip([0, *ends], ends, strict=False):
            outputs.append(self._outputs(candidate, rows[first:last]))
            model_NK = entrant.statistics(joined(outputs), rows[:last])
            score, required = metric.value(model_NK), self.floor.score(metric, reference_NK[:last])
            if last == len(rows):
                result = Outcome.MET if score >= required - ROUNDING else Outcome.MISSED
            else:
                result = self._early_outcome(model_NK, reference_NK[:last], len(looks))
            if result is not Outcome.OPEN:
                return FloorResult(outcome=result, metric=metric.name, sentences=last, score=score, floor=required)
        raise AssertionError("the last look covers all sentences")

    def _early_outcome(self, model_N1: Statistics, reference_N1: Statistics, looks: int) -> Outcome:
        right_N, reference_right_N = model_N1[:, 0] == 1, reference_N1[:, 0] == 1
        return outcome(right_N, reference_right_N, self.floor.points / 100, looks)

    def _outputs(self, candidate: Candidate, rows: NDArray[np.int64]) -> Outputs:
        evaluation = candidate.entrant.evaluation
        outputs = client.outputs_of(candidate.model, evaluation.tokens.take(rows.tolist()))
        try:
            parity.check_comparable(evaluation.student.take(rows), outputs)
        except WorkerError as error:
            raise WorkerError(f"{candidate.model_name}: {error.cause}") from error
        return outputs
