"""Tokenizes texts with the student's tokenizer. Shapes: L tokens of one text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.tokenizer import failing_as_input
from infer.texts import Example

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

NO_WORD = -1


class Encoded(NamedTuple):
    """One text with its tokens."""

    text: str
    encoding: "Encoding"

    @property
    def is_cut(self) -> bool:
        """Whether the text was longer than the model reads."""
        return bool(self.encoding.overflowing)

    @property
    def spans_L2(self) -> NDArray[np.int64]:  # noqa: N802  # a shape
        """First and last character of each token in the text."""
        return np.asarray(self.encoding.offsets, dtype=np.int64).reshape(-1, 2)

    @property
    def words_L(self) -> NDArray[np.int64]:  # noqa: N802  # a shape
        """Number of each token's word; NO_WORD for special tokens."""
        words = (NO_WORD if word is None else word for word in self.encoding.word_ids)
        return np.fromiter(words, dtype=np.int64, count=len(self.encoding.ids))


class Encoder:
    """A tokenizer that cuts texts at the length the student was trained with.

    Args:
        tokenizer: the tokenizer, which becomes the encoder's own.
        max_length_tokens: length at which texts are cut; the longer text of a pair is cut first, as in training.
    """

    def __init__(self, tokenizer: "Tokenizer", max_length_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length_tokens)

    def encode(self, examples: Sequence[Example]) -> list[Encoded]:
        """Tokenize texts, several of them in parallel.

        Raises:
            InputError: the tokenizer fails.
        """
        with failing_as_input("the tokenizer"):
            return self._encode(examples)

    def _encode(self, examples: Sequence[Example]) -> list[Encoded]:
        if len(examples) == 1:
            (example,) = examples
            return [Encoded(example.text, self._tokenizer.encode(example.text, example.pair))]
        pairs = [example.text if example.pair is None else (example.text, example.pair) for example in examples]
        encodings = self._tokenizer.encode_batch(pairs)
        return [Encoded(example.text, encoding) for example, encoding in zip(examples, encodings, strict=True)]
