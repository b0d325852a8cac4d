"""Archives are measured like the folders they were made of."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnxruntime.quantization import quantize_dynamic

from bench import packs
from contract.errors import InputError
from infer.shipping.pack import pack
from targets.profile import Precision

Tinybert = Callable[..., tuple[int, str, str]]
SMALL = ("--blocks", "1", "--sentences", "4")
# What differs between two measurements of one model.
MEASURED = ("session", "measured_at", "blocks", "memory", "validity", "causes")


@pytest.fixture
def archive(onnx_artifact: Path, tmp_path: Path) -> Path:
    return pack(onnx_artifact, tmp_path / "packs" / "onnx-fp32.zip", with_evaluation=True).path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(out.rglob("*.json"))]


def unmeasured(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in MEASURED}


def test_the_record_of_an_archive_is_that_of_its_folder(
    tinybert: Tinybert, onnx_artifact: Path, archive: Path, run_folder: Path, tmp_path: Path, temporary: Path
) -> None:
    ends = [
        tinybert("bench", path, "--student", run_folder / "student-1", "--out", tmp_path / name, *SMALL)
        for name, path in (("of-folder", onnx_artifact), ("of-archive", archive))
    ]
    assert [code for code, _, _ in ends] == [0, 0]
    (of_folder,), (of_archive,) = records(tmp_path / "of-folder"), records(tmp_path / "of-archive")
    assert unmeasured(of_archive) == unmeasured(of_folder)
    assert [block["rows"] for block in of_archive["blocks"]] == [block["rows"] for block in of_folder["blocks"]]
    assert of_archive["quality"]["accuracy"]["value"] == 1
    assert not list(temporary.iterdir())


def test_archives_and_folders_are_measured_in_one_session(
    tinybert: Tinybert,
    artifact_of: Callable[..., Path],
    model_of: Callable[[str], Any],
    archive: Path,
    run_folder: Path,
    tmp_path: Path,
) -> None:
    quantize_dynamic(str(model_of("onnx").folder / "model.onnx"), str(tmp_path / "int8.onnx"))
    other = artifact_of(precision=Precision.INT8, model=tmp_path / "int8.onnx")
    second = pack(other, tmp_path / "packs" / "onnx-int8.zip", with_evaluation=True).path
    shutil.copytree(run_folder / "student-1", tmp_path / "student-1")  # near the archives
    arguments = (archive, second, other, "--out", tmp_path / "out", *SMALL)
    code, _, errors = tinybert("bench", *arguments)
    assert code == 0, errors
    measured = records(tmp_path / "out")
    assert [record["precision"] for record in measured] == ["fp32", "int8"]  # a model that is named twice counts once
    assert len({record["session"] for record in measured}) == 1
    assert all(record["quality"] for record in measured)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data + b" ",
        lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:],
    ],
    ids=["cut", "longer", "one bit"],
)
def test_a_spoilt_archive_is_refused_and_leaves_nothing(
    tinybert: Tinybert, archive: Path, tmp_path: Path, temporary: Path, spoil: Callable[[bytes], bytes]
) -> None:
    archive.write_bytes(spoil(archive.read_bytes()))
    code, out, errors = tinybert("bench", archive, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert errors.startswith(f"error: {archive}")
    assert not list(temporary.iterdir())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["...zip", "a b 模型.zip", "noextension", ".zip"])
def test_an_archive_of_any_name_is_unpacked_in_a_folder_of_its_own(archive: Path, temporary: Path, name: str) -> None:
    renamed = archive.rename(archive.with_name(name))
    with packs.opened([renamed]) as folders:
        ((folder, given),) = folders.items()
        assert given == renamed
        assert folder.parent.parent == temporary
        assert (folder / "artifact.json").is_file()
    assert not list(temporary.iterdir())


def test_what_is_no_archive_is_refused_before_another_is_used(archive: Path, tmp_path: Path, temporary: Path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"other.zip: not an archive"), packs.opened([archive, other]):
        pytest.fail("it was opened")
    assert not list(temporary.iterdir())


def test_an_archive_without_sentences_is_not_measured(
    tinybert: Tinybert, onnx_artifact: Path, tmp_path: Path, temporary: Path
) -> None:
    archive = pack(onnx_artifact, tmp_path / "model.zip").path
    code, _, err = tinybert("bench", archive, "--out", tmp_path / "out", *SMALL)
    cure = "pack it again: tinybert pack --with-evaluation"
    assert (code, err.splitlines()[-1]) == (2, f"error: {archive}: has no sentences to measure: {cure}")
    assert not (tmp_path / "out").exists()
    assert not list(temporary.iterdir())
