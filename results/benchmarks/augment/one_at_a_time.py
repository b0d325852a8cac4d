"""Candidates for one masked word at a time, by two methods."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from distill.augment.candidates import Choice, blanks_of
from distill.augment.fill import Blank, Guess, masked
from distill.augment.masked_lm import MaskedLM
from distill.augment.words import words_of
from distill.recipe.augmentation import Augmentation

# Enough to contain as many whole words as are needed.
MOST_PROBABLE = 40
Predict = Callable[[Blank, MaskedLM], torch.Tensor]
Choices = list[tuple[Choice, ...]]


def candidates(texts: Sequence[str], settings: Augmentation, lm: MaskedLM, predict: Predict) -> Choices:
    """Return the same candidates as batches give, but with a forward pass for each masked word."""
    choices_by_text = []
    for text in texts:
        words = words_of(text, settings.unit, keep_function_words=settings.keep_function_words)
        choices = []
        for _, word, blank in blanks_of([text], [words], lm):
            order = [lm.words_V[token] for token in predict(blank, lm)[:MOST_PROBABLE].tolist()]
            answers = [answer for answer in order if answer and answer != word.text.lower()]
            choices.append(Choice(word, tuple(answers[: settings.candidates]) or (word.text,)))
        choices_by_text.append(tuple(choices))
    return choices_by_text


def predict(blank: Blank, lm: MaskedLM) -> torch.Tensor:
    """Return the most probable tokens for the masked word."""
    ids_L, (position,) = masked([Guess(0, blank)], lm.mask_id, lm.most_tokens)
    with torch.inference_mode():
        logits_V: torch.Tensor = lm.model(input_ids=torch.from_numpy(ids_L)[None].to(lm.model.device)).logits[
            0, position
        ]
    return (logits_V + lm.other_V).topk(MOST_PROBABLE).indices


def predict_as_the_authors(blank: Blank, lm: MaskedLM) -> torch.Tensor:
    """Return all tokens sorted by probability, with the original text after the masked text."""
    ids_L, (position,) = masked([Guess(0, blank)], lm.mask_id, lm.most_tokens)
    both_L = torch.from_numpy(np.concatenate([ids_L, blank.ids_L[1:]]))[None].to(lm.model.device)
    types_L = (torch.arange(both_L.shape[1], device=both_L.device) >= len(ids_L)).long()[None]
    logits_V: torch.Tensor = lm.model(input_ids=both_L, token_type_ids=types_L).logits[0, position]
    return logits_V.argsort(descending=True)
