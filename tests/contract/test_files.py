"""A file is the old one or the new one."""

import os
from pathlib import Path

import pytest

from contract.files import write_atomic


def fail(*_: object) -> None:
    raise OSError("no space left")


@pytest.mark.parametrize("call", ["os.fsync", "os.fdopen", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("old", ["old", None])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, old: str | None
) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_text(old)
    with monkeypatch.context() as patch:
        patch.setattr(call, fail)
        with pytest.raises(OSError, match="no space left"):
            write_atomic(path, "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ([] if old is None else [old])


@pytest.mark.parametrize(("content", "data"), [("käse\n", "käse\n".encode()), (b"\0\xff", b"\0\xff"), ("", b"")])
def test_the_new_file_replaces_the_old_one(tmp_path: Path, content: str | bytes, data: bytes) -> None:
    path = tmp_path / "new folder" / "file"
    for _ in range(2):
        write_atomic(path, content)
    assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="no permissions")
def test_others_may_read_the_file(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", "new")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
