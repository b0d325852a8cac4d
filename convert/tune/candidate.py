"""The candidates of a search: converted models with runtime settings."""

from dataclasses import dataclass, replace
from pathlib import Path

from convert.tune.entrant import Entrant
from infer import runtimes
from infer.folders.artifact import Artifact
from infer.folders.model import Model


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A converted model with runtime settings.

    Attributes:
        entrant: the student that the model was made from.
        folder: the artifact folder.
        artifact: the artifact's manifest.
        threads: number of threads for the runtime.
        buckets: padded lengths that the runtime prepares for; empty for any length.
    """

    entrant: Entrant
    folder: Path
    artifact: Artifact
    threads: int
    buckets: tuple[int, ...]

    @property
    def model_name(self) -> str:
        """A short description of the model."""
        return f"{self.entrant.name} {self.artifact.variant.name}"

    @property
    def label(self) -> str:
        """A short description of the candidate, unique within a search."""
        is_choice = not runtimes.get(self.artifact.runtime).TRAITS.needs_lengths
        fixed = ", fixed lengths" if self.buckets and is_choice else ""
        return f"{self.model_name}, {self.threads} thread{'s' if self.threads > 1 else ''}{fixed}"

    @property
    def output_key(self) -> tuple[Path, tuple[int, ...]]:
        """A key shared by candidates with the same outputs: padding may change outputs, threads do not."""
        return self.folder, self.buckets

    @property
    def model(self) -> Model:
        """The model with these settings, for its runtime."""
        return replace(self.artifact.model(self.folder), threads=self.threads).padded_to(self.buckets)

    def run_with(self, *, threads: int | None = None, buckets: tuple[int, ...] | None = None) -> "Candidate":
        """Return the same model with other settings."""
        return replace(
            self,
            threads=self.threads if threads is None else threads,
            buckets=self.buckets if buckets is None else buckets,
        )
