"""Fuse the logits of several teachers over the same sentences.

Shapes: K teachers, N sentences, C classes.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from contract.folder import identity
from distill import teacher
from distill.data.rows import Rows
from distill.data.tokenise import load_tokenizer, tokenise
from distill.recipe import Recipe
from distill.recipe.teacher import TeacherRecipe
from distill.training import processes
from distill.training.cache import LOGITS, teacher_cache
from infer.folders.student import TEACHER_MANIFEST

Logits = NDArray[np.float32]


def fused_logits(recipe: Recipe, teachers: Sequence[Path], rows: Rows) -> Logits:
    """Return the fused logits of all teachers for N rows, each tokenised by its own tokenizer; shape (N, C).

    Args:
        recipe: recipe that says how to fuse them.
        teachers: teacher folders, the recipe's first.
        rows: rows of the task.

    Raises:
        InputError: the teachers have different numbers of classes.
    """
    logits_KNC = []
    for folder in teachers:
        tokens = tokenise(load_tokenizer(folder), rows, recipe.max_length_tokens)
        model = partial(teacher.load_for, recipe, folder)
        cache = teacher_cache(folder.parent, identity(folder / TEACHER_MANIFEST), model, tokens)
        logits_KNC.append(processes.main_process_first(partial(cache.read, [LOGITS]))[LOGITS])
    return fuse(logits_KNC, rows.labels_N, recipe.teacher)


def fuse(logits_KNC: Sequence[Logits], labels_N: NDArray[np.generic], recipe: TeacherRecipe) -> Logits:
    """Fuse logits (You et al., Learning from Multiple Teacher Networks, KDD 2017, section 3).

    Args:
        logits_KNC: logits of each teacher, the recipe's first.
        labels_N: labels of the sentences, for the fusion `best`.
        recipe: section [teacher] that says how to fuse them.

    Raises:
        InputError: the teachers have different numbers of classes.
    """
    if len({logits_NC.shape for logits_NC in logits_KNC}) > 1:
        shapes = ", ".join(str(logits_NC.shape[1]) for logits_NC in logits_KNC)
        raise InputError(
            f"the teachers have different numbers of classes ({shapes})", "choose teachers of the same task"
        )
    stacked_KNC = np.stack([np.asarray(logits_NC, dtype=np.float32) for logits_NC in logits_KNC])
    if recipe.fusion == "best":
        return _best(stacked_KNC, labels_N)
    weights_K = np.asarray(recipe.weights or [1.0] * len(stacked_KNC), dtype=np.float32)
    fused_NC: Logits = np.tensordot(weights_K / weights_K.sum(), stacked_KNC, axes=1)
    return fused_NC


def _best(logits_KNC: NDArray[np.float32], labels_N: NDArray[np.generic]) -> Logits:
    """Take for each sentence the teacher whose answer is closest to the label."""
    rows_N = np.arange(logits_KNC.shape[1])
    if logits_KNC.shape[2] == 1:
        error_KN = np.abs(logits_KNC[:, :, 0] - labels_N.astype(np.float32))
    else:
        highest_KN1 = logits_KNC.max(axis=2, keepdims=True)
        total_KN = np.log(np.exp(logits_KNC - highest_KN1).sum(axis=2)) + highest_KN1[:, :, 0]
        error_KN = total_KN - logits_KNC[:, rows_N, labels_N.astype(np.int64)]
    closest_NC: Logits = logits_KNC[error_KN.argmin(axis=0), rows_N]
    return closest_NC
