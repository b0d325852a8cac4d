"""An artifact whose manifest does not fit its model is refused in one line by every runtime, and by `bench`."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from contract.errors import InputError
from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
from infer.worker.client import outputs_of

RUNTIMES = ("onnx", "openvino", "tflite")
Tinybert = Callable[..., tuple[int, str, str]]


def tampered(artifact: Path, folder: Path, kind: str, changes: dict[str, Any]) -> Path:
    """Copy an artifact, and change the first input or output in its manifest."""
    shutil.copytree(artifact, folder)
    path = folder / ARTIFACT_MANIFEST
    graph = asdict(read_artifact(artifact).graph)
    graph[kind] = [{**graph[kind][0], **changes}, *graph[kind][1:]]
    path.write_text(json.dumps({**json.loads(path.read_text()), "graphs": {"model": graph}}))
    return folder


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("inputs", {"name": "input_idz"}, "has no input 'input_idz'; its inputs: {inputs}"),
        ("inputs", {"dtype": "float32"}, "input '{input}' is {dtype}, but float32 in its manifest"),
        ("outputs", {"name": "scores"}, "has no output 'scores'; its outputs: {output}"),
        ("outputs", {"dtype": "int64"}, "output '{output}' is float32, but int64 in its manifest"),
    ],
)
def test_a_runtime_names_both_sides(
    artifacts: Path, tmp_path: Path, runtime: str, kind: str, changes: dict[str, Any], message: str
) -> None:
    graph = read_artifact(artifacts / f"{runtime}-fp32").graph
    folder = tampered(artifacts / f"{runtime}-fp32", tmp_path / runtime, kind, changes)
    with pytest.raises(InputError) as error:
        outputs_of(read_artifact(folder).model(folder))
    expected = message.format(
        inputs=", ".join(tensor.name for tensor in graph.inputs),
        input=graph.inputs[0].name,
        dtype=graph.inputs[0].dtype,
        output=graph.outputs[0].name,
    )
    assert str(error.value) == f"{folder / graph.file}: {expected}: convert the student again"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_bench_refuses_it_as_bad_input(tinybert: Tinybert, artifacts: Path, tmp_path: Path, runtime: str) -> None:
    folder = tampered(artifacts / f"{runtime}-fp32", tmp_path / runtime, "outputs", {"name": "scores"})
    code, out, err = tinybert("bench", folder, "--blocks", 1, "--sentences", 2, "--out", tmp_path / "results")
    graph = read_artifact(folder).graph
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: {folder / graph.file}: has no output 'scores'; its outputs: ")
    assert not (tmp_path / "results").exists()
