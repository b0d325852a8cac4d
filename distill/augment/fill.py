"""What a masked LM would put in the place of words, in batches of like length across all texts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from contract.progress import bar
from distill.augment.masked_lm import MaskedLM
from distill.recipe.augmentation import Augmentation

Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Blank:
    """A word to be masked.

    Attributes:
        ids_L: the whole text, special tokens included; one array for all blanks of a text.
        before, after: how many special tokens it begins and ends with.
        first: its first token.
        length: its tokens, one after the other; more than one only in Chinese, one for each character.
        chinese: what its candidates are to be written in.
    """

    ids_L: Ids
    before: int
    after: int
    first: int
    length: int
    chinese: bool


@dataclass(frozen=True, slots=True)
class Guess:
    """A blank filled from its left.

    Attributes:
        number: which blank.
        blank: the blank.
        filled: token ids of its first characters.
    """

    number: int
    blank: Blank
    filled: tuple[int, ...] = ()

    @property
    def place(self) -> int:
        """The token to be guessed next."""
        return self.blank.first + len(self.filled)

    @property
    def whole(self) -> bool:
        """Whether nothing is left to guess."""
        return len(self.filled) == self.blank.length


Copy = list[Guess]  # guesses that are masked in one copy of their text


def fill(lm: MaskedLM, blanks: Sequence[Blank], count: int, settings: Augmentation) -> list[list[str]]:
    """Return the most probable words of each blank, the most probable first.

    A word of several characters is masked whole; the `count` most probable first characters are each gone on with from
    left to right by the most probable next one, given those before it.

    Args:
        lm: the masked LM.
        blanks: words of any texts, those of a text one after the other.
        count: words of each blank.
        settings: of the augmentation.
    """
    width = min(settings.context_tokens, lm.most_tokens)
    found: list[list[str]] = [[] for _ in blanks]
    copies = together([Guess(number, blank) for number, blank in enumerate(blanks)], width, settings.masked_share)
    while copies:
        longer = list(_go_on(lm, copies, count, width, settings.batch_size))
        for guess in longer:
            if guess.whole:
                found[guess.number].append("".join(lm.words_V[token] for token in guess.filled))
        copies = [[guess] for guess in longer if not guess.whole]
    return found


def together(guesses: Sequence[Guess], width: int, share: float) -> list[Copy]:
    """Part the blanks into those that are masked in one copy of their text, far from each other.

    Args:
        guesses: the blanks, those of a text one after the other.
        width: tokens the masked LM sees of a longer text.
        share: of the tokens it sees that may be masked; one blank may be in any case.
    """

    def stretch(guess: Guess) -> tuple[int, int]:
        ids_L = guess.blank.ids_L
        return id(ids_L), 0 if len(ids_L) <= width else guess.blank.first // (width // 2)

    copies = []
    for _, of_stretch in groupby(guesses, key=stretch):
        near = list(of_stretch)
        most = max(1, math.ceil(share * min(len(near[0].blank.ids_L), width)))
        parts = min(len(near), math.ceil(sum(guess.blank.length for guess in near) / most))
        copies += [near[part::parts] for part in range(parts)]
    return copies


def masked(copy: Copy, mask_id: int, width: int) -> tuple[Ids, list[int]]:
    """Return the tokens of a text with blanks masked where they are not yet filled, and each one's next place.

    Args:
        copy: blanks of one text, no further from each other than half of `width`.
        mask_id: the mask.
        width: tokens of a longer text that are kept around the words, special tokens included.
    """
    blank = copy[0].blank
    ids_L = blank.ids_L.copy()
    for guess in copy:
        ids_L[guess.blank.first : guess.place] = guess.filled
        ids_L[guess.place : guess.blank.first + guess.blank.length] = mask_id
    places = [guess.place for guess in copy]
    if len(ids_L) <= width:
        return ids_L, places
    end = len(ids_L) - blank.after
    inside = width - blank.before - blank.after
    middle = (places[0] + places[-1]) // 2
    start = min(max(middle - inside // 2, blank.before), end - inside)
    kept = np.concatenate([ids_L[: blank.before], ids_L[start : start + inside], ids_L[end:]])
    return kept, [place - start + blank.before for place in places]


def _go_on(lm: MaskedLM, copies: Sequence[Copy], count: int, width: int, batch_size: int) -> Iterator[Guess]:
    """Fill one more token of each guess: the first in `count` ways, a further one in the most probable way."""
    with bar("Asking the masked LM", sum(map(len, copies))) as advance:
        for batch in _batches(copies, width, batch_size):
            guesses = [guess for copy in batch for guess in copy]
            rows = [masked(copy, lm.mask_id, width) for copy in batch]
            best_MK = lm.best(
                [ids_L for ids_L, _ in rows],
                [places for _, places in rows],
                chinese=[guess.blank.chinese for guess in guesses],
                count=count,
            )
            for guess, best_K in zip(guesses, best_MK.tolist(), strict=True):
                for token in best_K[: 1 if guess.filled else count]:
                    if token >= 0:
                        yield Guess(guess.number, guess.blank, (*guess.filled, token))
            advance(len(guesses))


def _batches(copies: Sequence[Copy], width: int, batch_size: int) -> Iterator[list[Copy]]:
    """Yield copies of like length, the shortest first, with `batch_size` blanks or a few more."""
    batch: list[Copy] = []
    for copy in sorted(copies, key=lambda copy: min(len(copy[0].blank.ids_L), width)):
        batch.append(copy)
        if sum(map(len, batch)) >= batch_size:
            yield batch
            batch = []
    if batch:
        yield batch
