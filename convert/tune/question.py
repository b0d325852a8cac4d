"""What a search is asked, and the folder of its answer: another question never touches it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.progress import note
from convert.tune.candidate import Candidate, Entrant
from convert.tune.floor import Floor
from convert.tune.models import Models
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, read_artifact
from targets.profile import Profile, RuntimeName

BEST = "best"


def answer_folder(out: Path, students: Sequence[Path], floor: Floor, runtimes: Sequence[RuntimeName]) -> Path:
    """Return the folder of the answer, named by the students, the floor, and the runtimes if these are chosen.

    Args:
        out: the search's folder, one for each device.
        students: their folders.
        floor: to be reached.
        runtimes: only these; none if all.
    """
    names = sorted(student.resolve().name for student in students)
    who = names[0] if len(names) == 1 else f"{len(names)}-students-{sha256_of_value(names)[:8]}"
    return out / "-".join([who, str(floor), *sorted(set(runtimes))])


def key_of_best(artifact: Artifact, threads: int, buckets: tuple[int, ...]) -> str:
    """Return the key of an artifact as it is run."""
    return sha256_of_value({"made": artifact.key, "threads": threads, "length_buckets_tokens": buckets})


def check_place(answer: Path, entrants: Sequence[Entrant], profile: Profile) -> None:
    """Check that what stands in the answer's folder is an answer to the same question.

    Raises:
        InputError: `best/` is somebody else's, or of other students or of another device.
    """
    best = answer / BEST
    if not best.exists():
        return
    if not (best / ARTIFACT_MANIFEST).is_file():
        raise InputError(f"{best}: not an artifact, so not from an earlier search", "choose another --out")
    found = read_artifact(best)
    if found.parents["student"] not in {one.origin.identity for one in entrants} or found.target != profile.name:
        raise InputError(f"{best}: was made from a different student or for another device", "choose another --out")


def standing(answer: Path, entrants: Sequence[Entrant], models: Models) -> Candidate | None:
    """Return the answer of an earlier search, to race again; where its model is gone it is put aside."""
    best = answer / BEST
    if not best.exists():
        return None
    found = read_artifact(best)
    entrant = next(one for one in entrants if one.origin.identity == found.parents["student"])
    for made in models.finished(entrant):
        if key_of_best(made.artifact, found.threads, found.graph.source_lengths) == found.key:
            return made.run_with(threads=found.threads, buckets=found.graph.source_lengths)
    put_aside(answer)
    return None


def put_aside(answer: Path) -> None:
    """Give an earlier answer another name: it stays, and is not taken for the answer."""
    best = answer / BEST
    aside = answer / f"{BEST}-{read_artifact(best).key[:8]}"
    if aside.exists():  # the same artifact
        shutil.rmtree(best)
    else:
        best.rename(aside)
    note(f"{best}: an earlier answer that does not hold any more or cannot be compared, now {aside.name}")
