"""A folder is whole and unchanged, or it is refused."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import InputError
from contract.folder import (
    SCHEMA_VERSION,
    Manifest,
    building,
    identity,
    inventory,
    is_finished,
    read_manifest,
    verify,
    write_manifest,
)

MANIFEST = "thing.json"
MODEL = b"weights of a model" * 100


class Thing(Manifest):
    name: str


def build(folder: Path, key: str = "k", model: bytes = MODEL) -> Path:
    with building(folder) as scratch:
        (scratch / "sub").mkdir()
        (scratch / "sub" / "model.bin").write_bytes(model)
        (scratch / "empty.txt").touch()
        files = inventory(scratch)
        thing = Thing(schema_version=1, key=key, files=files, parents={}, tool_versions={}, name="a")
        write_manifest(scratch / MANIFEST, thing)
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_folder_can_be_read_and_stands_alone(tmp_path: Path) -> None:
    folder = build(tmp_path / "a" / "thing")
    thing = read_manifest(folder / MANIFEST, Thing)
    verify(folder, thing)
    assert list(thing.files) == ["empty.txt", "sub/model.bin"]
    assert thing.size_bytes == len(MODEL)
    assert names_in(tmp_path / "a") == ["thing"]
    assert is_finished(folder / MANIFEST, Thing, "k")
    assert not is_finished(folder / MANIFEST, Thing, "other")


def test_a_rebuilt_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    folder = build(tmp_path / "thing")
    (folder / "stray").touch()
    first = identity(folder / MANIFEST)
    build(folder, model=b"other")
    assert names_in(folder) == ["empty.txt", "sub", MANIFEST]
    assert identity(folder / MANIFEST) != first
    assert names_in(tmp_path) == ["thing"]


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt(), ValueError("a fault")])
@pytest.mark.parametrize("old", [True, False])
def test_a_failed_build_leaves_nothing_and_the_old_folder_as_it_was(
    tmp_path: Path, error: BaseException, old: bool
) -> None:
    folder = tmp_path / "thing"
    if old:
        build(folder)

    def fail() -> None:
        with building(folder) as scratch:
            (scratch / "half").write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert names_in(tmp_path) == (["thing"] if old else [])
    assert is_finished(folder / MANIFEST, Thing, "k") is old


def test_a_failed_rename_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tmp_path / "thing")
    rename = Path.rename

    def fail_on_the_new_one(self: Path, target: Path) -> Path:
        if ".partial-" in self.name:
            raise OSError("the disk is gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_the_new_one)
    with pytest.raises(OSError, match="the disk is gone"):
        build(folder, model=b"other")
    assert is_finished(folder / MANIFEST, Thing, "k")
    assert names_in(tmp_path) == ["thing"]


KILLED_WHILE_BUILDING = """
import os, signal, sys
from pathlib import Path
from contract.folder import building
with building(Path(sys.argv[1])) as scratch:
    (scratch / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""

KILLED_BETWEEN_THE_RENAMES = """
import os, signal, sys
from pathlib import Path
from contract.folder import building
rename = Path.rename
def killed(self, target):
    if ".partial-" in self.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = killed
with building(Path(sys.argv[1])) as scratch:
    (scratch / "new").write_text("new")
"""


@pytest.mark.skipif(os.name != "posix", reason="no SIGKILL")
@pytest.mark.parametrize("program", [KILLED_WHILE_BUILDING, KILLED_BETWEEN_THE_RENAMES])
def test_what_a_killed_process_left_is_cleared_by_the_next_build(tmp_path: Path, program: str) -> None:
    folder = build(tmp_path / "thing")
    (tmp_path / ".thing.partial-notes").mkdir()  # somebody else's
    run = subprocess.run([sys.executable, "-c", program, str(folder)], check=False, timeout=60)
    assert run.returncode == -signal.SIGKILL
    with pytest.raises(ValueError, match="again"), building(folder):
        raise ValueError("fails again")
    assert is_finished(folder / MANIFEST, Thing, "k")
    assert names_in(tmp_path) == [".thing.partial-notes", "thing"]


def test_what_a_live_process_builds_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / f".thing.partial-{os.getppid()}"
    other.mkdir()
    build(tmp_path / "thing")
    assert other.is_dir()


def change_one_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def link_elsewhere(path: Path) -> None:
    outside = path.parents[2] / "outside"
    path.rename(outside)
    path.symlink_to(outside)


def link_parent_elsewhere(path: Path) -> None:
    outside = path.parents[2] / "outside"
    path.parent.rename(outside)
    path.parent.symlink_to(outside)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.skipif(os.name != "posix", reason="links and FIFOs")
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (change_one_byte, "SHA-256 is not the one"),
        (cut, "has 1799 bytes, not the 1800"),
        (Path.unlink, "missing or not a regular file"),
        (link_elsewhere, "missing or not a regular file"),
        (link_parent_elsewhere, "missing or not a regular file"),
        (make_folder, "missing or not a regular file"),
        (make_fifo, "missing or not a regular file"),
    ],
)
def test_a_harmed_file_is_refused(tmp_path: Path, harm: Callable[[Path], None], message: str) -> None:
    folder = build(tmp_path / "thing")
    harm(folder / "sub" / "model.bin")
    with pytest.raises(InputError, match=message):
        verify(folder, read_manifest(folder / MANIFEST, Thing))
    assert not is_finished(folder / MANIFEST, Thing, "k")


@settings(max_examples=50)
@given(position=st.integers(0, len(MODEL) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(tmp_path_factory: pytest.TempPathFactory, position: int, bit: int) -> None:
    folder = build(tmp_path_factory.mktemp("flip") / "thing")
    data = bytearray(MODEL)
    data[position] ^= 1 << bit
    (folder / "sub" / "model.bin").write_bytes(data)
    with pytest.raises(InputError, match="SHA-256"):
        verify(folder, read_manifest(folder / MANIFEST, Thing))


@pytest.mark.parametrize("name", ["../outside", "sub/../../outside", "/etc/hostname"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    folder = build(tmp_path / "thing")
    (tmp_path / "outside").write_bytes(MODEL)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][name] = manifest["files"]["sub/model.bin"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="leads out of the folder"):
        verify(folder, read_manifest(folder / MANIFEST, Thing))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema_version": 0}', "schema_version"),
        ("{}", "missing key 'schema_version'"),
        ("[1]", "should be an object"),
        ("null", "should be an object"),
        ("", "cannot be read as JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"schema_version": 2, "schema_version": 1}', r"cannot be read as JSON \(duplicate key 'schema_version'\)"),
        (" " * (2**20 + 1), "has more than 1048576 bytes: check that it is the right file"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / MANIFEST
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_manifest(path, Thing)
    assert not is_finished(path, Thing, "k")


def test_a_folder_of_a_newer_version_is_neither_read_nor_made_again(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    path.write_text(f'{{"schema_version": {SCHEMA_VERSION + 1}, "anything": 1}}', encoding="utf-8")
    for look in (read_manifest, lambda path, kind: is_finished(path, kind, "k")):
        with pytest.raises(InputError, match=rf"layout {SCHEMA_VERSION + 1} is newer than .*: upgrade tinybert-edge"):
            look(path, Thing)


def test_a_folder_without_manifest_is_not_finished(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no thing\.json, so not a finished folder"):
        read_manifest(tmp_path / MANIFEST, Thing)
