"""A TFLite model that was made to crash its runtime ends its own process only; the session goes on without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from contract.folder import inventory
from infer.folders.artifact import ARTIFACT_MANIFEST

Change = Callable[[Any], None]


def _reshapes_to_many_axes(model: Any) -> None:
    kinds = [code.builtinCode for code in model.operatorCodes]
    graph = model.subgraphs[0]
    reshape = next(part for part in graph.operators if kinds[part.opcodeIndex] == schema.BuiltinOperator.RESHAPE)
    shape = graph.tensors[reshape.inputs[1]]
    shape.shape = [1000]
    model.buffers[shape.buffer].data = np.ones(1000, np.int32).view(np.uint8)


def _reshapes_to_huge_axes(model: Any) -> None:
    _reshapes_to_many_axes(model)
    graph = model.subgraphs[0]
    shape = next(tensor for tensor in graph.tensors if list(tensor.shape) == [1000])
    shape.shape = [8]
    model.buffers[shape.buffer].data = np.full(8, 2**31 - 1, np.int32).view(np.uint8)


def _keeps_weights_far_away(model: Any) -> None:
    largest = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
    largest.offset, largest.size, largest.data = 2**64 - 1, len(largest.data), None


def changed(change: Change) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        model = flatbuffer_utils.read_model(str(path))
        change(model)
        path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"\x08\0\0\0TFL3"),
        lambda path: path.write_bytes(b"\xff\xff\xff\x7fTFL3" + bytes(64)),
        changed(_reshapes_to_many_axes),
        changed(_reshapes_to_huge_axes),
        changed(_keeps_weights_far_away),
    ],
    ids=["8 bytes", "a root far away", "1000 axes", "huge axes", "weights far away"],
)
def test_a_crafted_model_ends_its_own_process_only(
    tinybert: Callable[..., tuple[int, str, str]],
    artifacts: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
) -> None:
    folder = Path(shutil.copytree(artifacts / "tflite-fp32", tmp_path / "crafted"))
    spoil(folder / "model.tflite")
    manifest = folder / ARTIFACT_MANIFEST
    value = json.loads(manifest.read_text())
    files = {name: entry.model_dump() for name, entry in inventory(folder).items() if name != ARTIFACT_MANIFEST}
    manifest.write_text(json.dumps({**value, "files": files}))
    out = tmp_path / "out"
    options = ("--blocks", "1", "--sentences", "2", "--out", out)
    code, _, err = tinybert("bench", folder, artifacts / "tflite-int8", *options)
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code in (2, 4)
    assert ("crafted" in line, "; 1 other records are in" in line) == (True, True), line
    assert [path.name.rpartition("-")[0] for path in out.rglob("*.json")] == ["made-up-tflite-int8"]
