"""Several teachers to one: their logits over the same sentences, fused.

Shapes: K teachers, N sentences, C classes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from distill.recipe.teacher import TeacherRecipe

Logits = NDArray[np.float32]


def fuse(logits_KNC: Sequence[Logits], labels_N: NDArray[np.generic], recipe: TeacherRecipe) -> Logits:
    """Return what all teachers say together (You et al., Learning from Multiple Teacher Networks, KDD 2017, section 3).

    Args:
        logits_KNC: of each teacher, the recipe's first.
        labels_N: of the sentences, which `best` judges by.
        recipe: how they are fused.

    Raises:
        InputError: the teachers answer with different numbers of classes.
    """
    if len({logits_NC.shape for logits_NC in logits_KNC}) > 1:
        shapes = ", ".join(str(logits_NC.shape[1]) for logits_NC in logits_KNC)
        raise InputError(
            f"the teachers answer with different numbers of classes ({shapes})", "give teachers of one task"
        )
    stacked_KNC = np.stack([np.asarray(logits_NC, dtype=np.float32) for logits_NC in logits_KNC])
    if recipe.fusion == "best":
        return _best(stacked_KNC, labels_N)
    weights_K = np.asarray(recipe.weights or [1.0] * len(stacked_KNC), dtype=np.float32)
    fused_NC: Logits = np.tensordot(weights_K / weights_K.sum(), stacked_KNC, axes=1)
    return fused_NC


def _best(logits_KNC: NDArray[np.float32], labels_N: NDArray[np.generic]) -> Logits:
    """Take for each sentence the teacher whose answer is nearest its label."""
    rows_N = np.arange(logits_KNC.shape[1])
    if logits_KNC.shape[2] == 1:
        error_KN = np.abs(logits_KNC[:, :, 0] - labels_N.astype(np.float32))
    else:
        highest_KN1 = logits_KNC.max(axis=2, keepdims=True)
        total_KN = np.log(np.exp(logits_KNC - highest_KN1).sum(axis=2)) + highest_KN1[:, :, 0]
        error_KN = total_KN - logits_KNC[:, rows_N, labels_N.astype(np.int64)]
    nearest_NC: Logits = logits_KNC[error_KN.argmin(axis=0), rows_N]
    return nearest_NC
