"""Token ids of sentences of different lengths, as sent to a device. NumPy only.

Shapes: N sentences, T tokens of all sentences together, B sentences of one batch, L tokens of one padded sentence.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from contract.digest import sha256_of_arrays
from contract.errors import InputError
from contract.ragged import is_falling, offsets_of

Arrays = dict[str, NDArray[np.generic]]
Row = Sequence[int] | NDArray[np.integer]
CURE = "make its folder again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A batch of padded sentences; all arrays are int64 of shape (B, L)."""

    input_ids_BL: NDArray[np.int64]
    attention_mask_BL: NDArray[np.int64]
    token_type_ids_BL: NDArray[np.int64]

    def by_role(self) -> dict[str, NDArray[np.int64]]:
        """Return the arrays by role."""
        return {
            "input_ids": self.input_ids_BL,
            "attention_mask": self.attention_mask_BL,
            "token_type_ids": self.token_type_ids_BL,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Ragged token ids.

    Attributes:
        ids_T: token ids, sentence by sentence.
        types_T: 0 for the first text of a pair and for a single text, 1 for the second.
        offsets: N + 1 positions; sentence i is ids_T[offsets[i]:offsets[i + 1]].
    """

    ids_T: NDArray[np.int32]
    types_T: NDArray[np.int8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each sentence, shape (N,)."""
        return np.diff(self.offsets)

    def row_ids(self, row: int) -> NDArray[np.int32]:
        """Return the token ids of one sentence."""
        return self.ids_T[self.offsets[row] : self.offsets[row + 1]]

    def positions(self, rows: Sequence[int]) -> NDArray[np.int64]:
        """Return the positions in ids_T of the tokens of some sentences, sentence by sentence."""
        spans = [np.arange(self.offsets[row], self.offsets[row + 1]) for row in rows]
        return np.concatenate(spans or [np.empty(0, np.int64)])

    def key(self) -> str:
        """Return the hash of all token ids and types."""
        return sha256_of_arrays(self.ids_T, self.types_T, self.offsets)

    def take(self, rows: Sequence[int]) -> "Tokens":
        """Return some of the sentences, in the order asked for."""
        spans = [slice(self.offsets[row], self.offsets[row + 1]) for row in rows]
        return from_rows([self.ids_T[span] for span in spans], [self.types_T[span] for span in spans])

    def batch(self, rows: Sequence[int], length_tokens: int | None = None, pad_id: int = 0) -> Batch:
        """Pad some sentences to one length.

        Args:
            rows: the sentences by number.
            length_tokens: the padded length; the length of the longest sentence if not given.
            pad_id: token id to pad with.

        Raises:
            ValueError: a sentence is longer than length_tokens.
        """
        spans = [slice(self.offsets[row], self.offsets[row + 1]) for row in rows]
        return pad([self.ids_T[span] for span in spans], [self.types_T[span] for span in spans], length_tokens, pad_id)


def pad(ids: Sequence[Row], types: Sequence[Row], length_tokens: int | None = None, pad_id: int = 0) -> Batch:
    """Pad B sentences to one length.

    Args:
        ids: token ids of each sentence.
        types: token types of each sentence.
        length_tokens: the padded length; the length of the longest sentence if not given.
        pad_id: token id to pad with.

    Raises:
        ValueError: a sentence is longer than length_tokens.
    """
    longest = max(map(len, ids))
    length = longest if length_tokens is None else length_tokens
    if longest > length:
        raise ValueError(f"a sentence of {longest} tokens does not fit {length}")
    if len(ids) == 1 and longest == length:
        return _unpadded(ids[0], types[0])
    ids_BL = np.full((len(ids), length), pad_id, dtype=np.int64)
    mask_BL = np.zeros((len(ids), length), dtype=np.int64)
    types_BL = np.zeros((len(ids), length), dtype=np.int64)
    for index, (sentence_ids, sentence_types) in enumerate(zip(ids, types, strict=True)):
        count = len(sentence_ids)
        ids_BL[index, :count] = sentence_ids
        mask_BL[index, :count] = 1
        types_BL[index, :count] = sentence_types
    return Batch(input_ids_BL=ids_BL, attention_mask_BL=mask_BL, token_type_ids_BL=types_BL)


def _unpadded(ids: Row, types: Row) -> Batch:
    """Return a single sentence without padding, in a third of the time, because a user waits for it."""
    ids_BL = np.array([ids], dtype=np.int64)
    types_BL = np.array([types], dtype=np.int64)
    return Batch(input_ids_BL=ids_BL, attention_mask_BL=np.ones(ids_BL.shape, np.int64), token_type_ids_BL=types_BL)


def from_rows(ids: Sequence[Row], types: Sequence[Row]) -> Tokens:
    """Join sentences into ragged tokens."""
    return Tokens(
        ids_T=np.concatenate([np.asarray(row, dtype=np.int32) for row in ids] or [np.empty(0, np.int32)]),
        types_T=np.concatenate([np.asarray(row, dtype=np.int8) for row in types] or [np.empty(0, np.int8)]),
        offsets=offsets_of([len(row) for row in ids]),
    )


def joined(parts: Sequence[Tokens]) -> Tokens:
    """Concatenate several ragged tokens."""
    return Tokens(
        ids_T=np.concatenate([part.ids_T for part in parts]),
        types_T=np.concatenate([part.types_T for part in parts]),
        offsets=offsets_of([length for part in parts for length in part.lengths.tolist()]),
    )


def write_tokens(path: Path, tokens: Tokens, **more: NDArray[np.generic]) -> None:
    """Write tokens and other arrays to an uncompressed .npz."""
    arrays: Arrays = {
        "token_ids": tokens.ids_T,
        "token_types": tokens.types_T,
        "offsets": tokens.offsets,
        **more,
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes these for the keyword allow_pickle


def read_tokens(path: Path) -> tuple[Tokens, Arrays]:
    """Read tokens and the other arrays of an .npz; pickled objects are refused.

    Raises:
        InputError: it is missing, truncated, not an .npz, has no tokens, or has pickled objects.
    """
    try:
        with path.open("rb") as file:
            return tokens_in(file, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read as tokens ({error.strerror})", CURE) from error


def tokens_in(file: BinaryIO, source: str) -> tuple[Tokens, Arrays]:
    """Read tokens as `read_tokens` does.

    Args:
        file: the file, seekable.
        source: its name, to begin an error with.

    Raises:
        InputError: as `read_tokens`.
    """
    try:
        arrays = _arrays_in(file)
        tokens = Tokens(
            ids_T=arrays.pop("token_ids").astype(np.int32),
            types_T=arrays.pop("token_types").astype(np.int8),
            offsets=arrays.pop("offsets").astype(np.int64),
        )
        _check(tokens)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: cannot be read as tokens ({reason})", CURE) from error
    return tokens, arrays


def _arrays_in(file: BinaryIO) -> Arrays:
    if not zipfile.is_zipfile(file):
        raise ValueError("not an .npz file")
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{name} is not an array")
    return arrays


def _check(tokens: Tokens) -> None:
    offsets = tokens.offsets
    if len(tokens.types_T) != len(tokens.ids_T):
        raise ValueError("not as many types as ids")
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(tokens.ids_T) or is_falling(offsets):
        raise ValueError("the offsets do not span the ids")
