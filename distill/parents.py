"""The folders that a student is made from."""

from dataclasses import dataclass
from pathlib import Path

from contract.folder import identity
from distill.general import MANIFEST as GENERAL_MANIFEST
from infer.folders.student import TEACHER_MANIFEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Parents:
    """The folders that a student is made from.

    Attributes:
        teacher: teacher whose states are learned, and with which the student is compared.
        more: further teachers, whose logits are fused with its logits.
        general: general student to start from; None for another start.
    """

    teacher: Path
    more: tuple[Path, ...]
    general: Path | None

    @property
    def teachers(self) -> tuple[Path, ...]:
        """All teachers, the recipe's first."""
        return self.teacher, *self.more

    def identities(self) -> dict[str, str]:
        """Return the identity of each folder, by role."""
        identities = {"teacher": identity(self.teacher / TEACHER_MANIFEST)}
        for number, folder in enumerate(self.more):
            identities[f"teacher-{number + 2}"] = identity(folder / TEACHER_MANIFEST)
        if self.general is not None:
            identities["general"] = identity(self.general / GENERAL_MANIFEST)
        return identities
