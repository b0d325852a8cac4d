"""A shrunk TFLite file is smaller, with the same outputs from every signature."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from convert.shrink import shrink


def test_a_quantised_model_is_already_shrunk(artifacts: Path, tmp_path: Path) -> None:
    model = artifacts / "tflite-int8" / "model.tflite"
    shrunk = Path(shutil.copy(model, tmp_path))
    shrink(shrunk)
    assert shrunk.stat().st_size == model.stat().st_size


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_shrinking_keeps_the_outputs(artifacts: Path, tmp_path: Path, precision: str) -> None:
    model = artifacts / f"tflite-{precision}" / "model.tflite"
    shrunk = Path(shutil.copy(model, tmp_path))
    shrink(shrunk)
    assert shrunk.stat().st_size <= model.stat().st_size
    for before, after in zip(outputs_of(model), outputs_of(shrunk), strict=True):
        np.testing.assert_array_equal(before, after)


def outputs_of(model: Path) -> list[Any]:
    """Return each signature's outputs for one sentence of its full length."""
    interpreter = Interpreter(str(model), num_threads=1)
    outputs = []
    for name in interpreter.get_signature_list():
        run = interpreter.get_signature_runner(name)
        shape = run.get_input_details()["args_0"]["shape"]
        ids_BL, ones_BL = np.arange(shape[1], dtype=np.int32)[None] % 50, np.ones(shape, np.int32)
        outputs += run(args_0=ids_BL, args_1=ones_BL, args_2=np.zeros(shape, np.int32)).values()
    return outputs
