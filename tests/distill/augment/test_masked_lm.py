"""A masked LM: which of its tokens are whole words, how texts are masked for it, and what it answers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from contract.errors import InputError
from distill.augment import masked_lm
from distill.augment.candidates import Choice, candidates
from distill.augment.fill import Blank, Guess, masked, together
from distill.augment.masked_lm import MaskedLM
from distill.augment.words import Word
from distill.recipe.augmentation import Augmentation


def test_whole_words_of_a_vocabulary(lm: MaskedLM, words: list[str], characters: list[str]) -> None:
    assert [word for word in lm.words_V if word] == words + characters


def test_whole_words_of_a_byte_level_vocabulary() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = "Ġgodin"
    vocabulary = {token: number for number, token in enumerate(["<mask>", *letters, "oo", "Ġg", "Ġgoo", "Ġgood"])}
    merges = [("o", "o"), ("Ġ", "g"), ("Ġg", "oo"), ("Ġgoo", "d")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="<mask>")
    assert set(masked_lm.whole_words(fast, len(vocabulary))) == {"", "g", "goo", "good"}


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5])
def test_batches_answer_like_one_text_at_a_time(
    lm: MaskedLM, share: float, augmentation: Augmentation, texts: tuple[str, ...]
) -> None:
    settings = augmentation.model_copy(update={"masked_share": share})
    answers = candidates(texts, settings, lm, None)
    alone = settings.model_copy(update={"batch_size": 1})
    assert answers == [candidates([text], alone, lm, None)[0] for text in texts]


def test_answers_are_those_of_the_model_itself(
    lm: MaskedLM, augmentation: Augmentation, vocabulary: list[str], words: list[str]
) -> None:
    """The masked text through the whole model, its output at the mask, the best whole words but the word itself."""
    (choices,) = candidates(["dull story"], augmentation.model_copy(update={"masked_share": 0.0}), lm, None)
    ids = lm.tokenizer("[MASK] story", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        order = lm.model(ids).logits[0, 1].argsort(descending=True).tolist()
    best = [vocabulary[number] for number in order if vocabulary[number] in words and vocabulary[number] != "dull"]
    assert choices[0] == Choice(Word(0, 4, "dull"), tuple(best[:4]))


@st.composite
def blanks(draw: st.DrawFn) -> list[Guess]:
    """Blanks of one text, whose tokens are 100, 101, …; none overlap."""
    ids_L = np.arange(100, 100 + draw(st.integers(3, 120)))
    firsts = draw(st.sets(st.integers(1, (len(ids_L) - 3) // 4 + 1), min_size=1))
    found = []
    for number, first in enumerate(sorted(firsts)):
        place = 4 * first - 3
        length = draw(st.integers(1, min(4, len(ids_L) - 1 - place)))
        found.append(Guess(number, Blank(ids_L=ids_L, before=1, after=1, first=place, length=length, chinese=False)))
    return found


@given(guesses=blanks(), width=st.integers(32, 60), share=st.sampled_from([0.0, 0.15, 0.5]))
def test_each_blank_is_masked_once_with_its_surroundings(guesses: list[Guess], width: int, share: float) -> None:
    copies = together(guesses, width, share)
    assert sorted(guess.number for copy in copies for guess in copy) == list(range(len(guesses)))
    assert share or all(len(copy) == 1 for copy in copies)
    whole = guesses[0].blank.ids_L
    for copy in copies:
        cut, places = masked(copy, -1, width)
        assert len(cut) == min(width, len(whole))
        assert (cut[0], cut[-1]) == (whole[0], whole[-1])
        shift = whole[copy[0].place] - places[0]
        for place, token in enumerate(cut[1:-1].tolist(), start=1):
            hidden = any(0 <= place + shift - 100 - guess.place < guess.blank.length for guess in copy)
            assert token == (-1 if hidden else place + shift)
        assert [whole[guess.place] - shift for guess in copy] == places
        assert (cut == -1).sum() == sum(guess.blank.length for guess in copy)


def test_a_model_without_a_head_is_refused(encoder_folder: Path, classifier_folder: Callable[..., Path]) -> None:
    for folder in (encoder_folder, classifier_folder(("no", "yes"))):
        with pytest.raises(InputError, match=r"no masked-LM head.*name a masked LM.*augmentation.neighbours"):
            masked_lm.load(folder)


def test_a_head_without_a_mask_is_refused(lm_folder: Path, encoder_folder: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((lm_folder / name).read_bytes())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((encoder_folder / name).read_bytes())
    with pytest.raises(InputError, match="its tokenizer has no mask token"):
        masked_lm.load(tmp_path)
