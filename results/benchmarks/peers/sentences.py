"""Sentences to time: real sentences, joined and cut to exactly one length."""

import argparse
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from contract.tokens import from_rows, write_tokens
from infer.folders.artifact import TOKENIZER
from results.benchmarks import texts


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentences:
    """Sentences of one length.

    Attributes:
        path: .npz file with the token ids.
        texts: the same sentences, to be cut to the length.
    """

    length_tokens: int
    path: Path
    texts: tuple[str, ...]


def join(length_tokens: int, scratch: Path, arguments: argparse.Namespace) -> Sentences:
    """Join real sentences to texts that have exactly this many tokens after they are cut."""
    tokenizer = texts.tokenizer(arguments.student / TOKENIZER, length_tokens)
    more = cycle(row[arguments.column] for row in texts.rows(arguments.texts))
    joined, ids, types = [], [], []
    for _ in range(arguments.sentences):
        text = next(more)
        while len((encoded := tokenizer.encode(text)).ids) < length_tokens:
            text = f"{text} {next(more)}"
        joined.append(text)
        ids.append(encoded.ids)
        types.append(encoded.type_ids)
    path = scratch / f"{length_tokens}.npz"
    write_tokens(path, from_rows(ids, types))
    return Sentences(length_tokens=length_tokens, path=path, texts=tuple(joined))
