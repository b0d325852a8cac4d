"""Candidates for words, from a masked LM or from neighbours: they match the word's script and length."""

from pathlib import Path

import pytest
import torch

from distill.augment.candidates import find_candidates
from distill.augment.masked_lm import MaskedLM
from distill.recipe.augmentation import Augmentation


def test_candidates_are_whole_words_of_the_same_script(
    lm: MaskedLM, augmentation: Augmentation, words: list[str], characters: list[str], texts: tuple[str, ...]
) -> None:
    for text, choices in zip(texts, find_candidates(texts, augmentation, lm, None), strict=True):
        for choice in choices:
            assert set(choice.candidates) <= set(characters if choice.word.is_chinese else words)
            assert choice.word.text not in choice.candidates
            assert len(choice.candidates) == 4
            assert text[choice.word.start : choice.word.end] == choice.word.text
    words_by_text = [
        [choice.word.text for choice in choices] for choices in find_candidates(texts, augmentation, lm, None)
    ]
    assert words_by_text == [
        ["film", "good", "very", "good"],
        ["dull", "story"],
        ["fine", "music"],
        list("电影好"),
        ["bad"] * 30,
    ]


def test_several_pieces_take_neighbours(lm: MaskedLM, pairs_file: Path, augmentation: Augmentation) -> None:
    (choices,) = find_candidates(["walking 7 fine music"], augmentation, lm, pairs_file)
    candidates = {choice.word.text: choice.candidates for choice in choices}
    assert candidates["walking"] == ("strolling",)
    assert len(candidates["fine"]) == 4


@pytest.mark.usefixtures("dictionary")
def test_chinese_words_are_masked_whole(
    lm: MaskedLM, pairs_file: Path, augmentation: Augmentation, vocabulary: list[str], characters: list[str]
) -> None:
    """Candidates are dictionary words of the same length; each next character is the most probable one."""
    settings = augmentation.model_copy(update={"unit": "word", "masked_share": 0.0})
    (choices,) = find_candidates(["这电影很好"], settings, lm, None)
    (film, good) = choices
    assert (film.word.text, good.word.text) == ("电影", "好")
    assert film.candidates
    assert all(len(word) == 2 and word[0] != "很" for word in film.candidates)
    prompt = lm.tokenizer(f"这{film.candidates[0][0]}[MASK]很好", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        order = lm.model(prompt).logits[0, 3].argsort(descending=True).tolist()
    best = next(vocabulary[number] for number in order if vocabulary[number] in characters)
    assert film.candidates[0][1] == best
    assert find_candidates(["这电影很好"], settings, None, pairs_file)[0][0].candidates == ("影片",)
