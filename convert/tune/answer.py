"""Writes the answer of a search: the best artifact so far, with Markdown and JSON explanations."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from contract.files import write_atomic
from contract.folder import building, inventory, is_finished, write_manifest
from convert import parity
from convert.quality import measure_quality
from convert.tune.answer_folder import BEST, best_key, set_aside
from convert.tune.explanation import MB, MS, explain
from convert.tune.finalist import Finalist, pareto, to_json, winner_of
from convert.tune.floor import Floor
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact
from targets.profile import Profile

ANSWER = "tune.json"
PAGE = "TUNE.md"


def write_answer(
    finalists: Sequence[Finalist], floor: Floor, profile: Profile, out: Path, *, notes: Sequence[str]
) -> None:
    """Write the current answer: `best/`, `tune.json` and `TUNE.md`; without a winner there is no `best/`.

    Args:
        finalists: all finalists, fastest first.
        floor: the floor.
        profile: the device.
        out: the answer's folder.
        notes: sentences on failed conversions and on the progress of the search.
    """
    winner = winner_of(finalists)
    if winner is not None:
        _write_best(winner, out / BEST)
    elif (out / BEST).exists():  # an earlier answer that no longer reaches the floor
        set_aside(out)
    reasons = [*explain(finalists, floor, profile), *notes]
    answer = {
        "schema_version": 1,
        "floor": str(floor),
        "target": profile.name,
        "winner": to_json(winner) if winner else None,
        "pareto": [to_json(finalist) for finalist in pareto(finalists)],
        "finalists": [to_json(finalist) for finalist in finalists],
        "reasons": reasons,
    }
    write_atomic(out / ANSWER, json.dumps(answer, indent=2) + "\n")
    write_atomic(out / PAGE, page(finalists, reasons, floor, profile))


def page(finalists: Sequence[Finalist], reasons: Sequence[str], floor: Floor, profile: Profile) -> str:
    """Return the answer as Markdown."""
    front = {id(finalist) for finalist in pareto(finalists)}
    lines = [
        f"# The fastest model above {floor} on {profile.name}",
        "",
        *(f"- {reason}" for reason in reasons),
        "",
        "| Model | ms per sentence | rounds | MB | floor | Pareto-optimal in latency, size and score |",
        "|---|---:|---:|---:|---|---|",
    ]
    lines += [
        f"| {finalist.candidate.label} | {finalist.latency_ns / MS:.2f} | {finalist.rounds} | "
        f"{finalist.candidate.artifact.model_size_bytes / MB:.1f} | {finalist.floor_text} | "
        f"{'yes' if id(finalist) in front else ''} |"
        for finalist in finalists
    ]
    lines += [
        "",
        "Latencies are medians on the evaluation sentences, relative to one model that ran in every round. "
        "Scores are measured on half of the evaluation sentences, or on as many of them as were needed.",
    ]
    return "\n".join(lines) + "\n"


def _write_best(winner: Finalist, folder: Path) -> None:
    """Copy the winner's artifact with its settings, and measure it on all evaluation sentences."""
    candidate = winner.candidate
    artifact = candidate.artifact
    key = best_key(artifact, candidate.threads, candidate.buckets)
    if is_finished(folder / ARTIFACT_MANIFEST, Artifact, key):
        return
    evaluation = candidate.entrant.evaluation
    measured, outputs = parity.measure(
        candidate.model,
        evaluation,
        task=artifact.task,
        padded_length_tokens=artifact.tokenizer.max_length_tokens,
    )
    with building(folder) as scratch:
        for name in artifact.files:
            shutil.copyfile(candidate.folder / name, scratch / name)
        changes = {
            "key": key,
            "files": inventory(scratch),
            "threads": candidate.threads,
            "graphs": candidate.model.graphs,
            "parity": measured,
            "quality": measure_quality(evaluation, artifact.task, artifact.quality.metric, outputs),
        }
        write_manifest(scratch / ARTIFACT_MANIFEST, artifact.model_copy(update=changes))
