"""Candidates for one masked word at a time, by two methods."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from distill.augment.candidates import WordCandidates, maskable_words
from distill.augment.fill_mask import MaskedWord, PartialFill, mask_text
from distill.augment.masked_lm import MaskedLM
from distill.augment.words import words_of
from distill.recipe.augmentation import Augmentation

# Enough to contain as many whole words as are needed.
MOST_PROBABLE = 40
Predict = Callable[[MaskedWord, MaskedLM], torch.Tensor]
Choices = list[tuple[WordCandidates, ...]]


def candidates(texts: Sequence[str], settings: Augmentation, lm: MaskedLM, predict: Predict) -> Choices:
    """Return the same candidates as batches give, but with a forward pass for each masked word."""
    choices_by_text = []
    for text in texts:
        words = words_of(text, settings.unit, keep_function_words=settings.keep_function_words)
        choices = []
        for _, word, masked in maskable_words([text], [words], lm):
            order = [lm.words_V[token] for token in predict(masked, lm)[:MOST_PROBABLE].tolist()]
            answers = [answer for answer in order if answer and answer != word.text.lower()]
            choices.append(WordCandidates(word, tuple(answers[: settings.candidates]) or (word.text,)))
        choices_by_text.append(tuple(choices))
    return choices_by_text


def predict(masked: MaskedWord, lm: MaskedLM) -> torch.Tensor:
    """Return the most probable tokens for the masked word."""
    ids_L, (position,) = mask_text([PartialFill(0, masked)], lm.mask_id, lm.max_tokens)
    with torch.inference_mode():
        logits_V: torch.Tensor = lm.model(input_ids=torch.from_numpy(ids_L)[None].to(lm.model.device)).logits[
            0, position
        ]
    return (logits_V + lm.other_V).topk(MOST_PROBABLE).indices


def predict_as_the_authors(masked: MaskedWord, lm: MaskedLM) -> torch.Tensor:
    """Return all tokens sorted by probability, with the original text after the masked text."""
    ids_L, (position,) = mask_text([PartialFill(0, masked)], lm.mask_id, lm.max_tokens)
    both_L = torch.from_numpy(np.concatenate([ids_L, masked.ids_L[1:]]))[None].to(lm.model.device)
    types_L = (torch.arange(both_L.shape[1], device=both_L.device) >= len(ids_L)).long()[None]
    logits_V: torch.Tensor = lm.model(input_ids=both_L, token_type_ids=types_L).logits[0, position]
    return logits_V.argsort(descending=True)
