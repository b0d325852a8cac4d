"""Explains the winner of a search in sentences."""

from collections.abc import Sequence

from convert.precisions import offers
from convert.tune.finalist import Finalist, winner_of
from convert.tune.floor import Floor
from targets.profile import Precision, Profile

MS = 1e6
MB = 1e6
# Below this number of sentences, one sentence is a point or more.
FEW_SENTENCES = 100


def explain(finalists: Sequence[Finalist], floor: Floor, profile: Profile) -> list[str]:
    """Return sentences that explain why the winner wins, or that no finalist reaches the floor.

    Args:
        finalists: all finalists, fastest first.
        floor: the floor.
        profile: the device.
    """
    winner = winner_of(finalists)
    if winner is None:
        return [_no_winner(finalists, floor)]
    candidate = winner.candidate
    metric = candidate.entrant.metric
    search, check = (result.text(metric) for result in winner.results)
    sentences = [
        f"{candidate.label}: {winner.latency_ns / MS:.2f} ms per sentence "
        f"(median of {winner.rounds} round{'s' if winner.rounds > 1 else ''}), "
        f"{candidate.artifact.model_size_bytes / MB:.1f} MB.",
        f"It reaches the floor {floor} on both halves: {search}; unseen half: {check}.",
        _compared_with_fp32(winner, finalists, profile),
        *(_why_not(finalist, winner) for finalist in _faster(finalists, winner) if finalist.reaches_floor is False),
        _not_evaluated(finalists, winner),
        _few_sentences(winner),
        _compared_with_other_runtime(winner, finalists),
    ]
    return [sentence for sentence in sentences if sentence]


def _no_winner(finalists: Sequence[Finalist], floor: Floor) -> str:
    evaluated = [finalist for finalist in finalists if finalist.search is not None]
    closest = max(evaluated, key=_margin, default=None)
    more = f"; the closest is {closest.candidate.label}: {closest.floor_text}" if closest else ""
    return f"No candidate reaches the floor {floor}{more}."


def _margin(finalist: Finalist) -> float:
    return min(result.score - result.floor for result in finalist.results)


def _compared_with_fp32(winner: Finalist, finalists: Sequence[Finalist], profile: Profile) -> str:
    artifact = winner.candidate.artifact
    if artifact.precision is Precision.FP32:
        reasons = {offer.precision: offer.reason for offer in offers(profile, artifact.runtime)}
        return f"Keep fp32: no faster candidate is known to reach the floor ({reasons[Precision.INT8]})."
    fp32 = [
        finalist
        for finalist in finalists
        if finalist.candidate.entrant is winner.candidate.entrant
        and finalist.candidate.artifact.runtime is artifact.runtime
        and finalist.candidate.artifact.precision is Precision.FP32
    ]
    if not fp32:
        return ""
    ratio = fp32[0].latency_ns / winner.latency_ns
    return f"The fastest fp32 of the same runtime, {fp32[0].candidate.label}, takes {ratio:.2f} times as long."


def _compared_with_other_runtime(winner: Finalist, finalists: Sequence[Finalist]) -> str:
    runtime = winner.candidate.artifact.runtime
    others = [finalist for finalist in finalists if finalist.candidate.artifact.runtime is not runtime]
    second = next((finalist for finalist in others if finalist.reaches_floor is not False), None)
    if second is None:
        return ""
    ratio = second.latency_ns / winner.latency_ns
    return f"The fastest of another runtime, {second.candidate.label}, takes {ratio:.2f} times as long."


def _faster(finalists: Sequence[Finalist], winner: Finalist) -> list[Finalist]:
    return [finalist for finalist in finalists if finalist.latency_ns < winner.latency_ns]


def _why_not(finalist: Finalist, winner: Finalist) -> str:
    ratio = winner.latency_ns / finalist.latency_ns
    return f"{finalist.candidate.label} is {ratio:.2f} times as fast, but misses the floor ({finalist.floor_text})."


def _not_evaluated(finalists: Sequence[Finalist], winner: Finalist) -> str:
    unknown = [finalist for finalist in _faster(finalists, winner) if finalist.reaches_floor is None]
    names = ", ".join(finalist.candidate.label for finalist in unknown)
    return f"Faster, but not evaluated against the floor: {names}." if unknown else ""


def _few_sentences(winner: Finalist) -> str:
    count = winner.check.sentences if winner.check else 0
    if count >= FEW_SENTENCES:
        return ""
    return f"The unseen half has only {count} sentences, so its score is uncertain for other sentences."
