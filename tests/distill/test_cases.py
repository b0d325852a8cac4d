"""Teachers that were once accepted or failed late, each in a folder with its recipe and data.

The folder of these cases is TINYBERT_CASES, or shared/cases beside the checkout.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Tinybert

CASES = Path(os.environ.get("TINYBERT_CASES") or Path(__file__).parents[3] / "shared" / "cases")
SUPPORTED = (
    "supported: bert, camembert, data2vec-text, electra, ernie, roberta, roberta-prelayernorm, slim_bert, "
    "xlm-roberta, xlm-roberta-xl"
)
SAVE_AGAIN = "save the model itself by its save_pretrained, not a wrapper of it, with its own config.json"
REFUSED = {
    "weights-prefix": "teacher: cannot be loaded for classification (weights missing from its files: 53 of 57, such as "
    "bert.embeddings.LayerNorm.bias; weights in its files that are not part of it: 53, such as "
    f"module.embeddings.LayerNorm.bias): {SAVE_AGAIN}",
    "weights-layer-missing": "teacher: cannot be loaded for classification (weights missing from its files: 16 of 57, "
    f"such as bert.encoder.layer.2.attention.output.LayerNorm.bias): {SAVE_AGAIN}",
    "relative-positions": 'teacher: position_embedding_type is "relative_key" in its config.json, but transformers 5 '
    "ignores it and would compute absolute positions: choose a teacher with absolute positions",
    "token-types": "teacher: its tokenizer gives token type 1, but its embedding has 1 row: give the model with its "
    "own tokenizer",
    "id2label-from-1": "teacher teacher numbers its labels 1, 2 in id2label, not from 0: correct its config.json, in "
    "the order of the model's outputs",
    "multi-label-teacher": "teacher teacher was trained for multi_label_classification, not "
    "single_label_classification: use a teacher for this task, or a pretrained model without a head",
    "is-decoder": "teacher: is_decoder is true in its config.json, but a decoder's attention cannot be converted: set "
    "it to false if the model was trained as an encoder, or choose another teacher",
    "not-convertible-debertav2": f"teacher: model type 'deberta-v2' is not supported: {SUPPORTED}",
    "not-convertible-megatron": f"teacher: model type 'megatron-bert' is not supported: {SUPPORTED}",
    "not-convertible-mobilebert": f"teacher: model type 'mobilebert' is not supported: {SUPPORTED}",
    "not-convertible-mpnet": f"teacher: model type 'mpnet' is not supported: {SUPPORTED}",
    "assertion-longformer": f"teacher: model type 'longformer' is not supported: {SUPPORTED}",
    "deberta-v1-bfloat16": f"teacher: model type 'deberta' is not supported: {SUPPORTED}",
    "dry-run-debertav2": f"teacher: model type 'deberta-v2' is not supported: {SUPPORTED}",
}
ACCEPTED = ("sharded", "problem-type-multi-label")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases; name it by TINYBERT_CASES"),
]


def _in_copy(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of a case's folder, as its recipe names the teacher by a relative path."""
    shutil.copytree(CASES / name, folder / name)
    monkeypatch.chdir(folder / name)


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--smoke",)], ids=["distil", "dry run", "smoke"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_teacher_is_refused_before_it_is_trained(
    tmp_path: Path, tinybert: Tinybert, monkeypatch: pytest.MonkeyPatch, name: str, options: tuple[str, ...]
) -> None:
    _in_copy(name, tmp_path, monkeypatch)
    code, _, errors = tinybert("distill", "recipe.toml", "--data", ".", "--out", tmp_path / "out", *options)
    assert (code, errors.splitlines()[-1]) == (2, f"error: {REFUSED[name]}")
    assert not list(tmp_path.glob("out/*-*"))


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_teacher_is_distilled(tmp_path: Path, tinybert: Tinybert, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _in_copy(name, tmp_path, monkeypatch)
    arguments = ("distill", "recipe.toml", "--data", ".", "--out", tmp_path / "out")
    assert tinybert(*arguments, "--dry-run")[0] == 0
    assert tinybert(*arguments)[0] == 0
    (student,) = tmp_path.glob("out/student-*")
    config = json.loads((student / "config.json").read_text())
    assert config["problem_type"] == "single_label_classification"
