"""General distillation: a corpus of any size in bounded memory, and a student that starts from its result."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from contract.errors import InputError
from contract.folder import read_manifest
from distill.data import corpus
from distill.data.tokenise import load_tokenizer
from distill.distil import distil
from distill.general import MANIFEST, GeneralStudent
from distill.prepare import prepare

PARAGRAPH = "the film was good a very fine film was not bad"
SHAPE = "shape = { layers = 1, width = 16, heads = 4, feed_forward_width = 32 }"
RELATION = ["stages.0.losses.attention=0", "stages.0.losses.relation=1", "stages.0.relation_heads=4"]


@pytest.fixture(params=["corpus.txt", "corpus.txt.gz"])
def corpus_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path: Path = tmp_path / request.param
    text = "\n\n".join(f"{PARAGRAPH} {'very ' * (row % 5)}good" for row in range(60))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_a_corpus_is_cut_into_sentences_of_one_length(corpus_file: Path, encoder_folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(encoder_folder)
    tokens = corpus.read(
        corpus_file, tokenizer, tokens=100, length_tokens=12, cache=tmp_path / "cache", tokenizer_key=""
    )
    assert tokens.lengths.tolist() == [12] * 9
    rows = [tokens.row_ids(row) for row in range(len(tokens))]
    assert all(row[0] == tokenizer.cls_token_id and row[-1] == tokenizer.sep_token_id for row in rows)
    text = tokenizer.decode(np.concatenate([row[1:-1] for row in rows]))
    assert str(text).startswith(PARAGRAPH)


def test_a_token_file_that_was_cut_is_made_again(corpus_file: Path, encoder_folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(encoder_folder)
    settings: dict[str, Any] = {"tokens": 100, "length_tokens": 12, "cache": tmp_path / "cache", "tokenizer_key": ""}
    whole = corpus.read(corpus_file, tokenizer, **settings).ids_T.copy()
    (file,) = (tmp_path / "cache").iterdir()
    os.truncate(file, 200)
    assert np.array_equal(corpus.read(corpus_file, tokenizer, **settings).ids_T, whole)


@pytest.mark.parametrize(
    ("content", "tokens", "message"),
    [
        (b"the film\n", 1_000, "has 0 tokens, but 1,008 are needed: lower general.tokens"),
        (b"\xff\xfe\xfa\n", 16, "cannot be read as text"),
        (None, 16, "no such corpus"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_one_line(
    tmp_path: Path, encoder_folder: Path, content: bytes | None, tokens: int, message: str
) -> None:
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        corpus.read(
            path,
            load_tokenizer(encoder_folder),
            tokens=tokens,
            length_tokens=12,
            cache=tmp_path / "cache",
            tokenizer_key="",
        )
    assert not list(tmp_path.glob("cache/*"))


def test_a_student_starts_from_general_distillation_and_finds_it_again(
    tmp_path: Path, corpus_file: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data = sentences_file()
    general = [
        f'general={{corpus="{corpus_file}", tokens=600, length_tokens=12, learning_rate=1e-3, '
        "losses={embedding=1.0, hidden=1.0, relation=1.0}, relation_heads=4}"
    ]
    recipe = recipe_file(student=SHAPE)

    def student(*changes: str) -> Path:
        prepared = prepare(str(recipe), data, None, None, [*RELATION, *general, *changes])
        return distil(*prepared, tmp_path / "out")[1]

    first = student()
    (folder,) = (tmp_path / "out").glob("general-*")
    assert AutoModel.from_pretrained(folder).config.hidden_size == 16
    written = (folder / "general.json").stat().st_mtime_ns
    assert student("stages.1.epochs=1") != first
    assert (folder / "general.json").stat().st_mtime_ns == written
    untrained = student("stages.0.epochs=0", "stages.1.epochs=0")
    assert torch.equal(
        load_file(untrained / "model.safetensors")["bert.encoder.layer.0.attention.self.query.weight"],
        load_file(folder / "model.safetensors")["encoder.layer.0.attention.self.query.weight"],
    )


def test_general_distillation_has_no_task(recipe_file: Callable[..., Path]) -> None:
    change = 'general={corpus="x", tokens=9, learning_rate=1e-3, losses={labels=1.0}}'
    with pytest.raises(InputError, match="no task, so no prediction or labels loss"):
        prepare(str(recipe_file()), None, None, None, [change])


def test_a_general_start_needs_its_section(recipe_file: Callable[..., Path]) -> None:
    recipe = recipe_file(student=f'{SHAPE}\nstart = "general"')
    with pytest.raises(InputError, match=r"needs a section \[general\]"):
        prepare(str(recipe), None, None, None, [])


@pytest.mark.parametrize("pieces", ["the teacher's", "others"])
def test_the_encoder_that_a_ready_teacher_was_made_of_teaches_generally(
    tmp_path: Path,
    corpus_file: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    classifier_folder: Callable[..., Path],
    encoder_folder: Path,
    pieces: str,
) -> None:
    encoder = encoder_folder
    if pieces == "others":
        encoder = Path(shutil.copytree(encoder_folder, tmp_path / "other"))
        tokenizer = encoder / "tokenizer.json"
        tokenizer.write_text(tokenizer.read_text().replace('"poor"', '"lean"'))
    general = (
        f'general={{corpus="{corpus_file}", model="{encoder}", tokens=60, length_tokens=12, learning_rate=1e-3, '
        "losses={hidden=1.0}}"
    )
    recipe = recipe_file(classifier_folder(("negative", "positive")), student=SHAPE)
    if pieces == "others":
        with pytest.raises(InputError, match="has other word pieces than the teacher"):
            prepare(str(recipe), sentences_file(), None, None, [*RELATION, general])
        return
    distil(*prepare(str(recipe), sentences_file(), None, None, [*RELATION, general]), tmp_path / "out")
    (folder,) = (tmp_path / "out").glob("general-*")
    assert read_manifest(folder / MANIFEST, GeneralStudent).source == str(encoder)
