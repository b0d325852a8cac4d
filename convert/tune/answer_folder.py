"""The folder of a search's answer, a separate one for each set of students, floor and runtimes."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.progress import note
from convert.tune.candidate import Candidate
from convert.tune.entrant import Entrant
from convert.tune.floor import Floor
from convert.tune.model_cache import ModelCache
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, read_artifact
from targets.profile import Profile, RuntimeName

BEST = "best"


def answer_folder(out: Path, students: Sequence[Path], floor: Floor, runtimes: Sequence[RuntimeName]) -> Path:
    """Return the folder of the answer, named after the students, the floor and the selected runtimes.

    Args:
        out: the search's folder, one for each device.
        students: the student folders.
        floor: the floor.
        runtimes: the selected runtimes; empty for all.
    """
    names = sorted(student.resolve().name for student in students)
    prefix = names[0] if len(names) == 1 else f"{len(names)}-students-{sha256_of_value(names)[:8]}"
    return out / "-".join([prefix, str(floor), *sorted(set(runtimes))])


def best_key(artifact: Artifact, threads: int, buckets: tuple[int, ...]) -> str:
    """Return the key of an artifact with runtime settings."""
    return sha256_of_value({"made": artifact.key, "threads": threads, "length_buckets_tokens": buckets})


def check_answer_folder(answer: Path, entrants: Sequence[Entrant], profile: Profile) -> None:
    """Check that the answer's folder has no answer of other students or of another device.

    Raises:
        InputError: `best/` is not an artifact, or was made from a different student or for another device.
    """
    best = answer / BEST
    if not best.exists():
        return
    if not (best / ARTIFACT_MANIFEST).is_file():
        raise InputError(f"{best}: not an artifact, so not from an earlier search", "choose another --out")
    artifact = read_artifact(best)
    students = {entrant.origin.identity for entrant in entrants}
    if artifact.parents["student"] not in students or artifact.target != profile.name:
        raise InputError(f"{best}: was made from a different student or for another device", "choose another --out")


def earlier_best(answer: Path, entrants: Sequence[Entrant], models: ModelCache) -> Candidate | None:
    """Return the answer of an earlier search, to race again; it is set aside if its model no longer exists."""
    best = answer / BEST
    if not best.exists():
        return None
    artifact = read_artifact(best)
    threads, buckets = artifact.threads, artifact.graph.source_lengths
    entrant = next(entrant for entrant in entrants if entrant.origin.identity == artifact.parents["student"])
    for model in models.finished(entrant):
        if best_key(model.artifact, threads, buckets) == artifact.key:
            return model.run_with(threads=threads, buckets=buckets)
    set_aside(answer)
    return None


def set_aside(answer: Path) -> None:
    """Rename an earlier answer, which is kept but no longer counts as the answer."""
    best = answer / BEST
    aside = answer / f"{BEST}-{read_artifact(best).key[:8]}"
    if aside.exists():  # the same artifact
        shutil.rmtree(best)
    else:
        best.rename(aside)
    note(f"{best}: an earlier answer that misses the floor or cannot be compared, renamed to {aside.name}")
