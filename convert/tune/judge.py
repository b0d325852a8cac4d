"""Whether a candidate reaches the floor, asked of as few sentences as it takes. Shapes: N sentences, K statistics."""

from contextlib import suppress
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
from infer.metrics.metric import Statistics
from infer.outputs import Outputs, joined
from infer.worker import client

# Shares of the sentences after which the floor is asked for; each look starts a process and reads the model.
LOOKS = (0.5, 1.0)
ROUNDING = 1e-9


class Judgement(Strict):
    """What is known of a candidate's answers.

    Attributes:
        outcome: of the floor.
        metric: what the student's recipe judges by.
        sentences: how many were asked.
        score: of these, by the metric.
        floor: the score that had to be reached on these.
    """

    outcome: Outcome
    metric: str
    sentences: int
    score: float
    floor: float

    @property
    def text(self) -> str:
        """The judgement in a few words."""
        own, wanted = (f"{100 * value:.1f}" for value in (self.score, self.floor))
        return f"{self.metric} {own} on {self.sentences} sentences, floor {wanted}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Judges candidates.

    Attributes:
        floor: to be reached.
        ledger: remembers.
    """

    floor: Floor
    ledger: Ledger

    def search(self, candidate: Candidate) -> Judgement:
        """Judge a candidate on the half that the search sees, and stop as soon as the outcome is sure."""
        # The sequential test counts right answers, so it takes a metric that is their share.
        sure = bool(self.floor.reference) and candidate.entrant.metric.is_share
        return self._remembered(candidate, candidate.entrant.search_rows, "search", LOOKS if sure else (1.0,))

    def check(self, candidate: Candidate) -> Judgement:
        """Judge a candidate on all of the half that the search does not see."""
        return self._remembered(candidate, candidate.entrant.check_rows, "check", (1.0,))

    def _remembered(
        self, candidate: Candidate, rows: NDArray[np.int64], half: str, looks: tuple[float, ...]
    ) -> Judgement:
        # Threads do not change what a model answers; padding may.
        metric = candidate.entrant.metric.name
        key = f"{identity(candidate.folder / ARTIFACT_MANIFEST)} {candidate.buckets} {half} {self.floor} {metric}"
        known = self.ledger.known("judged", key)
        # What another version of this found may be of another shape: it is asked again.
        with suppress(InputError):
            if known is not None:
                return parse(Judgement, known, key)
        found = self._judge(candidate, rows, looks)
        self.ledger.write("judged", candidate.model_name, key, found.model_dump(mode="json"))
        return found

    def _judge(self, candidate: Candidate, rows: NDArray[np.int64], looks: tuple[float, ...]) -> Judgement:
        entrant, metric = candidate.entrant, candidate.entrant.metric
        reference = self.floor.reference_outputs(entrant.evaluation).take(rows)
        reference_NK = entrant.statistics(reference, rows)
        answered: list[Outputs] = []
        ends = [max(1, round(share * len(rows))) for share in looks]
        for first, last in zip([0, *ends], ends, strict=False):
            answered.append(self._answers(candidate, rows[first:last]))
            own_NK, seen_NK = entrant.statistics(joined(answered), rows[:last]), reference_NK[:last]
            own, wanted = metric.value(own_NK), self.floor.score(metric, seen_NK)
            if last == len(rows):
                found = Outcome.MET if own >= wanted - ROUNDING else Outcome.MISSED
            else:
                found = self._sure(own_NK, seen_NK, len(looks))
            if found is not Outcome.OPEN:
                return Judgement(outcome=found, metric=metric.name, sentences=last, score=own, floor=wanted)
        raise AssertionError("the last look asks all sentences")

    def _sure(self, own_N1: Statistics, reference_N1: Statistics, looks: int) -> Outcome:
        right_N, reference_right_N = own_N1[:, 0] == 1, reference_N1[:, 0] == 1
        return outcome(right_N, reference_right_N, self.floor.points / 100, looks)

    def _answers(self, candidate: Candidate, rows: NDArray[np.int64]) -> Outputs:
        evaluation = candidate.entrant.evaluation
        outputs = client.outputs_of(candidate.model, evaluation.tokens.take(rows.tolist()))
        try:
            parity.check_comparable(evaluation.student.take(rows), outputs)
        except WorkerError as error:
            raise WorkerError(f"{candidate.model_name}: {error.cause}") from error
        return outputs
