"""The models of a search: made in its folder, found again, their failures remembered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contract.errors import UnfinishedError
from contract.progress import bar
from convert.make import Task, make
from convert.plan import Plan
from convert.tune.candidate import Candidate, Entrant
from convert.tune.ledger import Ledger
from convert.write import key
from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
from infer.folders.variant import Variant

# Parity is compared on so many; whether the answers are right is judged later, by the floor.
SENTENCES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """Makes models.

    Attributes:
        out: the folder of all artifact folders.
        ledger: remembers which were made and which could not be.
        out_of_time: asked before each model after the first.
        failures: why a model of this search could not be made, by its label.
    """

    out: Path
    ledger: Ledger
    out_of_time: Callable[[], bool]
    failures: dict[str, str] = field(default_factory=dict)

    def make(self, entrant: Entrant, plans: Sequence[Plan]) -> list[Candidate]:
        """Make a student's variants, or find them made; one that fails is left out and its reason kept."""
        found: list[Candidate] = []
        with bar(f"Converting {entrant.name}", sum(len(plan.variants) for plan in plans)) as advance:
            for plan in plans:
                task = self._task(entrant, plan)
                for variant in task.missing():
                    if not self._has_failed(task, variant) and not (found and self.out_of_time()):
                        self._make(task, variant)
                advance(len(plan.variants))
                found += [
                    self._candidate(entrant, task.folder(variant))
                    for variant in plan.variants
                    if task.is_finished(variant)
                ]
        return found

    def finished(self, entrant: Entrant) -> list[Candidate]:
        """Return all that stands finished of a student, whatever it was made for."""
        manifests = sorted((self.out / entrant.name).glob(f"*/{ARTIFACT_MANIFEST}"))
        return [self._candidate(entrant, manifest.parent) for manifest in manifests]

    def _task(self, entrant: Entrant, plan: Plan) -> Task:
        some = entrant.evaluation.take(entrant.search_rows[:SENTENCES])
        return Task(origin=entrant.origin, evaluation=some, plan=plan, out=self.out / entrant.name)

    def _make(self, task: Task, variant: Variant) -> None:
        failures = make(task, (variant,), lambda _: None)
        for folder, error in failures.items():
            self.failures[f"{task.origin.folder.name} {folder.name}"] = str(error)
            # What was stopped from outside may come through another time.
            if folder == task.folder(variant) and not isinstance(error, UnfinishedError):
                self._remember(task, variant, str(error))
        if not failures:
            self._remember(task, variant, "")

    def _has_failed(self, task: Task, variant: Variant) -> bool:
        found = self.ledger.known("failed", key(task.origin, task.plan, variant))
        if found is not None:
            self.failures[f"{task.origin.folder.name} {variant.name}"] = str(found.get("cause", ""))
        return found is not None

    def _remember(self, task: Task, variant: Variant, cause: str) -> None:
        subject = f"{task.origin.folder.name} {variant.name}"
        if cause:
            self.ledger.write("failed", subject, key(task.origin, task.plan, variant), {"cause": cause})
            return
        artifact = read_artifact(task.folder(variant))
        self.ledger.write(
            "made",
            subject,
            artifact.key,
            {"model_size_bytes": artifact.model_size_bytes, "parity": artifact.parity.model_dump()},
        )

    def _candidate(self, entrant: Entrant, folder: Path) -> Candidate:
        artifact = read_artifact(folder)
        return Candidate(
            entrant=entrant,
            folder=folder,
            artifact=artifact,
            threads=artifact.threads,
            buckets=artifact.graph.source_lengths,
        )
