"""Writes the current best artifact, with explanations in Markdown and JSON."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from contract.files import write_atomic
from contract.folder import building, inventory, is_finished, write_manifest
from convert import parity
from convert.quality import judge
from convert.tune.answer import Finalist, pareto, sentences, to_json, winner_of
from convert.tune.floor import Floor
from convert.tune.question import BEST, key_of_best, put_aside
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact
from targets.profile import Profile

ANSWER = "tune.json"
PAGE = "TUNE.md"
MS = 1e6
MB = 1e6


def settle(finalists: Sequence[Finalist], floor: Floor, profile: Profile, out: Path, *, said: Sequence[str]) -> None:
    """Write the answer as it stands: `best/`, `tune.json` and `TUNE.md`; without a winner there is no `best/`.

    Args:
        finalists: all that were timed, the fastest first.
        floor: that was to be reached.
        profile: the device.
        out: the answer's folder.
        said: what could not be made and how far the search came, in sentences.
    """
    winner = winner_of(finalists)
    if winner is not None:
        _write_best(winner, out / BEST)
    elif (out / BEST).exists():  # an earlier answer that no longer reaches the floor
        put_aside(out)
    reasons = [*sentences(finalists, floor, profile), *said]
    answer = {
        "schema_version": 1,
        "floor": str(floor),
        "target": profile.name,
        "winner": to_json(winner) if winner else None,
        "pareto": [to_json(one) for one in pareto(finalists)],
        "finalists": [to_json(one) for one in finalists],
        "reasons": reasons,
    }
    write_atomic(out / ANSWER, json.dumps(answer, indent=2) + "\n")
    write_atomic(out / PAGE, page(finalists, reasons, floor, profile))


def page(finalists: Sequence[Finalist], said: Sequence[str], floor: Floor, profile: Profile) -> str:
    """Return the answer for people to read."""
    kept = {id(one) for one in pareto(finalists)}
    lines = [
        f"# The fastest above {floor} on {profile.name}",
        "",
        *(f"- {one}" for one in said),
        "",
        "| Model | ms a sentence | rounds | MB | floor | not beaten in time, size and score at once |",
        "|---|---:|---:|---:|---|---|",
    ]
    lines += [
        f"| {one.candidate.label} | {one.latency_ns / MS:.2f} | {one.rounds} | "
        f"{one.candidate.artifact.model_size_bytes / MB:.1f} | {one.said} | {'yes' if id(one) in kept else ''} |"
        for one in finalists
    ]
    lines += [
        "",
        "Times are medians on the data's own sentences, each relative to one model that ran in every round. "
        "A score is of half of the evaluation sentences, or of as many of them as were needed.",
    ]
    return "\n".join(lines) + "\n"


def _write_best(winner: Finalist, folder: Path) -> None:
    """Copy the winner's artifact as it is to be run, judged on all evaluation sentences."""
    candidate = winner.candidate
    found = candidate.artifact
    key = key_of_best(found, candidate.threads, candidate.buckets)
    if is_finished(folder / ARTIFACT_MANIFEST, Artifact, key):
        return
    evaluation = candidate.entrant.evaluation
    measured, outputs = parity.measure(
        candidate.model,
        evaluation,
        task=found.task,
        padded_length_tokens=found.tokenizer.max_length_tokens,
    )
    with building(folder) as scratch:
        for name in found.files:
            shutil.copyfile(candidate.folder / name, scratch / name)
        changes = {
            "key": key,
            "files": inventory(scratch),
            "threads": candidate.threads,
            "graphs": candidate.model.graphs,
            "parity": measured,
            "quality": judge(evaluation, found.task, found.quality.metric, outputs),
        }
        write_manifest(scratch / ARTIFACT_MANIFEST, found.model_copy(update=changes))
