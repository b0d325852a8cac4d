"""Align words with tokens: find the first token of each word by character offsets.

Offsets are all it needs, so it works with every fast tokenizer.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.ragged import Ragged
from distill.data.rows import Rows
from infer.outputs import UNLABELLED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# How tokenizers write a space; a token of spaces only is not part of a word.
SPACES = "\u2581\u0120 "


def token_labels(rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
    """Return the label of each word at its first token, and UNLABELLED at all other tokens.

    The labels of truncated words come after the tokens. A word that shares its first token with the previous word, such
    as the second letter of an abbreviation that the data splits into letters, is skipped.

    Args:
        rows: rows with labelled words.
        tokenizer: tokenizer of the texts.
        max_length_tokens: maximum number of tokens per text.
    """
    assert rows.words is not None
    encoded = tokenizer(list(rows.texts), truncation=True, max_length=max_length_tokens, return_offsets_mapping=True)
    labels = []
    for row in range(len(rows)):
        spans_L2 = np.asarray(encoded["offset_mapping"][row], dtype=np.int64).reshape(-1, 2)
        is_text_L = np.asarray([bool(token.strip(SPACES)) for token in encoded[row].tokens], dtype=np.bool_)
        labels.append(_align(rows.labels.row(row), rows.words.row(row), spans_L2, is_text_L))
    return ragged.from_rows(labels, like=np.empty(0, np.int64))


def _align(
    labels_W: NDArray[np.int64], words_W2: NDArray[np.int64], spans_L2: NDArray[np.int64], is_text_L: NDArray[np.bool_]
) -> NDArray[np.int64]:
    labels_L = np.full(len(spans_L2), UNLABELLED, dtype=np.int64)
    real_L = is_text_L & (spans_L2[:, 1] > spans_L2[:, 0])
    end_of_tokens = int(spans_L2[real_L, 1].max(initial=0))
    truncated = []
    for label, (start, end) in zip(labels_W, words_W2, strict=True):
        tokens = np.flatnonzero(real_L & (spans_L2[:, 1] > start) & (spans_L2[:, 0] < end))
        if not len(tokens):
            if start >= end_of_tokens:
                truncated.append(label)
        elif labels_L[tokens[0]] == UNLABELLED:
            labels_L[tokens[0]] = label
    return np.concatenate([labels_L, np.asarray(truncated, dtype=np.int64)])
