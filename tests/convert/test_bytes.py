"""The bytes of converted models: the same student gives the same files as in earlier versions."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from contract.digest import sha256_of_file
from convert.build import convert_student
from targets.profile import Profile

# Library versions that wrote these bytes; other versions may write the same model differently.
WRITTEN_BY = {
    "ai-edge-quantizer": "0.10.0",
    "litert-torch": "0.10.0",
    "onnx": "1.23.2",
    "openvino": "2026.4.1",
    "torch": "2.13.0",
}
SHA256 = {
    "onnx-fp32/model.onnx": "cd9588caa1c783a7b95fc1ffba84244052e79acda7283e27ec3606fad4ccb471",
    "onnx-int8/model.onnx": "6c14e54f9b510a618cc034bcb106e5e8a659cf4701d6b1a15e7f73784681b2eb",
    "openvino-fp32/model.bin": "4f987e234616bb5168138d24533430278327a4953638dfe5de7d25d978388cb2",
    "openvino-fp32/model.xml": "95452b7fb044685ac57572875824e5bebae80b485a3a4a492c782c873d138097",
    "tflite-fp32/model.tflite": "10033a3f89b995ade9942bc72b6052e25f43101327cc3a798546b15a5b4d22eb",
    "tflite-int8/model.tflite": "b80d416e44ac876c6b0246bcf4c801249c9d65ac100421b7e7b25c876c0de6ec",
}


def exact(model: PreTrainedModel) -> PreTrainedModel:
    """Set a model's weights to multiples of 1/256, which every processor computes exactly."""
    generator = np.random.default_rng(7)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(torch.from_numpy(generator.integers(-32, 33, tuple(parameter.shape)) / 256))
    return model


@pytest.mark.parametrize(
    ("runtime", "precisions"),
    [
        ("onnx", ["fp32", "int8"]),
        # Without int8: ranges of activations are measured, and processors round them differently.
        ("openvino", ["fp32"]),
        pytest.param("tflite", ["fp32", "int8"], marks=pytest.mark.slow),
    ],
)
def test_the_same_student_gives_the_same_bytes(
    make_student: Callable[..., Path], profile: Profile, tmp_path: Path, runtime: str, precisions: list[str]
) -> None:
    installed = {name: version(name).partition("+")[0] for name in WRITTEN_BY}
    other = {name: number for name, number in installed.items() if number != WRITTEN_BY[name]}
    if other:
        pytest.skip(f"written by other versions: {other}")
    student = make_student(tmp_path / "student", change=exact)
    folders = convert_student(student, profile, out=tmp_path / "out", runtimes=[runtime], precisions=precisions)
    digests = {
        f"{path.parent.name}/{path.name}": sha256_of_file(path) for out in folders for path in out.glob("model.*")
    }
    assert digests == {name: digest for name, digest in SHA256.items() if name.startswith(runtime)}
