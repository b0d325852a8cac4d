"""Whatever opens an artifact, `verify`, `bench` or `load`, refuses the same, in one line, before a runtime sees it."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from contract.errors import InputError
from contract.folder import inventory
from contract.tokens import from_rows, write_tokens
from infer.folders.artifact import ARTIFACT_MANIFEST, EVALUATION, TOKENIZER, read_artifact
from infer.load import load

Tinybert = Callable[..., tuple[int, str, str]]
Spoil = Callable[[Path], None]
CHARSMAP = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
TEMPLATE = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}], "pair": []}


def edit(folder: Path, **changes: Any) -> None:
    path = folder / ARTIFACT_MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def seal(folder: Path) -> None:
    """Make the manifest fit the files again, as whoever changes files on purpose would."""
    files = {name: entry.model_dump() for name, entry in inventory(folder).items() if name != ARTIFACT_MANIFEST}
    edit(folder, files=files)


def setting(**changes: Any) -> Spoil:
    return lambda folder: edit(folder, **changes)


def tokenizing(**changes: Any) -> Spoil:
    """Change settings of the tokenizer in the manifest."""
    return lambda folder: edit(
        folder, tokenizers={"source": {**read_artifact(folder).tokenizer.model_dump(), **changes}}
    )


def padding_to(*lengths: int) -> Spoil:
    def spoil(folder: Path) -> None:
        edit(folder, graphs={"model": {**asdict(read_artifact(folder).graph), "lengths": {"source": lengths}}})

    return spoil


def reading(ids: list[int], types: list[int] | None = None) -> Spoil:
    """Give it one sentence of these tokens to be measured on."""

    def spoil(folder: Path) -> None:
        write_tokens(folder / EVALUATION, from_rows([ids], [types or [0] * len(ids)]))
        seal(folder)

    return spoil


def with_tokenizer(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        value = json.loads((folder / TOKENIZER).read_text())
        change(value)
        (folder / TOKENIZER).write_text(json.dumps(value))
        seal(folder)

    return spoil


def without(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        seal(folder)

    return spoil


def zeros(folder: Path) -> None:
    with (folder / read_artifact(folder).graph.file).open("r+b") as file:
        file.seek(8192)
        file.write(bytes(4096))


def bomb(folder: Path) -> None:
    np.savez_compressed(folder / EVALUATION, token_ids=np.zeros(2**25, np.int64))
    assert (folder / EVALUATION).stat().st_size < 2**20
    seal(folder)


def renamed(folder: Path) -> None:
    """Call an fp32 file int8-weight."""
    name = read_artifact(folder).graph.file
    for file in (folder.parent / "fp32").glob(f"{Path(name).stem}.*"):
        shutil.copyfile(file, folder / file.name)
    edit(folder, variant={**read_artifact(folder).variant.model_dump(mode="json"), "precision": "int8-weight"})
    seal(folder)


def nested(folder: Path) -> None:
    (folder / ARTIFACT_MANIFEST).write_bytes(b'{"a":' * 10**5)


def twice(folder: Path) -> None:
    path = folder / ARTIFACT_MANIFEST
    path.write_text(path.read_text().replace("{", '{"threads": 1,', 1))


def large_vocabulary(value: dict[str, Any]) -> None:
    value["model"]["vocab"] |= {"another": len(value["model"]["vocab"])}


def growing(value: dict[str, Any]) -> None:
    longer = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 30}
    value["normalizer"] = {"type": "Sequence", "normalizers": [longer] * 8}


FAULTS: dict[str, tuple[Spoil, str]] = {
    "4 KiB of zeros": (zeros, "its SHA-256 is not the one of its manifest"),
    "a cut model": (lambda folder: os.truncate(folder / read_artifact(folder).graph.file, 9), "has 9 bytes, not the"),
    "an unlisted file": (lambda folder: (folder / "other.bin").touch(), "does not list: 'other.bin'"),
    "a symlink": (lambda folder: (folder / "x").symlink_to(TOKENIZER), "is a symlink"),
    "arrays that unpack to 256 MiB": (bomb, "is compressed"),
    "a manifest of 400 MB": (
        lambda folder: os.truncate(folder / ARTIFACT_MANIFEST, 4 * 10**8),
        "has more than 1048576",
    ),
    "a duplicate key": (twice, "duplicate key 'threads'"),
    "a nested manifest": (nested, "nested too deeply"),
    "-1 threads": (setting(threads=-1), "'threads': Input should be greater than or equal to 1"),
    "too many threads": (setting(threads=10**8), "'threads': Input should be less than or equal to 1024"),
    "an endless length": (padding_to(10**9), "too many or too long"),
    "too many lengths": (padding_to(*range(1, 300)), "too many or too long"),
    "cut after 0 tokens": (tokenizing(max_length_tokens=0), "max_length_tokens': Input should be greater than"),
    "cut nowhere": (tokenizing(max_length_tokens=1), "max_length_tokens': Input should be greater than or equal to 8"),
    "cut behind the model's lengths": (padding_to(8), "tokens, but the model is prepared for 8 at most"),
    "two labels of one name": (
        setting(task={"kind": "classification", "labels": ["a", "a"]}),
        "two labels are named 'a'",
    ),
    "a label of no name": (setting(task={"kind": "classification", "labels": ["a", " "]}), "a label is named ' '"),
    "a text that grows": (with_tokenizer(growing), "its normalizer makes texts more than 1000 times as long"),
    "cut after a billion": (tokenizing(max_length_tokens=10**9), "max_length_tokens': Input should be less than"),
    "another precision": (renamed, "called int8-weight, but has no weights of int8 or uint8"),
    "padding of no token": (tokenizing(pad_id=10**6), "has no token id 1000000 to pad with"),
    "an id behind the embedding": (reading([2, 10**6, 3]), "has token ids outside the model's vocabulary of 100, so"),
    "an id before the embedding": (reading([2, -1, 3]), "has token ids outside the model's vocabulary of 100, so"),
    "a third type": (reading([2, 3], [0, 2]), "has token types from 0 to 2, not from 0 to 1"),
    "an empty sentence": (reading([]), "has sentences of 0 to 0 tokens"),
    "no tokenizer": (without(TOKENIZER), "lists no 'tokenizer.json'"),
    "a larger tokenizer": (with_tokenizer(large_vocabulary), "has 101 token ids, but the model's embedding 100 rows"),
    "a panic on reading": (with_tokenizer(lambda value: value.update(normalizer=CHARSMAP)), "not a tokenizer (Precomp"),
    "a panic on each text": (
        with_tokenizer(lambda value: value.update(post_processor={**TEMPLATE, "special_tokens": {}})),
        "not a tokenizer (no entry found for key)",
    ),
}


def by_verify(tinybert: Tinybert, folder: Path) -> tuple[int, str]:
    code, out, err = tinybert("verify", folder)
    assert not out
    return code, err


def by_bench(tinybert: Tinybert, folder: Path) -> tuple[int, str]:
    out = folder.parent / "out"
    code, said, err = tinybert("bench", folder, "--out", out, "--blocks", "1", "--sentences", "1")
    assert not said
    assert not list(folder.parent.rglob("*.json.*"))
    assert not out.exists()
    return code, err


def by_load(_tinybert: Tinybert, folder: Path) -> tuple[int, str]:
    with pytest.raises(InputError) as error:
        load(folder)
    return error.value.exit_code, f"error: {error.value}\n"


@pytest.mark.parametrize("variant", ["onnx-int8", "openvino-fp32"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_at_each_door(
    tinybert: Tinybert, artifacts: Path, tmp_path: Path, fault: str, variant: str
) -> None:
    folder = Path(shutil.copytree(artifacts / variant, tmp_path / variant))
    shutil.copytree(artifacts / f"{variant.partition('-')[0]}-fp32", tmp_path / "fp32")
    spoil, message = FAULTS[fault]
    spoil(folder)
    for door in (by_verify, by_bench, by_load):
        code, err = door(tinybert, folder)
        assert (code, err.count("\n")) == (2, 1), err
        assert message in err


@pytest.mark.parametrize("variant", ["tflite-int8", "onnx-fp32"])
def test_what_is_whole_passes_each_door(tinybert: Tinybert, artifacts: Path, variant: str) -> None:
    assert tinybert("verify", artifacts / variant)[0] == 0
    with load(artifacts / variant) as model:
        assert model("ba de").label in ("bad", "good")


def test_a_tokenizer_that_panics_is_one_line_of_a_process(
    artifacts: Path, tmp_path: Path, run_process: Callable[[list[str]], CompletedProcess[str]]
) -> None:
    folder = Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "onnx-int8"))
    FAULTS["a panic on reading"][0](folder)
    ended = run_process(["predict", str(folder), "ba de"])
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended.stderr


def test_a_text_that_a_tokenizer_panics_on_is_refused(artifacts: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "onnx-int8"))
    with_tokenizer(lambda value: value["model"].update(unk_token="[NONE]"))(folder)
    with load(folder) as model, pytest.raises(InputError, match=r"cannot tokenize this text \(.*Missing \[UNK\]"):
        model("unheard of")


@pytest.mark.parametrize("fault", ["an unlisted file", "an id behind the embedding"])
def test_a_student_is_opened_through_the_same_door(
    tinybert: Tinybert, changeable: Path, tmp_path: Path, fault: str
) -> None:
    manifest = changeable / "student.json"
    if fault == "an unlisted file":
        (changeable / "other.bin").touch()
    else:
        write_tokens(changeable / "calibration.npz", from_rows([[2, 10**6, 3]], [[0, 0, 0]]))
        value = json.loads(manifest.read_text())
        entry = inventory(changeable)["calibration.npz"].model_dump()
        manifest.write_text(json.dumps({**value, "files": {**value["files"], "calibration.npz": entry}}))
    for command in (("verify",), ("bench", "--out", tmp_path / "out"), ("convert", "--out", tmp_path / "made")):
        code, _, err = tinybert(command[0], changeable, *command[1:])
        assert (code, err.count("error: ")) == (2, 1), err
        assert "does not list: 'other.bin'" in err or "has token ids outside the model's vocabulary" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["student"]
