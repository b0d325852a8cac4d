"""Lays down what is best so far: the artifact, and what is said of it for people and for machines."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from contract.digest import sha256_of_value
from contract.files import write_atomic
from contract.folder import building, inventory, is_finished, write_manifest
from convert import parity
from convert.artifact import ARTIFACT_MANIFEST, Artifact
from convert.converter import Made
from convert.parity import Run
from convert.quality import judge
from convert.tune.answer import Finalist, as_values, pareto, sentences, winner_of
from convert.tune.floor import Floor
from targets.profile import Profile

BEST = "best"
ANSWER = "tune.json"
PAGE = "TUNE.md"
MS = 1e6
MB = 1e6


def settle(finalists: Sequence[Finalist], floor: Floor, profile: Profile, run: Run, out: Path) -> None:
    """Write the answer as it stands: `best/`, `tune.json` and `TUNE.md`; what was there stays if nothing wins.

    Args:
        finalists: all that were raced, the fastest first.
        floor: that was to be reached.
        profile: the device.
        run: runs a model in its runtime, to judge the winner on all sentences as it will be run.
        out: the search's folder.
    """
    winner = winner_of(finalists)
    said = sentences(winner, finalists, floor, profile) if winner else [nothing_reaches(finalists, floor)]
    if winner is not None:
        _write_best(winner, run, out / BEST)
    answer = {
        "schema_version": 1,
        "floor": str(floor),
        "target": profile.name,
        "winner": as_values(winner) if winner else None,
        "pareto": [as_values(one) for one in pareto(finalists)],
        "finalists": [as_values(one) for one in finalists],
        "reasons": said,
    }
    write_atomic(out / ANSWER, json.dumps(answer, indent=2) + "\n")
    write_atomic(out / PAGE, page(finalists, said, floor, profile))


def nothing_reaches(finalists: Sequence[Finalist], floor: Floor) -> str:
    """Return the sentence for a search without a winner."""
    best = max(finalists, key=lambda one: one.search.score)
    return f"Nothing reaches the floor {floor}; the nearest is {best.candidate.label}: {best.search.text}."


def page(finalists: Sequence[Finalist], said: Sequence[str], floor: Floor, profile: Profile) -> str:
    """Return the answer for people to read."""
    kept = {id(one) for one in pareto(finalists)}
    lines = [
        f"# The fastest above {floor} on {profile.name}",
        "",
        *said,
        "",
        "| Model | ms a sentence | MB | score (%) | floor | not beaten in all three |",
        "|---|---:|---:|---:|---|---|",
    ]
    lines += [
        f"| {one.candidate.label} | {one.racer.latency_ns / MS:.2f} | "
        f"{one.candidate.artifact.model_size_bytes / MB:.1f} | {100 * one.search.score:.1f} "
        f"of {one.search.sentences} | {one.search.outcome} | {'yes' if id(one) in kept else ''} |"
        for one in finalists
    ]
    lines += ["", "Scores are of the half of the evaluation sentences that the search saw."]
    return "\n".join(lines) + "\n"


def _write_best(winner: Finalist, run: Run, folder: Path) -> None:
    """Copy the winner's artifact as it is to be run, judged on all evaluation sentences."""
    candidate = winner.candidate
    found = candidate.artifact
    key = sha256_of_value({"made": found.key, "threads": candidate.threads, "length_buckets_tokens": candidate.buckets})
    if is_finished(folder / ARTIFACT_MANIFEST, Artifact, key):
        return
    made = Made(model_file=found.model_file, inputs=found.inputs, length_buckets_tokens=candidate.buckets)
    evaluation = candidate.entrant.evaluation
    measured, logits_NC = parity.measure(
        run,
        candidate.folder,
        made,
        evaluation,
        runtime=found.runtime,
        threads=candidate.threads,
        padded_length_tokens=found.max_length_tokens,
    )
    with building(folder) as scratch:
        for name in found.files:
            shutil.copyfile(candidate.folder / name, scratch / name)
        changes = {
            "key": key,
            "files": inventory(scratch),
            "threads": candidate.threads,
            "length_buckets_tokens": candidate.buckets,
            "parity": measured,
            "quality": judge(evaluation, found.task, logits_NC),
        }
        write_manifest(scratch / ARTIFACT_MANIFEST, found.model_copy(update=changes))
