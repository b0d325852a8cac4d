import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from contract.errors import InputError
from contract.strict import parse
from infer.packed_array import PackedArray


@given(arrays(np.float64, array_shapes(max_dims=2, min_side=0), elements=st.floats(allow_nan=False)))
def test_packed_numbers_are_exact(numbers: NDArray[np.float64]) -> None:
    packed = PackedArray.of(numbers)
    assert parse(PackedArray, packed.model_dump(mode="json"), "made up") == packed
    assert np.array_equal(packed.numbers(), numbers)


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ([[0.0, 1.0], [255.0, 2.0]], "uint8"),
        ([256.0], "float32"),
        ([-1.0], "float32"),
        ([0.5], "float32"),
        ([0.1], "float64"),
        ([1e300], "float64"),
        ([float("nan")], "float64"),
    ],
)
def test_the_smallest_exact_type_is_taken(numbers: list[float], dtype: str) -> None:
    assert PackedArray.of(np.array(numbers)).dtype == dtype


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zlib.compress(bytes(9)), "do not have the shape"),
        (zlib.compress(bytes(10**6)), "do not have the shape"),
        (zlib.compress(bytes(11)), "do not have the shape"),
        (b"none", "cannot be unpacked"),
    ],
)
def test_other_data_are_refused(data: bytes, message: str) -> None:
    packed = PackedArray(dtype="uint8", shape=(2, 5), zlib_base64=base64.b64encode(data).decode())
    with pytest.raises(InputError, match=message):
        packed.numbers()
    with pytest.raises(InputError, match="cannot be unpacked"):
        packed.model_copy(update={"zlib_base64": "?"}).numbers()
