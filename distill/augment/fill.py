"""What a masked LM would put in the place of words, in batches of like length across all texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.progress import Advance, bar
from distill.augment.masked_lm import MaskedLM

Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Blank:
    """A word to be masked.

    Attributes:
        ids_L: the whole text, special tokens included; shared by all blanks of a text.
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
        blank: its number.
        filled: token ids of its first characters.
    """

    blank: int
    filled: tuple[int, ...] = ()


def fill(lm: MaskedLM, blanks: Sequence[Blank], *, count: int, context: int, batch_size: int) -> list[list[str]]:
    """Return the most probable words of each blank, the most probable first.

    A word of several characters is masked whole; the `count` most probable first characters are each gone on with from
    left to right by the most probable next one, given those before it.

    Args:
        lm: the masked LM.
        blanks: words of any texts; each is masked in a copy of its text of its own.
        count: words of each blank.
        context: tokens the masked LM sees at most.
        batch_size: texts a forward pass.
    """
    width = min(context, lm.most_tokens)
    found: list[list[str]] = [[] for _ in blanks]
    guesses = [Guess(number) for number in range(len(blanks))]
    # One pass for each blank, and one for each further character of each of its candidates.
    total = len(blanks) + sum((blank.length - 1) * count for blank in blanks)
    with bar("Asking the masked LM", total) as advance:
        while guesses:
            best = _best(lm, blanks, guesses, count, width, batch_size, advance)
            longer = [Guess(guess.blank, (*guess.filled, token)) for guess, tokens in best for token in tokens]
            guesses = []
            for guess in longer:
                if len(guess.filled) < blanks[guess.blank].length:
                    guesses.append(guess)
                else:
                    found[guess.blank].append("".join(lm.words_V[token] for token in guess.filled))
    return found


def masked(blank: Blank, filled: Sequence[int], mask_id: int, width: int) -> tuple[Ids, int]:
    """Return a text with a blank masked where it is not yet filled, and the place of the first mask.

    Args:
        blank: the word.
        filled: token ids of its first characters.
        mask_id: the mask.
        width: tokens of a longer text that are kept around the word, special tokens included.
    """
    ids_L = blank.ids_L.copy()
    next_place = blank.first + len(filled)
    ids_L[blank.first : next_place] = filled
    ids_L[next_place : blank.first + blank.length] = mask_id
    end = len(ids_L) - blank.after
    surplus = len(ids_L) - width
    if surplus <= 0:
        return ids_L, next_place
    inside = width - blank.before - blank.after
    start = min(max(blank.first - inside // 2, blank.before), end - inside)
    kept = np.concatenate([ids_L[: blank.before], ids_L[start : start + inside], ids_L[end:]])
    return kept, next_place - start + blank.before


def _best(
    lm: MaskedLM,
    blanks: Sequence[Blank],
    guesses: Sequence[Guess],
    count: int,
    width: int,
    batch_size: int,
    advance: Advance,
) -> Iterator[tuple[Guess, list[int]]]:
    """Give each guess its next tokens, the shortest texts first."""
    order = sorted(range(len(guesses)), key=lambda number: min(len(blanks[guesses[number].blank].ids_L), width))
    for start in range(0, len(order), batch_size):
        batch = [guesses[number] for number in order[start : start + batch_size]]
        of_batch = [blanks[guess.blank] for guess in batch]
        rows = [masked(blank, guess.filled, lm.mask_id, width) for blank, guess in zip(of_batch, batch, strict=True)]
        best_BK = lm.best(
            [ids for ids, _ in rows],
            [place for _, place in rows],
            chinese=[blank.chinese for blank in of_batch],
            count=count,
        )
        for guess, best_K in zip(batch, best_BK.tolist(), strict=True):
            wanted = best_K[: 1 if guess.filled else count]
            yield guess, [token for token in wanted if token >= 0]
        advance(len(batch))
