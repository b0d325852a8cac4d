"""A teacher's weights in several files."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertModel

from contract.errors import InputError
from distill.distil import distil
from distill.model import source
from distill.prepare import prepare
from tests import tiny


def _sharded(folder: Path) -> Path:
    torch.manual_seed(0)
    model = BertModel(tiny.config())
    model.save_pretrained(folder, max_shard_size="20KB")
    tiny.tokenizer().save_pretrained(folder)
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    return folder


def test_weights_in_several_files_make_the_same_student(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    torch.manual_seed(0)
    whole = tmp_path / "whole"
    BertModel(tiny.config()).save_pretrained(whole)
    tiny.tokenizer().save_pretrained(whole)
    students = []
    for folder in (whole, _sharded(tmp_path / "sharded")):
        changes = ["teacher.epochs=1", "teacher.floor=0", "stages.0.epochs=1", "stages.1.epochs=1"]
        prepared = prepare(str(recipe_file(folder)), sentences_file(), changes=changes)
        students.append(distil(*prepared, tmp_path / "out")[1])
    first, second = ((student / "model.safetensors").read_bytes() for student in students)
    assert first == second


def test_another_shard_makes_another_teacher(tmp_path: Path) -> None:
    folder = _sharded(tmp_path / "sharded")
    before = source.locate(str(folder)).sha256
    last = max(folder.glob("model-*.safetensors"))
    last.write_bytes(last.read_bytes() + b" ")
    assert source.locate(str(folder)).sha256 != before


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("{", "model.safetensors.index.json does not list files of weights: save the model again"),
        ("{}", "model.safetensors.index.json does not list files of weights: save the model again"),
        ('{"weight_map": []}', "model.safetensors.index.json does not list files of weights: save the model again"),
        ('{"weight_map": {}}', "model.safetensors.index.json lists no files of weights: save the model again"),
        (
            '{"weight_map": {"a": "../whole/model.safetensors"}}',
            "model.safetensors.index.json lists '../whole/model.safetensors', not a safetensors file beside it: "
            "save the model again",
        ),
        (
            '{"weight_map": {"a": "pytorch_model.bin"}}',
            "model.safetensors.index.json lists 'pytorch_model.bin', not a safetensors file beside it: "
            "save the model again",
        ),
        (
            '{"weight_map": {"a": "model-9.safetensors"}}',
            "has no model-9.safetensors, which model.safetensors.index.json lists: give all files of the model",
        ),
    ],
)
def test_an_index_of_files_that_are_not_there_is_refused(tmp_path: Path, index: str, message: str) -> None:
    folder = _sharded(tmp_path / "sharded")
    shutil.copytree(folder, tmp_path / "whole")
    (folder / "model.safetensors.index.json").write_text(index)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError) as error:
        source.locate(str(folder))
    assert str(error.value) == f"{folder}: {message}"
