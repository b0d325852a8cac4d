"""Agreement of models with the student and with the true labels.

Shapes: N sentences, M of them that a model accepts, C labels.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from contract.tokens import Tokens, from_rows
from infer.folders.artifact import TOKENIZER
from infer.worker.client import outputs_of
from results.benchmarks import texts
from results.benchmarks.peers import student
from results.benchmarks.peers.model import Peer


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The number of sentences that a model accepts, and of those with the student's label and with the true label."""

    total: int
    as_student: int
    right: int | None


def compare(models: Sequence[Peer], reference: Peer, arguments: argparse.Namespace) -> dict[str, Agreement]:
    """Run every model over the original sentences that are not too long for it.

    Args:
        models: the models to compare.
        reference: the student.
        arguments: which sentences to use, and where to cut them.

    Returns:
        The agreement by name of the model.
    """
    rows = list(islice(texts.rows(arguments.texts), arguments.answers))
    tokenizer = texts.tokenizer(arguments.student / TOKENIZER, arguments.cut_tokens)
    encoded = [tokenizer.encode(row[arguments.column]) for row in rows]
    tokens = from_rows([encoding.ids for encoding in encoded], [encoding.type_ids for encoding in encoded])
    labels_N = student.labels(arguments.student, rows)
    student_N = _labels(reference, tokens)
    by_name = {}
    for model in models:
        fits_N = np.array([model.accepts(length) for length in tokens.lengths])
        predicted_M = _labels(model, tokens.take(np.flatnonzero(fits_N).tolist()))
        by_name[model.name] = Agreement(
            total=len(predicted_M),
            as_student=int((predicted_M == student_N[fits_N]).sum()),
            right=None if labels_N is None else int((predicted_M == labels_N[fits_N]).sum()),
        )
    return by_name


def _labels(peer: Peer, tokens: Tokens) -> NDArray[np.intp]:
    logits_NC = outputs_of(peer.model, tokens).logits.values
    labels_N: NDArray[np.intp] = logits_NC.argmax(axis=1)
    return labels_N
