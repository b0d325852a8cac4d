"""`tinybert pack`: one file, the same for the same artifact, or none."""

import errno
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract.digest import sha256_of_file
from contract.errors import InputError
from contract.folder import identity
from infer.folders.artifact import ARTIFACT_MANIFEST, EVALUATION
from infer.shipping import archive
from infer.shipping.pack import pack
from infer.shipping.verify import verify
from tinybert_edge import load

Tinybert = Callable[..., tuple[int, str, str]]
VARIANTS = [f"{runtime}-{precision}" for runtime in ("onnx", "openvino", "tflite") for precision in ("fp32", "int8")]


@pytest.fixture
def artifact(artifacts: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "onnx-int8"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "model.zip"


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_unpacked_is_what_was_packed(tinybert: Tinybert, artifacts: Path, tmp_path: Path, variant: str) -> None:
    out, unpacked = tmp_path / "model.zip", tmp_path / "unpacked"
    code, stdout, _ = tinybert("pack", artifacts / variant, "--out", out, "--with-evaluation")
    assert (code, stdout.splitlines()[-1]) == (0, str(out))
    with zipfile.ZipFile(out) as file:
        assert file.testzip() is None
        file.extractall(unpacked)
    original = artifacts / variant
    assert {path.name: path.read_bytes() for path in unpacked.iterdir()} == {
        path.name: path.read_bytes() for path in original.iterdir()
    }
    assert verify(out).sha256 == verify(unpacked).sha256 == identity(original / ARTIFACT_MANIFEST)


def test_json_is_all_of_stdout(tinybert: Tinybert, artifact: Path, out: Path) -> None:
    code, stdout, _ = tinybert("pack", artifact, "--out", out, "--json")
    assert code == 0
    assert json.loads(stdout) == {
        "archive": str(out),
        "sha256": sha256_of_file(out),
        "size_bytes": out.stat().st_size,
        "artifact_sha256": identity(artifact / ARTIFACT_MANIFEST),
    }


def test_the_same_artifact_gives_the_same_bytes(artifact: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in sorted(artifact.iterdir(), reverse=True):  # another order on disk, another time, another mode
        shutil.copyfile(path, other / path.name)
        os.utime(other / path.name, (1, 1))
        (other / path.name).chmod(0o700)
    first, second = pack(artifact, tmp_path / "1.zip"), pack(other, tmp_path / "2.zip")
    assert first.path.read_bytes() == second.path.read_bytes()
    with zipfile.ZipFile(first.path) as file:
        assert [info.filename for info in file.infolist()] == [
            "artifact.json",
            "README.md",
            "model.onnx",
            "tokenizer.json",
        ]


class FullDisk(io.FileIO):
    """A file on a disk that holds no more than some bytes."""

    left_bytes = 0

    def write(self, data: Any) -> int:
        if len(data) > self.left_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left_bytes -= len(data)
        return super().write(data)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("old", [True, False])
def test_a_full_disk_leaves_what_was_there(
    tinybert: Tinybert, artifact: Path, out: Path, monkeypatch: pytest.MonkeyPatch, share: float, old: bool
) -> None:
    size_bytes = pack(artifact, out).size_bytes
    before = out.read_bytes()
    if not old:
        shutil.rmtree(out.parent)
    real = os.fdopen

    def fdopen(descriptor: int, mode: str) -> Any:
        if "w" not in mode:
            return real(descriptor, mode)
        raw = FullDisk(descriptor, "r+b")
        raw.left_bytes = int(size_bytes * share)
        return io.BufferedRandom(raw)

    monkeypatch.setattr(os, "fdopen", fdopen)
    code, stdout, err = tinybert("pack", artifact, "--out", out)
    assert (code, stdout) == (2, "")
    assert err == f"error: {out}: not written (No space left on device): make room, or choose another --out\n"
    assert out.parent.exists() == old
    if old:
        assert [(path.name, path.read_bytes()) for path in out.parent.iterdir()] == [(out.name, before)]


def _file(artifact: Path, out: Path) -> None:
    out.write_bytes(b"a thesis")


def _other_zip(artifact: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("photo.jpg", b"a photo")


def _empty(artifact: Path, out: Path) -> None:
    out.touch()


def _link(artifact: Path, out: Path) -> None:
    target = out.with_name("target")
    target.write_bytes(b"a thesis")
    out.symlink_to(target)


def _folder(artifact: Path, out: Path) -> None:
    out.mkdir()


def _fifo(artifact: Path, out: Path) -> None:
    os.mkfifo(out)


@pytest.mark.parametrize("lay_down", [_file, _other_zip, _empty, _link, _folder, _fifo])
def test_what_is_not_ours_is_not_replaced(artifact: Path, out: Path, lay_down: Callable[[Path, Path], None]) -> None:
    out.parent.mkdir()
    lay_down(artifact, out)
    before = {path: path.read_bytes() for path in out.parent.iterdir() if path.is_file()}
    status = out.lstat()
    with pytest.raises(
        InputError, match="exists, and was not written by tinybert pack: choose another --out, or remove it"
    ):
        pack(artifact, out)
    assert {path: path.read_bytes() for path in out.parent.iterdir() if path.is_file()} == before
    assert out.lstat() == status


def test_an_older_archive_is_replaced(artifacts: Path, out: Path) -> None:
    pack(artifacts / "onnx-int8", out)
    assert pack(artifacts / "tflite-int8", out).artifact.sha256 == verify(out).sha256
    assert list(out.parent.iterdir()) == [out]


def _flip(artifact: Path) -> None:
    model = bytearray((artifact / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (artifact / "model.onnx").write_bytes(model)


def _add(artifact: Path) -> None:
    (artifact / "notes.txt").write_text("a secret")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_flip, "model.onnx: its SHA-256 is not the one of its manifest"),
        (_add, "extra file that artifact.json does not list: 'notes.txt'"),
        (lambda artifact: (artifact / ARTIFACT_MANIFEST).unlink(), "has no artifact.json"),
        (shutil.rmtree, "not a folder: name an artifact folder"),
    ],
    ids=["changed", "extra", "unfinished", "missing"],
)
def test_a_folder_that_is_not_good_is_not_packed(
    artifact: Path, out: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(artifact)
    with pytest.raises(InputError, match=message):
        pack(artifact, out)
    assert not out.parent.exists()


def test_a_student_is_not_packed(student: Path, out: Path) -> None:
    with pytest.raises(InputError, match="is a student, not an artifact: convert it first: tinybert convert"):
        pack(student, out)
    assert not out.parent.exists()


def test_the_archive_does_not_go_into_the_artifact(artifact: Path) -> None:
    with pytest.raises(InputError, match="is in the artifact folder: choose another --out"):
        pack(artifact, artifact / "model.zip")
    verify(artifact)


def test_an_artifact_too_large_for_an_archive_is_refused(
    artifact: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "SIZE_LIMIT_BYTES", 1000)
    with pytest.raises(InputError, match="too many for one archive: copy the folder instead"):
        pack(artifact, out)
    assert not out.parent.exists()


def test_a_file_that_changes_while_it_is_packed_is_noticed(
    artifact: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive.write

    def write(*arguments: Any) -> None:
        if (artifact / "model.onnx").exists():
            _flip(artifact)
        real(*arguments)

    monkeypatch.setattr(archive, "write", write)
    with pytest.raises(InputError, match=r"model.onnx: its SHA-256 is not the one of its manifest"):
        pack(artifact, out)
    assert not out.parent.exists()


def test_the_users_sentences_stay_behind(artifact: Path, out: Path, tmp_path: Path) -> None:
    verified = pack(artifact, out).artifact
    with zipfile.ZipFile(out) as file:
        assert EVALUATION not in file.namelist()
        file.extractall(tmp_path / "unpacked")
    for path in (out, tmp_path / "unpacked"):
        assert (verify(path).sha256, verify(path).left_out) == (verified.sha256, (EVALUATION,))
        with load(path) as there, load(artifact) as here:
            assert there("ba de") == here("ba de")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "README.md"])
def test_nothing_else_may_be_left_out(artifact: Path, name: str) -> None:
    (artifact / name).unlink()
    with pytest.raises(InputError, match=f"{name}: missing"):
        verify(artifact)
