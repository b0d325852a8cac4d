"""Archives that are not as `tinybert pack` writes them: refused before anything of them is unpacked."""

import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import InputError
from infer.safety import zip_index
from infer.shipping import archive
from infer.shipping.verify import verify

Spoil = Callable[[Path], None]


def members(packed: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(packed) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewrite(path: Path, *added: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Write an archive's members again, with others behind them."""
    kept = members(path)
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in (*kept.items(), *added):
            file.writestr(name, data)


def _as(kind: int, name: str = "link") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


def _bomb(path: Path) -> None:
    files = {**members(path), "model.onnx": bytes(2**24)}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in files.items():
            # It alone, or the first member would be refused before it.
            file.writestr(name, data, zipfile.ZIP_DEFLATED if name == "model.onnx" else zipfile.ZIP_STORED)


def _patched(position: Callable[[bytes], int], pattern: str, value: int) -> Spoil:
    """Overwrite a number of the archive's bytes."""

    def spoil(path: Path) -> None:
        data = bytearray(path.read_bytes())
        struct.pack_into(pattern, data, position(bytes(data)), value)
        path.write_bytes(data)

    return spoil


def index_of(data: bytes) -> int:
    """Return where an archive's index begins; its end record says it."""
    return int(zip_index.END.unpack(data[-zip_index.END.size :])[6])


def _index(offset: int) -> Callable[[bytes], int]:
    return lambda data: index_of(data) + offset


def _end(offset: int) -> Callable[[bytes], int]:
    return lambda data: data.rindex(b"PK\x05\x06") + offset


def _overlapping(path: Path) -> None:
    """Let three entries of the index point to one member's bytes, as bombs without compression of their own do."""
    data = path.read_bytes()
    start = index_of(data)
    with zipfile.ZipFile(path) as file:
        model = file.getinfo("model.onnx")
    end_of_name = data.index(b"model.onnx", start) + len("model.onnx")
    entry = data[data.rindex(b"PK\x01\x02", start, end_of_name) : end_of_name]
    entries = b"".join(entry[:-10] + f"{number}odel.onnx".encode() for number in range(3))
    assert 3 * model.file_size > len(data)
    path.write_bytes(data[:start] + entries + zip_index.END.pack(b"PK\x05\x06", 0, 0, 3, 3, len(entries), start, 0))


def _sandwiched(front: bytes, back: bytes) -> Spoil:
    return lambda path: write(path, front + path.read_bytes() + back)


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _commented(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"hello"


def _locator(path: Path) -> None:
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    fields = list(zip_index.END.unpack(data[end:]))
    fields[5] += zip_index.LOCATOR_SIZE_BYTES  # as if it were the last of the index
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    path.write_bytes(data[:end] + locator + zip_index.END.pack(*fields))


def _hidden(path: Path) -> None:
    """Put bytes between the last member and the index."""
    data = path.read_bytes()
    start, end = index_of(data), data.rindex(b"PK\x05\x06")
    fields = list(zip_index.END.unpack(data[end:]))
    fields[6] += 4
    path.write_bytes(data[:start] + b"evil" + data[start:end] + zip_index.END.pack(*fields))


def _large_index(path: Path) -> None:
    rewrite(path, *((f"{number:0>60000}", b"") for number in range(20)))


def _another_order(path: Path) -> None:
    kept = members(path)
    with zipfile.ZipFile(path, "w") as file:
        for name in sorted(kept, reverse=True):
            file.writestr(name, kept[name])


OTHER = "was not written by tinybert pack"
ARCHIVES: list[tuple[str, Spoil, str]] = [
    ("slip", lambda path: rewrite(path, ("../../x", b"x")), r"'../../x' leads out of the folder"),
    ("absolute", lambda path: rewrite(path, ("/etc/x", b"x")), "'/etc/x' leads out of the folder"),
    ("drive", lambda path: rewrite(path, ("C:/x", b"x")), "'C:/x' leads out of the folder"),
    ("backslash", lambda path: rewrite(path, ("..\\x", b"x")), r"'..\\\\x' leads out of the folder"),
    ("null", lambda path: _renamed(path, b"model.onnx", b"mode\0.onnx"), r"'mode\\x00.onnx' is not a plain file name"),
    ("symlink", lambda path: rewrite(path, (_as(stat.S_IFLNK), b"/etc/passwd")), "'link' is a symlink"),
    ("fifo", lambda path: rewrite(path, (_as(stat.S_IFIFO), b"")), "'link' is not a regular file"),
    ("folder", lambda path: rewrite(path, ("more/", b"")), "'more/' is not a plain file name"),
    ("case", lambda path: rewrite(path, ("Model.onnx", b"x")), "'Model.onnx' is in it twice"),
    ("twice", lambda path: _renamed(path, b"evaluation.npz", b"tokenizer.json"), "'tokenizer.json' is in it twice"),
    ("extra", lambda path: rewrite(path, ("x.so", b"x")), "extra file that artifact.json does not list: 'x.so'"),
    ("encrypted", _patched(_index(8), "<H", 1), "'artifact.json' is encrypted"),
    ("strongly encrypted", _patched(_index(8), "<H", 0x40), "'artifact.json' is encrypted"),
    ("compressed", lambda path: rewrite(path, compression=zipfile.ZIP_DEFLATED), "'artifact.json' is compressed"),
    ("bomb", _bomb, "'model.onnx' is compressed"),
    ("claims more", _patched(_index(24), "<L", 2**31), "'artifact.json' is compressed: .* claim to become 2147483648"),
    ("overlapping", _overlapping, r"its members claim \d+ bytes, the archive has"),
    ("large index", _large_index, r"its index has \d+ bytes, more than 1048576"),
    ("prefix", _sandwiched(b"#!/bin/sh\n", b""), "contains more than its members and their index"),
    ("suffix", _sandwiched(b"", b"evil"), "not an archive, or truncated"),
    ("comment", _commented, "not an archive, or truncated"),
    ("other disk", _patched(_end(4), "<H", 1), "contains more than its members and their index"),
    ("second index", _locator, "contains more than its members and their index"),
    ("between", _hidden, OTHER),
    ("order", _another_order, OTHER),
    ("times", lambda path: rewrite(path), OTHER),
    ("local header", _patched(lambda data: 10, "<H", 7), OTHER),
    ("other name", _patched(lambda data: 30, "<B", 65), "cannot be read as an archive"),
    ("cut", lambda path: os.truncate(path, path.stat().st_size // 2), "not an archive, or truncated"),
    ("empty", lambda path: os.truncate(path, 0), "not an archive"),
    ("no manifest", lambda path: zipfile.ZipFile(path, "w").close(), "has no artifact.json"),
    ("link", lambda path: _move_away(path), "missing or not a regular file"),
    ("pipe", lambda path: _pipe(path), "missing or not a regular file"),
    ("missing", lambda path: path.unlink(), "missing or not a regular file"),
]


def _renamed(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    start = index_of(data)
    path.write_bytes(data[:start] + data[start:].replace(old, new))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _move_away(path: Path) -> None:
    path.rename(path.with_name("real.zip"))
    path.symlink_to(path.with_name("real.zip"))


@pytest.mark.parametrize(("spoil", "message"), [pytest.param(*rest, id=name) for name, *rest in ARCHIVES])
def test_an_archive_that_is_not_ours_is_refused_unopened(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, message: str
) -> None:
    path = Path(shutil.copyfile(packed, tmp_path / "model.zip"))
    monkeypatch.chdir(tmp_path)
    spoil(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as caught:
        verify(path)
    assert caught.value.cure
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_of_no_reasonable_size_is_refused(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SIZE_LIMIT_BYTES", 1000 - archive.HEADERS_LIMIT_BYTES)
    with pytest.raises(InputError, match="more than any archive of tinybert pack"):
        verify(packed)


@pytest.fixture(scope="session")
def small(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    """An archive's bytes, and a file to write others to."""
    return packed.read_bytes(), tmp_path_factory.mktemp("flipped") / "model.zip"


@settings(max_examples=150)
@given(data=st.data())
def test_any_flipped_bit_of_an_archive_is_noticed(small: tuple[bytes, Path], data: st.DataObject) -> None:
    content, path = small
    index = index_of(content)
    # Most bytes are weights, so the headers are drawn as often.
    position = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 200) | st.integers(index, len(content) - 1))
    flipped = bytearray(content)
    flipped[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(flipped)
    with pytest.raises(InputError):
        verify(path)


def test_every_byte_of_the_headers_counts(small: tuple[bytes, Path]) -> None:
    content, path = small
    index = index_of(content)
    for position in (*range(43), *range(index, len(content))):
        flipped = bytearray(content)
        flipped[position] ^= 0xFF
        path.write_bytes(flipped)
        with pytest.raises(InputError):
            verify(path)
