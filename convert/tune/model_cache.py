"""The models of a search, converted once into its folder; failed conversions are remembered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contract.errors import UnfinishedError
from contract.progress import bar
from convert.artifact import artifact_key
from convert.conversion import Conversion, convert_variants
from convert.tune.candidate import Candidate
from convert.tune.entrant import Entrant
from convert.tune.ledger import Ledger
from convert.variants import VariantGroup
from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
from infer.folders.variant import Variant

# Sentences for measuring parity; accuracy is checked later, against the floor.
SENTENCES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCache:
    """Converts models, unless they are already converted.

    Attributes:
        out: the folder of all artifact folders.
        ledger: records conversions and failures.
        out_of_time: called before each conversion after the first.
        failures: error messages of this search's failed conversions, by model.
    """

    out: Path
    ledger: Ledger
    out_of_time: Callable[[], bool]
    failures: dict[str, str] = field(default_factory=dict)

    def candidates(self, entrant: Entrant, groups: Sequence[VariantGroup]) -> list[Candidate]:
        """Return a student's models, converting missing ones; failed ones are left out and their errors recorded."""
        found: list[Candidate] = []
        with bar(f"Converting {entrant.name}", sum(len(group.variants) for group in groups)) as advance:
            for group in groups:
                conversion = self._conversion(entrant, group)
                for variant in conversion.unfinished():
                    if not self._has_failed(conversion, variant) and not (found and self.out_of_time()):
                        self._convert(conversion, variant)
                advance(len(group.variants))
                found += [
                    self._candidate(entrant, conversion.folder(variant))
                    for variant in group.variants
                    if conversion.is_finished(variant)
                ]
        return found

    def finished(self, entrant: Entrant) -> list[Candidate]:
        """Return all finished models of a student, including those of other searches."""
        manifests = sorted((self.out / entrant.name).glob(f"*/{ARTIFACT_MANIFEST}"))
        return [self._candidate(entrant, manifest.parent) for manifest in manifests]

    def _conversion(self, entrant: Entrant, group: VariantGroup) -> Conversion:
        sample = entrant.evaluation.take(entrant.search_rows[:SENTENCES])
        return Conversion(origin=entrant.origin, evaluation=sample, group=group, out=self.out / entrant.name)

    def _convert(self, conversion: Conversion, variant: Variant) -> None:
        failures = convert_variants(conversion, (variant,), lambda _: None)
        for folder, error in failures.items():
            self.failures[f"{conversion.origin.folder.name} {folder.name}"] = str(error)
            # A conversion that was stopped from outside may succeed another time.
            if folder == conversion.folder(variant) and not isinstance(error, UnfinishedError):
                self._record(conversion, variant, str(error))
        if not failures:
            self._record(conversion, variant, "")

    def _has_failed(self, conversion: Conversion, variant: Variant) -> bool:
        failure = self.ledger.get("failed", artifact_key(conversion.origin, conversion.group, variant))
        if failure is not None:
            self.failures[f"{conversion.origin.folder.name} {variant.name}"] = str(failure.get("cause", ""))
        return failure is not None

    def _record(self, conversion: Conversion, variant: Variant, cause: str) -> None:
        subject = f"{conversion.origin.folder.name} {variant.name}"
        if cause:
            key = artifact_key(conversion.origin, conversion.group, variant)
            self.ledger.write("failed", subject, key, {"cause": cause})
            return
        artifact = read_artifact(conversion.folder(variant))
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
