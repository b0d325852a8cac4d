"""A teacher's tokenizer.json counts, whatever class transformers chooses; a student ships what it was trained with."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, BertForSequenceClassification

from contract.tokens import Tokens
from distill.data.rows import labelled
from distill.data.tokenise import describe_difference, load_tokenizer
from infer.folders.student import read_evaluation
from tests import tiny

Tinybert = Callable[..., tuple[int, str, str]]
SentencesFile = Callable[..., Path]
PIECES = (*tiny.SPECIAL, *tiny.WORDS, "0", ".")
TEXTS = ("The film was very good .", "a film 1984 was bad", "not very  fine", "very-poor film")
NUMBERS = {
    "type": "Sequence",
    "normalizers": [{"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": "[0-9]+"}, "content": "0"}],
}
ADDED = {
    **{"id": len(PIECES), "content": "very good", "special": False},
    **{"single_word": False, "lstrip": False, "rstrip": False, "normalized": True},
}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "normalizer": {"normalizer": NUMBERS},
    "no normalizer": {"normalizer": None},
    "pre-tokenizer": {"pre_tokenizer": {"type": "WhitespaceSplit"}},
    "post-processor": {"post_processor": {"type": "BertProcessing", "sep": ["[CLS]", 2], "cls": ["[CLS]", 2]}},
}


def _write_tokenizer(folder: Path, changes: Mapping[str, Any], *, added: bool = False) -> Path:
    """Write a tokenizer of the class BertTokenizer whose file says more than its class knows."""
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").unlink(missing_ok=True)
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, **tiny.NAMES, "mask_token": "[MASK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    if not (folder / "config.json").is_file():
        (folder / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")) | changes
    if added:
        document["added_tokens"].append(ADDED)
    (folder / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def _ids(tokenizer: Any) -> list[list[int]]:
    return [tokenizer(text)["input_ids"] for text in TEXTS]


def _file_ids(folder: Path) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [tokenizer.encode(text).ids for text in TEXTS]


@pytest.mark.parametrize("name", CHANGES)
def test_the_file_counts_and_survives_saving(tmp_path: Path, name: str) -> None:
    folder = _write_tokenizer(tmp_path / "model", CHANGES[name])
    tokenizer = load_tokenizer(folder)
    assert _ids(tokenizer) == _file_ids(folder)
    tokenizer.save_pretrained(tmp_path / "saved")
    assert _ids(load_tokenizer(tmp_path / "saved")) == _file_ids(tmp_path / "saved") == _file_ids(folder)
    assert _ids(AutoTokenizer.from_pretrained(tmp_path / "saved")) == _file_ids(folder)
    assert tokenizer.special_tokens_map == AutoTokenizer.from_pretrained(folder).special_tokens_map
    assert (type(tokenizer).__name__ == "BertTokenizer") == (name == "nothing")


def test_a_token_that_only_the_file_has_is_kept(tmp_path: Path) -> None:
    folder = _write_tokenizer(tmp_path / "model", {}, added=True)
    assert _ids(load_tokenizer(folder)) == _file_ids(folder)
    assert len(PIECES) in _file_ids(folder)[0]


@pytest.mark.parametrize(
    ("name", "different"), [("nothing", 0), ("normalizer", 1), ("pre-tokenizer", 1), ("post-processor", 4)]
)
def test_what_transformers_would_read_differently_is_counted(tmp_path: Path, name: str, different: int) -> None:
    folder = _write_tokenizer(tmp_path / "model", CHANGES[name])
    expected = (
        "tokenised as its tokenizer.json says, as on devices; transformers' BertTokenizer ignores parts of it and "
        f"reads {different} of 4 training sentences differently"
    )
    rows = labelled(TEXTS, None, labels_N=[0, 1, 0, 1])  # type: ignore[arg-type]  # not read
    assert describe_difference(folder, rows, 16) == (expected if different else "")


def test_a_difference_in_no_training_sentence_is_not_mentioned(tmp_path: Path) -> None:
    folder = _write_tokenizer(tmp_path / "model", CHANGES["normalizer"])
    rows = labelled(["no number"], None, labels_N=[0])  # type: ignore[arg-type]  # not read
    assert describe_difference(folder, rows, 16) == ""


def test_a_student_ships_the_tokenizer_it_was_trained_with(
    tmp_path: Path, tinybert: Tinybert, recipe_file: Callable[..., Path], sentences_file: SentencesFile
) -> None:
    folder = tmp_path / "teacher"
    BertForSequenceClassification(tiny.config(vocab_size=len(PIECES))).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}), encoding="utf-8")
    _write_tokenizer(folder, CHANGES["normalizer"])
    data = sentences_file()
    for file in data.iterdir():
        text = file.read_text(encoding="utf-8").replace("the ", "the 1984 ").replace("a film", "a 2001 film")
        file.write_text(text, encoding="utf-8")
    quick = ["--set", "teacher.epochs=1", "--set", "student.vocabulary={}"]
    recipe = recipe_file(folder, floor=0)
    code, out, err = tinybert("distill", recipe, "--data", data, *quick, "--out", tmp_path / "out")
    assert code == 0, err
    assert (
        "teacher: tokenised as its tokenizer.json says, as on devices; transformers' BertTokenizer ignores parts of "
        "it and reads 64 of 64 training sentences differently\n"
    ) in err
    student = Path(out.splitlines()[-1])
    tokenizer = Tokenizer.from_file(str(student / "tokenizer.json"))
    texts = [line.split("\t")[0] for line in (data / "dev.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    assert "0" in tokenizer.encode(texts[0]).tokens
    trained: Tokens = read_evaluation(student).tokens
    assert [tokenizer.encode(text).ids for text in texts] == [
        trained.row_ids(row).tolist() for row in range(len(texts))
    ]
    assert [AutoTokenizer.from_pretrained(student)(text)["input_ids"] for text in texts] == [
        tokenizer.encode(text).ids for text in texts
    ]
