"""OpenVINO IR: one model for any batch and length; int8 by post-training quantisation on training sentences."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.errors import needs_extra
from contract.tokens import Tokens
from convert.converter import EXTRA, Made
from targets.profile import Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIBRARIES: tuple[str, ...] = ("nncf", "openvino", "torch", "transformers")
MODEL_FILE = "model.xml"
TRACED_LENGTH_TOKENS = 8


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return no lengths: the model takes any."""
    del profile, max_length_tokens
    return ()


def export(student: Path, destination: Path, *, lengths_tokens: tuple[int, ...]) -> Made:
    """Write model.xml and model.bin."""
    _send_nothing()
    with needs_extra(EXTRA):
        import openvino
        import torch

        from convert.classifier import INPUTS, example, load
    model = openvino.convert_model(
        load(student),
        example_input=example(2, TRACED_LENGTH_TOKENS, torch.int64),
        input=[openvino.PartialShape([-1, -1])] * len(INPUTS),
    )
    for port, name in zip(model.inputs, INPUTS, strict=True):
        port.get_node().set_friendly_name(name)
        port.get_tensor().set_names({name})
    model.outputs[0].get_tensor().set_names({"logits"})
    _save(model, destination)
    return Made(model_file=MODEL_FILE, inputs=INPUTS, length_buckets_tokens=lengths_tokens)


def quantize(source: Path, fp32: Made, destination: Path, *, profile: Profile, calibration: Tokens) -> Made:
    """Write model.xml and model.bin with int8 weights and activations, ranges measured on the calibration sentences."""
    del profile
    _send_nothing()
    with needs_extra(EXTRA):
        import nncf
        import openvino
    samples = [_sample(fp32, calibration, row) for row in range(len(calibration))]
    quantised = nncf.quantize(
        openvino.Core().read_model(source / fp32.model_file),
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
    )
    _save(quantised, destination)
    points = sum(operation.get_type_name() == "FakeQuantize" for operation in quantised.get_ops())
    ledger = (
        f"weights and activations: int8, post-training (NNCF, transformer), {points} quantised points",
        f"activation ranges: measured on {len(samples)} training sentences, {int(calibration.lengths.sum())} tokens",
    )
    return fp32.model_copy(update={"model_file": MODEL_FILE, "quantization": ledger})


def _sample(fp32: Made, calibration: Tokens, row: int) -> "dict[str, NDArray[np.int64]]":
    batch = calibration.batch([row])
    arrays = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
    return dict(zip(fp32.inputs, arrays, strict=True))


def _save(model: Any, destination: Path) -> None:
    import openvino

    # The default would store half precision.
    openvino.save_model(model, destination / MODEL_FILE, compress_to_fp16=False)


def _send_nothing() -> None:
    """Keep OpenVINO and NNCF from reporting usage over the network: without this module they use an empty one."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how an import is forbidden
