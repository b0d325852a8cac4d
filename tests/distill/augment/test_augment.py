"""New rows from those there are: candidates of a masked LM, drawn, relabelled and kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from contract.errors import InputError
from contract.strict import parse
from distill import command
from distill.augment import masked_lm
from distill.augment.augment import augment
from distill.augment.candidates import Choice, candidates
from distill.augment.draw import new_rows
from distill.augment.fill import Blank, Guess, masked, together
from distill.augment.masked_lm import MaskedLM
from distill.augment.relabel import relabel
from distill.augment.sources import sources
from distill.augment.words import Word, words_of
from distill.distil import distil
from distill.model.encoder import Encoder
from distill.recipe.augmentation import Augmentation
from distill.tasks.rows import Rows

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]"]
WHOLE = ["good", "bad", "film", "the", "was", "very", "fine", "poor", "story", "dull", "plot", "music", "walk"]
CHINESE = list("电影故事好坏看很这")
OTHERS = ["##ing", "##ed", "##影", "7", ",", ".", "!"]
VOCABULARY = SPECIAL + WHOLE + CHINESE + OTHERS
TEXTS = ("The film was good , very good !", "dull story", "walking 7 fine music", "这电影很好", "bad " * 30)
SETTINGS = Augmentation(candidates=4, samples_per_sentence=10, unit="character")


@pytest.fixture(scope="module")
def lm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked-lm")
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    PreTrainedTokenizerFast(
        tokenizer_object=BertWordPieceTokenizer(vocabulary)._tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lm(lm_folder: Path) -> MaskedLM:
    return masked_lm.load(lm_folder)


def rows_of(*texts: str, pairs: tuple[str, ...] | None = None, dtype: Any = np.int64) -> Rows:
    return Rows(texts=texts, pairs=pairs, labels_N=np.arange(len(texts)).astype(dtype))


def test_whole_words_of_a_vocabulary(lm: MaskedLM) -> None:
    assert [word for word in lm.words_V if word] == WHOLE + CHINESE


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
def test_batches_answer_like_one_text_at_a_time(lm: MaskedLM, share: float) -> None:
    settings = SETTINGS.model_copy(update={"masked_share": share})
    answers = candidates(TEXTS, settings, lm, None)
    alone = settings.model_copy(update={"batch_size": 1})
    assert answers == [candidates([text], alone, lm, None)[0] for text in TEXTS]


def test_answers_are_those_of_the_model_itself(lm: MaskedLM) -> None:
    """The masked text through the whole model, its output at the mask, the best whole words but the word itself."""
    (choices,) = candidates(["dull story"], SETTINGS.model_copy(update={"masked_share": 0.0}), lm, None)
    ids = lm.tokenizer("[MASK] story", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        order = lm.model(ids).logits[0, 1].argsort(descending=True).tolist()
    best = [VOCABULARY[number] for number in order if VOCABULARY[number] in WHOLE and VOCABULARY[number] != "dull"]
    assert choices[0] == Choice(Word(0, 4, "dull"), tuple(best[:4]))


def test_candidates_are_whole_words_of_the_same_script(lm: MaskedLM) -> None:
    for text, choices in zip(TEXTS, candidates(TEXTS, SETTINGS, lm, None), strict=True):
        for choice in choices:
            assert set(choice.candidates) <= set(CHINESE if choice.word.is_chinese else WHOLE)
            assert choice.word.text not in choice.candidates
            assert len(choice.candidates) == 4
            assert text[choice.word.start : choice.word.end] == choice.word.text
    found = [[choice.word.text for choice in choices] for choices in candidates(TEXTS, SETTINGS, lm, None)]
    assert found == [
        ["film", "good", "very", "good"],
        ["dull", "story"],
        ["fine", "music"],
        list("电影好"),
        ["bad"] * 30,
    ]


def test_several_pieces_take_neighbours(lm: MaskedLM, pairs_file: Path) -> None:
    (choices,) = candidates(["walking 7 fine music"], SETTINGS, lm, pairs_file)
    found = {choice.word.text: choice.candidates for choice in choices}
    assert found["walking"] == ("strolling",)
    assert len(found["fine"]) == 4


@pytest.mark.usefixtures("dictionary")
def test_chinese_words_are_masked_whole(lm: MaskedLM, pairs_file: Path) -> None:
    """Candidates are words of the dictionary, of as many characters; each next character is the best one by then."""
    settings = SETTINGS.model_copy(update={"unit": "word", "masked_share": 0.0})
    (choices,) = candidates(["这电影很好"], settings, lm, None)
    (film, good) = choices
    assert (film.word.text, good.word.text) == ("电影", "好")
    assert film.candidates
    assert all(len(word) == 2 and word[0] != "很" for word in film.candidates)
    prompt = lm.tokenizer(f"这{film.candidates[0][0]}[MASK]很好", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        order = lm.model(prompt).logits[0, 3].argsort(descending=True).tolist()
    best = next(VOCABULARY[number] for number in order if VOCABULARY[number] in CHINESE)
    assert film.candidates[0][1] == best
    assert candidates(["这电影很好"], settings, None, pairs_file)[0][0].candidates == ("影片",)


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


def test_each_text_of_a_pair_stands_beside_the_other_as_it_was() -> None:
    rows = rows_of("good film", "fine film", pairs=("bad plot", "good film"))
    choices = {
        text: [Choice(word, ("X", "Y", "Z")) for word in words_of(text, "word", keep_function_words=True)]
        for text in (*rows.texts, *(rows.pairs or ()))
    }
    found = new_rows(rows, choices, SETTINGS, seed=0)
    assert {row.source for row in found} == {0, 1}
    for row in found:
        assert rows.pairs is not None
        assert (row.text == rows.texts[row.source]) != (row.pair == rows.pairs[row.source])
    assert {row.text == rows.texts[row.source] for row in found} == {True, False}


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
@pytest.mark.parametrize("pairs", [None, tuple(reversed(TEXTS))])
def test_new_rows(lm_folder: Path, tmp_path: Path, pairs_file: Path, pairs: tuple[str, ...] | None, dtype: Any) -> None:
    rows = rows_of(*TEXTS, pairs=pairs, dtype=dtype)

    def make(seed: int, folder: str) -> Rows:
        return augment(rows, SETTINGS, masked_lm=lm_folder, neighbours=pairs_file, seed=seed, cache=tmp_path / folder)

    new, again, other = make(1, "one"), make(1, "two"), make(2, "one")
    assert new.key() == again.key()
    assert new.key() != other.key()
    assert new.labels_N.dtype == dtype
    found = list(zip(new.texts, new.pairs or (None,) * len(new), strict=True))
    originals = set(zip(TEXTS, pairs or (None,) * len(TEXTS), strict=True))
    assert len(found) == len(set(found)) > 20
    assert not set(found) & originals
    assert len(found) <= len(TEXTS) * SETTINGS.samples_per_sentence * (2 if pairs else 1)
    assert all(
        len(text.split()) == len(TEXTS[int(label)].split()) for text, label in zip(new.texts, new.labels_N, strict=True)
    )


def test_rows_are_kept(
    lm_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(settings: Augmentation = SETTINGS, texts: tuple[str, ...] = TEXTS) -> Rows:
        return augment(rows_of(*texts), settings, masked_lm=lm_folder, neighbours=None, seed=0, cache=tmp_path)

    first = make()
    shown = capsys.readouterr().err
    assert f"{len(first)} new rows from 5" in shown
    assert shown.count(" -> ") == 20
    (file,) = tmp_path.glob("augmented-*.jsonl")
    with monkeypatch.context() as patch:
        patch.setattr(masked_lm, "load", lambda folder: pytest.fail("the masked LM was asked again"))
        assert make().key() == first.key()
        assert make(SETTINGS.model_copy(update={"batch_size": 1})).key() == first.key()
    assert capsys.readouterr().err.count(" -> ") == 40
    make(SETTINGS.model_copy(update={"replace_probability": 0.5}))
    make(texts=TEXTS[:3])
    assert len(list(tmp_path.iterdir())) == 3
    file.write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="remove it and run again"):
        make()


def test_without_a_masked_lm(tmp_path: Path, pairs_file: Path) -> None:
    settings = Augmentation(masked_lm="", neighbours=str(pairs_file), replace_probability=1.0)
    new = augment(
        rows_of("A Good film", "nothing known"), settings, masked_lm=None, neighbours=pairs_file, seed=0, cache=tmp_path
    )
    assert set(new.texts) == {"A Great movie", "A Fine movie"}
    assert set(new.labels_N) == {0}


def test_no_candidates(tmp_path: Path, pairs_file: Path) -> None:
    with pytest.raises(InputError, match="no word of the training texts has a candidate"):
        augment(rows_of("7 !"), SETTINGS, masked_lm=None, neighbours=pairs_file, seed=0, cache=tmp_path)


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


def test_the_teacher_relabels() -> None:
    logits_NC = np.array([[0.1, 0.9], [0.2, 0.8]], dtype=np.float32)
    assert relabel(rows_of("a", "b"), logits_NC).labels_N.tolist() == [1, 1]
    fractional = relabel(rows_of("a", "b", dtype=np.float32), logits_NC[:, :1]).labels_N
    assert fractional.dtype == np.float32
    assert fractional.tolist() == pytest.approx([0.1, 0.2])


def test_sources(tmp_path: Path, lm_folder: Path, pairs_file: Path) -> None:
    teacher = Encoder(name="teacher", folder=tmp_path, sha256="")
    assert sources(Augmentation(), teacher) == (tmp_path, None)
    assert sources(Augmentation(masked_lm=str(lm_folder)), teacher) == (lm_folder, None)
    assert sources(Augmentation(masked_lm="", neighbours=str(pairs_file)), teacher) == (None, pairs_file)
    with pytest.raises(InputError, match=r"augmentation.neighbours: no file absent.tsv"):
        sources(Augmentation(neighbours="absent.tsv"), teacher)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"replace_probability": 0}, "replace_probability"),
        ({"replace_probability": 1.1}, "replace_probability"),
        ({"samples_per_sentence": 0}, "samples_per_sentence"),
        ({"candidates": 0}, "candidates"),
        ({"unit": "letter"}, "unit"),
        ({"masked_lm": ""}, "give masked_lm or neighbours"),
        ({"masked_ml": "x"}, "did you mean 'masked_lm'"),
    ],
)
def test_settings_out_of_range(document: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        parse(Augmentation, document, "recipe.toml")


def test_a_student_learns_from_new_rows_too(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("word1\tword2\nfilm\tthe\ngood\tfine\nbad\tpoor\n")
    change = f'augmentation={{masked_lm="", neighbours="{pairs}", samples_per_sentence=2}}'
    prepared = command.prepare(str(recipe_file()), sentences_file(), None, None, [change])
    _, student = distil(*prepared, tmp_path / "out")
    _, plain = distil(*command.prepare(str(recipe_file()), sentences_file(), None, None, []), tmp_path / "out")
    assert student != plain
    (file,) = (tmp_path / "out" / "cache").glob("augmented-*.jsonl")
    assert len(file.read_text().splitlines()) > 10
    assert len(list((tmp_path / "out" / "cache").glob("*/logits.npy"))) >= 2
