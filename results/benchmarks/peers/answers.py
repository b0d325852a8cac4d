"""Whether models answer as the student does, and rightly. Shapes: N sentences, M that a model takes, C labels."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from contract.tokens import Tokens, from_rows
from infer.folders.artifact import TOKENIZER
from infer.worker.start import outputs_of
from results.benchmarks import texts
from results.benchmarks.peers import student
from results.benchmarks.peers.model import Peer


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """How many of the sentences that a model takes get the student's label, and the true one if it is known."""

    total: int
    as_student: int
    right: int | None


def compare(models: Sequence[Peer], reference: Peer, arguments: argparse.Namespace) -> dict[str, Answers]:
    """Run every model over the sentences as they are; one that takes no long ones over the others.

    Args:
        models: what to compare.
        reference: the student.
        arguments: which sentences, and where they are cut.
    """
    rows = list(islice(texts.rows(arguments.texts), arguments.answers))
    tokenizer = texts.tokenizer(arguments.student / TOKENIZER, arguments.cut_tokens)
    encoded = [tokenizer.encode(row[arguments.column]) for row in rows]
    tokens = from_rows([one.ids for one in encoded], [one.type_ids for one in encoded])
    labels_N = student.labels(arguments.student, rows)
    student_N = _labels(reference, tokens)
    found = {}
    for model in models:
        fits_N = np.array([model.takes(length) for length in tokens.lengths])
        answer_M = _labels(model, tokens.take(np.flatnonzero(fits_N).tolist()))
        found[model.name] = Answers(
            total=len(answer_M),
            as_student=int((answer_M == student_N[fits_N]).sum()),
            right=None if labels_N is None else int((answer_M == labels_N[fits_N]).sum()),
        )
    return found


def _labels(peer: Peer, tokens: Tokens) -> NDArray[np.intp]:
    logits_NC = outputs_of(peer.model, tokens).logits.values
    labels_N: NDArray[np.intp] = logits_NC.argmax(axis=1)
    return labels_N
