"""A masked LM: its whole words, how texts are masked for it, and its predictions."""

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
from distill.augment.candidates import WordCandidates, find_candidates
from distill.augment.fill_mask import MaskedWord, PartialFill, group_fills, mask_text
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
def test_batches_predict_the_same_as_single_texts(
    lm: MaskedLM, share: float, augmentation: Augmentation, texts: tuple[str, ...]
) -> None:
    settings = augmentation.model_copy(update={"masked_share": share})
    answers = find_candidates(texts, settings, lm, None)
    alone = settings.model_copy(update={"batch_size": 1})
    assert answers == [find_candidates([text], alone, lm, None)[0] for text in texts]


def test_predictions_are_those_of_the_plain_model(
    lm: MaskedLM, augmentation: Augmentation, vocabulary: list[str], words: list[str]
) -> None:
    """Run the model on the masked text and take the best whole words at the mask, except the word itself."""
    (choices,) = find_candidates(["dull story"], augmentation.model_copy(update={"masked_share": 0.0}), lm, None)
    ids = lm.tokenizer("[MASK] story", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        order = lm.model(ids).logits[0, 1].argsort(descending=True).tolist()
    best = [vocabulary[number] for number in order if vocabulary[number] in words and vocabulary[number] != "dull"]
    assert choices[0] == WordCandidates(Word(0, 4, "dull"), tuple(best[:4]))


@st.composite
def partial_fills(draw: st.DrawFn) -> list[PartialFill]:
    """Masked words of one text, whose tokens are 100, 101, …; none overlap."""
    ids_L = np.arange(100, 100 + draw(st.integers(3, 120)))
    slots = draw(st.sets(st.integers(0, (len(ids_L) - 3) // 4), min_size=1))
    fills = []
    for number, slot in enumerate(sorted(slots)):
        first = 4 * slot + 1
        length = draw(st.integers(1, min(4, len(ids_L) - 1 - first)))
        word = MaskedWord(ids_L=ids_L, before=1, after=1, first=first, length=length, chinese=False)
        fills.append(PartialFill(number, word))
    return fills


@given(fills=partial_fills(), width=st.integers(32, 60), share=st.sampled_from([0.0, 0.15, 0.5]))
def test_each_word_is_masked_once_with_its_context(fills: list[PartialFill], width: int, share: float) -> None:
    groups = group_fills(fills, width, share)
    assert sorted(fill.number for group in groups for fill in group) == list(range(len(fills)))
    assert share or all(len(group) == 1 for group in groups)
    text_ids = fills[0].word.ids_L
    for group in groups:
        ids_L, positions = mask_text(group, -1, width)
        assert len(ids_L) == min(width, len(text_ids))
        assert (ids_L[0], ids_L[-1]) == (text_ids[0], text_ids[-1])
        shift = text_ids[group[0].position] - positions[0]
        for position, token in enumerate(ids_L[1:-1].tolist(), start=1):
            is_masked = any(0 <= position + shift - 100 - fill.position < fill.word.length for fill in group)
            assert token == (-1 if is_masked else position + shift)
        assert [text_ids[fill.position] - shift for fill in group] == positions
        assert (ids_L == -1).sum() == sum(fill.word.length for fill in group)


def test_a_model_without_a_head_is_refused(encoder_folder: Path, classifier_folder: Callable[..., Path]) -> None:
    for folder in (encoder_folder, classifier_folder(("no", "yes"))):
        with pytest.raises(InputError) as error:
            masked_lm.load(folder)
        assert str(error.value) == (
            f"{folder}: cannot be loaded as a masked LM (weights missing from its files: 6 of 44, such as "
            "cls.predictions.bias): set augmentation.masked_lm to a masked LM, or to '' and set augmentation.neighbours"
        )


def test_a_head_without_a_mask_is_refused(lm_folder: Path, encoder_folder: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((lm_folder / name).read_bytes())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((encoder_folder / name).read_bytes())
    with pytest.raises(InputError, match="the tokenizer has no mask token"):
        masked_lm.load(tmp_path)
