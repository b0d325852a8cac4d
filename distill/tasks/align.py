"""Words and their pieces: which token begins each word, by the characters that both stand for.

It needs no more of a tokenizer than its offsets, so it holds for fast tokenizers of all kinds.
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

# How tokenizers write a space; a token of nothing else is no piece of a word.
SPACES = "\u2581\u0120 "


def token_labels(rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
    """Return the label of each word at its first token, UNLABELLED at all others.

    The labels of words that a cut leaves out stand behind the tokens. A word without a token of its own, such as the
    second letter of an abbreviation that the data cuts into letters, belongs to the word before it.

    Args:
        rows: with words.
        tokenizer: that cuts the texts.
        max_length_tokens: where they are cut.
    """
    assert rows.words is not None
    encoded = tokenizer(list(rows.texts), truncation=True, max_length=max_length_tokens, return_offsets_mapping=True)
    aligned = []
    for row in range(len(rows)):
        spans_L2 = np.asarray(encoded["offset_mapping"][row], dtype=np.int64).reshape(-1, 2)
        is_text_L = np.asarray([bool(token.strip(SPACES)) for token in encoded[row].tokens], dtype=np.bool_)
        aligned.append(_aligned(rows.labels.row(row), rows.words.row(row), spans_L2, is_text_L))
    return ragged.from_rows(aligned, like=np.empty(0, np.int64))


def _aligned(
    labels_W: NDArray[np.int64], words_W2: NDArray[np.int64], spans_L2: NDArray[np.int64], is_text_L: NDArray[np.bool_]
) -> NDArray[np.int64]:
    labels_L = np.full(len(spans_L2), UNLABELLED, dtype=np.int64)
    real_L = is_text_L & (spans_L2[:, 1] > spans_L2[:, 0])
    read = int(spans_L2[real_L, 1].max(initial=0))
    cut = []
    for label, (start, end) in zip(labels_W, words_W2, strict=True):
        found = np.flatnonzero(real_L & (spans_L2[:, 1] > start) & (spans_L2[:, 0] < end))
        if not len(found):
            if start >= read:
                cut.append(label)
        elif labels_L[found[0]] == UNLABELLED:
            labels_L[found[0]] = label
    return np.concatenate([labels_L, np.asarray(cut, dtype=np.int64)])
