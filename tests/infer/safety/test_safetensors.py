"""Weights whose header lies are refused with little memory, before a library reads them."""

import io
import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from contract.errors import InputError
from infer.safety import safetensors

PLAIN = save(
    {"a": np.ones((2, 3), np.float32), "b": np.ones(5, np.int8), "c": np.ones(0, np.float64)}, {"format": "pt"}
)


def file_of(header: bytes, data: bytes = bytes(16), length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def header_of(**spans: tuple[int, int]) -> bytes:
    entries = {
        name: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
        for name, (begin, end) in spans.items()
    }
    return json.dumps(entries).encode()


def tensor(**changes: Any) -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}).encode()


def check(data: bytes) -> None:
    safetensors.check(io.BytesIO(data), len(data), "model.safetensors")


def test_what_the_library_writes_is_taken(run_folder: Path) -> None:
    check(PLAIN)
    check((run_folder / "student-1" / "model.safetensors").read_bytes())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (file_of(tensor(), length=2**63), "its header claims 9223372036854775808 bytes"),
        (file_of(tensor(), length=2**64 - 1), "its header claims 18446744073709551615 bytes"),
        (file_of(tensor(), length=2**31), "its header claims 2147483648 bytes"),
        (b"\x01", "its header claims 1 bytes"),
        (file_of(header_of(a=(0, 16), b=(0, 16))), "its tensors overlap, or leave a gap, at byte 0"),
        (file_of(header_of(a=(0, 10), b=(8, 16))), "its tensors overlap, or leave a gap, at byte 8"),
        (file_of(header_of(a=(0, 8), b=(12, 16))), "its tensors overlap, or leave a gap, at byte 8"),
        (file_of(header_of(a=(0, 8))), "its tensors have 8 bytes, the file 16"),
        (file_of(header_of(a=(0, 32))), "its tensors have 32 bytes, the file 16"),
        (file_of(tensor().replace(b'{"a"', b'{"a": 1, "a"')), "duplicate key 'a'"),
        (file_of(b"[" * 10**5), "nested too deeply"),
        (file_of(b"\xff"), "cannot be read as JSON"),
        (file_of(b"[]"), "does not describe tensors"),
        (file_of(tensor(shape=[5])), "does not describe tensors"),
        (file_of(tensor(shape=[-4])), "does not describe tensors"),
        (file_of(tensor(shape=[2**62, 16, 2**62])), "does not describe tensors"),
        (file_of(tensor(dtype="F33")), "does not describe tensors"),
        (file_of(tensor(data_offsets=[0])), "does not describe tensors"),
    ],
)
def test_a_header_that_lies_is_refused_with_little_memory(data: bytes, message: str) -> None:
    tracemalloc.start()
    with pytest.raises(InputError) as error:
        check(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(error.value)
    assert str(error.value).isprintable()
    assert peak < 2**24


@given(st.dictionaries(st.integers(0, len(PLAIN) - 1), st.integers(0, 255), max_size=3), st.integers(0, len(PLAIN)))
def test_any_change_is_taken_or_refused(changes: dict[int, int], kept: int) -> None:
    data = bytearray(PLAIN)
    for position, value in changes.items():
        data[position] = value
    for some in (bytes(data), bytes(data[:kept])):
        try:
            check(some)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017  # most changes are refused
