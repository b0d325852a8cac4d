"""Predict masked words with a masked LM, in batches of similar length across all texts."""

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
class MaskedWord:
    """A word to mask.

    Attributes:
        ids_L: token ids of the whole text, special tokens included; all masked words of a text share one array.
        before, after: number of special tokens at the start and end of the text.
        first: position of the word's first token.
        length: number of consecutive tokens; more than one only in Chinese, one for each character.
        chinese: whether the candidates are to be written in Chinese.
    """

    ids_L: Ids
    before: int
    after: int
    first: int
    length: int
    chinese: bool


@dataclass(frozen=True, slots=True)
class PartialFill:
    """A masked word, filled from left to right so far.

    Attributes:
        number: index of the masked word.
        word: the masked word.
        filled: token ids of the characters filled so far.
    """

    number: int
    word: MaskedWord
    filled: tuple[int, ...] = ()

    @property
    def position(self) -> int:
        """Position of the token to predict next."""
        return self.word.first + len(self.filled)

    @property
    def is_complete(self) -> bool:
        """Whether all tokens are filled."""
        return len(self.filled) == self.word.length


Group = list[PartialFill]  # words masked together in one copy of their text


def fill_mask(lm: MaskedLM, words: Sequence[MaskedWord], count: int, settings: Augmentation) -> list[list[str]]:
    """Return the most probable replacements of each masked word, the most probable first.

    All characters of a word are masked at once; each of the `count` most probable first characters is extended from
    left to right with the most probable next character, given the ones before it.

    Args:
        lm: the masked LM.
        words: masked words of any texts, those of a text in sequence.
        count: number of replacements per word.
        settings: the recipe's [augmentation] section.
    """
    width = min(settings.context_tokens, lm.max_tokens)
    replacements: list[list[str]] = [[] for _ in words]
    fills = [PartialFill(number, word) for number, word in enumerate(words)]
    groups = group_fills(fills, width, settings.masked_share)
    while groups:
        extended = list(_extend(lm, groups, count, width, settings.batch_size))
        for fill in extended:
            if fill.is_complete:
                replacements[fill.number].append("".join(lm.words_V[token] for token in fill.filled))
        groups = [[fill] for fill in extended if not fill.is_complete]
    return replacements


def group_fills(fills: Sequence[PartialFill], width: int, share: float) -> list[Group]:
    """Group masked words into those that are masked in the same copy of their text, spread out evenly.

    Args:
        fills: masked words, those of a text in sequence.
        width: number of tokens that the masked LM sees of a longer text.
        share: maximum share of those tokens to mask; one word is always masked.
    """

    def window(fill: PartialFill) -> tuple[int, int]:
        ids_L = fill.word.ids_L
        return id(ids_L), 0 if len(ids_L) <= width else fill.word.first // (width // 2)

    groups = []
    for _, in_window in groupby(fills, key=window):
        near = list(in_window)
        max_masked = max(1, math.ceil(share * min(len(near[0].word.ids_L), width)))
        count = min(len(near), math.ceil(sum(fill.word.length for fill in near) / max_masked))
        groups += [near[start::count] for start in range(count)]
    return groups


def mask_text(group: Group, mask_id: int, width: int) -> tuple[Ids, list[int]]:
    """Return the token ids of a text with the unfilled tokens masked, and the next position of each word.

    Args:
        group: words of one text, at most half of `width` apart.
        mask_id: id of the mask token.
        width: number of tokens to keep of a longer text around the words, special tokens included.
    """
    word = group[0].word
    ids_L = word.ids_L.copy()
    for fill in group:
        ids_L[fill.word.first : fill.position] = fill.filled
        ids_L[fill.position : fill.word.first + fill.word.length] = mask_id
    positions = [fill.position for fill in group]
    if len(ids_L) <= width:
        return ids_L, positions
    end = len(ids_L) - word.after
    inside = width - word.before - word.after
    middle = (positions[0] + positions[-1]) // 2
    start = min(max(middle - inside // 2, word.before), end - inside)
    kept = np.concatenate([ids_L[: word.before], ids_L[start : start + inside], ids_L[end:]])
    return kept, [position - start + word.before for position in positions]


def _extend(lm: MaskedLM, groups: Sequence[Group], count: int, width: int, batch_size: int) -> Iterator[PartialFill]:
    """Fill one more token of each word: `count` alternatives for the first token, the most probable one for others."""
    with bar("Asking the masked LM", sum(map(len, groups))) as advance:
        for batch in _batches(groups, width, batch_size):
            fills = [fill for group in batch for fill in group]
            rows = [mask_text(group, lm.mask_id, width) for group in batch]
            best_MK = lm.predict_words(
                [ids_L for ids_L, _ in rows],
                [positions for _, positions in rows],
                chinese=[fill.word.chinese for fill in fills],
                count=count,
            )
            for fill, best_K in zip(fills, best_MK.tolist(), strict=True):
                for token in best_K[: 1 if fill.filled else count]:
                    if token >= 0:
                        yield PartialFill(fill.number, fill.word, (*fill.filled, token))
            advance(len(fills))


def _batches(groups: Sequence[Group], width: int, batch_size: int) -> Iterator[list[Group]]:
    """Yield batches of groups of similar length, the shortest first, with at least `batch_size` words if possible."""
    batch: list[Group] = []
    for group in sorted(groups, key=lambda group: min(len(group[0].word.ids_L), width)):
        batch.append(group)
        if sum(map(len, batch)) >= batch_size:
            yield batch
            batch = []
    if batch:
        yield batch
