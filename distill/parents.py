"""The folders that a student is made from, and what its teachers say."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from contract.folder import identity
from contract.tokens import Tokens
from distill import teacher
from distill.data.rows import Rows
from distill.data.tokenise import load_tokenizer, tokenise
from distill.fusion import fuse
from distill.general import MANIFEST as GENERAL_MANIFEST
from distill.recipe import Recipe
from distill.training import processes, training
from distill.training.cache import LOGITS, TeacherCache, cache_folder
from infer.folders.student import TEACHER_MANIFEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Parents:
    """The folders a student is made from.

    Attributes:
        teacher: shows its inside, and is what the student is compared with.
        more: teachers whose logits are fused with its own.
        general: the student it starts from, if it does.
    """

    teacher: Path
    more: tuple[Path, ...]
    general: Path | None

    def identities(self) -> dict[str, str]:
        """Return the identity of each, by role."""
        found = {"teacher": identity(self.teacher / TEACHER_MANIFEST)}
        for number, folder in enumerate(self.more):
            found[f"teacher-{number + 2}"] = identity(folder / TEACHER_MANIFEST)
        if self.general is not None:
            found["general"] = identity(self.general / GENERAL_MANIFEST)
        return found


def logits(recipe: Recipe, parents: Parents, rows: Rows) -> NDArray[np.float32]:
    """Return what all teachers together say of N rows, each with its own tokenizer; shape (N, C).

    Args:
        recipe: how they are fused.
        parents: the teachers.
        rows: of the task.

    Raises:
        InputError: the teachers answer with different numbers of classes.
    """
    logits_KNC = []
    for folder in (parents.teacher, *parents.more):
        tokens = tokenise(load_tokenizer(folder), rows, recipe.max_length_tokens)
        kept = cache(folder, partial(teacher.load_for, recipe, folder), tokens)
        logits_KNC.append(processes.main_process_first(partial(kept.read, [LOGITS]))[LOGITS])
    return fuse(logits_KNC, rows.labels_N, recipe.teacher)


def cache(
    folder: Path, model: Callable[[], PreTrainedModel], tokens: Tokens, *, of_tokens: bool = False
) -> TeacherCache:
    """Return the cache of a teacher over some sentences, beside its folder.

    Args:
        folder: of the teacher.
        model: loads it.
        tokens: the sentences in its word pieces.
        of_tokens: it answers for each token.
    """
    bf16, _ = training.bf16_choice()
    place = cache_folder(folder.parent, identity(folder / TEACHER_MANIFEST), tokens, bf16=bf16)
    return TeacherCache(folder=place, model=model, tokens=tokens, bf16=bf16, of_tokens=of_tokens)
