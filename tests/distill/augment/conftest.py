"""A tiny masked LM with its vocabulary, a file of word pairs, and a fake segmenter."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import BertForMaskedLM

from distill.augment import masked_lm
from distill.augment.masked_lm import MaskedLM
from distill.recipe.augmentation import Augmentation
from tests import tiny

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]"]
WHOLE = ["good", "bad", "film", "the", "was", "very", "fine", "poor", "story", "dull", "plot", "music", "walk"]
CHINESE = list("电影故事好坏看很这")
OTHERS = ["##ing", "##ed", "##影", "7", ",", ".", "!"]
VOCABULARY = SPECIAL + WHOLE + CHINESE + OTHERS


@pytest.fixture
def words() -> list[str]:
    """The non-Chinese whole words of the vocabulary."""
    return WHOLE


@pytest.fixture
def characters() -> list[str]:
    """The Chinese whole words of the vocabulary."""
    return CHINESE


@pytest.fixture
def vocabulary() -> list[str]:
    """All tokens, by id."""
    return VOCABULARY


@pytest.fixture(scope="session")
def lm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked-lm")
    tiny.tokenizer(VOCABULARY, like_bert=True, mask_token="[MASK]").save_pretrained(folder)
    torch.manual_seed(0)
    config = tiny.config(vocab_size=len(VOCABULARY), max_position_embeddings=32, initializer_range=0.5)
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def lm(lm_folder: Path) -> MaskedLM:
    return masked_lm.load(lm_folder)


@pytest.fixture
def texts() -> tuple[str, ...]:
    return ("The film was good , very good !", "dull story", "walking 7 fine music", "这电影很好", "bad " * 30)


@pytest.fixture
def augmentation() -> Augmentation:
    return Augmentation(candidates=4, samples_per_sentence=10, unit="character")


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    file = tmp_path / "pairs.tsv"
    file.write_text("word1\tword2\ngood\tgreat\nfine\tgood\nwalking\tstrolling\nfilm\tmovie\n电影\t影片\n", "utf-8")
    return file


@pytest.fixture
def dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmenter of two words; its dictionary has all pairs of the vocabulary's characters not starting with 很."""
    known = {first + second: 1 for first in CHINESE for second in CHINESE if first != "很"}
    library = SimpleNamespace(
        cut=lambda text: re.findall("电影|故事|.", text),
        dt=SimpleNamespace(FREQ=known),
        initialize=lambda: None,
        setLogLevel=lambda level: None,
    )
    monkeypatch.setitem(sys.modules, "jieba", library)
