"""The converter for ONNX Runtime: one ONNX model for any batch and length."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contract.errors import InputError, needs_extra
from contract.tokens import Tokens
from convert import verdicts
from convert.converter import EXTRA, Exported, Verdict
from convert.onnx_quantizers import NODES as NODES
from convert.onnx_quantizers import QUANTIZERS
from infer.folders.graph import Tensor, encoder
from infer.folders.rewrite import Calibration, Rewrite
from infer.folders.variant import Variant
from infer.runtimes.onnx import DIMENSIONS, forbid_telemetry
from targets.profile import Precision, Profile

LIBRARIES: tuple[str, ...] = ("onnx", "onnx-ir", "onnxruntime", "torch", "transformers")
MODEL_FILE = "model.onnx"
OPSET = 17  # the oldest with layer normalisation as one operation, for older runtimes on devices
TRACED_LENGTH_TOKENS = 8
CALIBRATIONS: Mapping[Precision, tuple[Calibration, ...]] = {Precision.INT8_STATIC: tuple(Calibration)}


def offer(precision: Precision, profile: Profile) -> Verdict:
    """Return whether the processor supports a precision."""
    return {
        Precision.FP32: verdicts.FP32,
        Precision.FP16: Verdict(
            False, "ONNX Runtime's CPU kernels for BERT are fp32; half precision would be cast back and forth"
        ),
        Precision.INT8: verdicts.int8(profile, saturates=True),
        Precision.INT8_STATIC: verdicts.int8_static(profile, saturates=True),
        Precision.INT8_WEIGHT: _block_products(profile, bits=8),
        Precision.INT4_WEIGHT: _block_products(profile, bits=4),
    }[precision]


def _block_products(profile: Profile, bits: int) -> Verdict:
    fast = {"avx2", "avx512f", "dotprod"} & set(profile.isa_features)
    if not fast:
        return Verdict(False, "ONNX Runtime's MatMulNBits is only fast with AVX2, AVX-512 or Arm's dot product")
    return Verdict(True, f"{bits}-bit weights in blocks by ONNX Runtime's MatMulNBits ({', '.join(sorted(fast))})")


def depends_on(variant: Variant, profile: Profile) -> dict[str, Any]:
    """Return no properties: everything that the files depend on is already in the key."""
    del variant, profile
    return {}


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return no lengths: the model takes any."""
    del profile, max_length_tokens
    return ()


def export(
    student: Path, destination: Path, *, rewrites: tuple[Rewrite, ...], lengths_tokens: tuple[int, ...]
) -> Exported:
    """Write model.onnx, including its weights."""
    with needs_extra(EXTRA):
        import torch

        from convert.classifier import example, load, output_layout
    classifier = load(student, rewrites)
    path = destination / MODEL_FILE
    inputs = example(2, TRACED_LENGTH_TOKENS, torch.int64)
    columns, by_token = output_layout(classifier, inputs)
    graph = encoder(MODEL_FILE, columns=columns, by_token=by_token, source_lengths=lengths_tokens)
    # The newer exporter takes ten times as long, and ONNX Runtime fuses fewer operations of its models.
    torch.onnx.export(
        classifier,
        inputs,
        str(path),
        input_names=[tensor.name for tensor in graph.inputs],
        output_names=[tensor.name for tensor in graph.outputs],
        dynamic_axes={tensor.name: _varying(tensor) for tensor in (*graph.inputs, *graph.outputs)},
        opset_version=OPSET,
        dynamo=False,
    )
    applied = classifier.rewrites
    if Rewrite.SEPARATE_NORM in rewrites:
        _separate_norms(path)
        applied += (Rewrite.SEPARATE_NORM,)
    return Exported(graph=graph, rewrites=applied)


def _varying(tensor: Tensor) -> dict[int, str]:
    """Return the names of a tensor's dynamic axes, by index."""
    return {index: DIMENSIONS[axis] for index, axis in enumerate(tensor.axes) if isinstance(axis, str)}


def quantize(
    source: Path, fp32: Exported, destination: Path, *, variant: Variant, profile: Profile, calibration: Tokens
) -> Exported:
    """Write model.onnx in another precision."""
    forbid_telemetry()
    quantise = QUANTIZERS.get(variant.precision)
    if quantise is None:
        raise InputError(f"{variant.precision} is not supported for ONNX Runtime", "choose another precision")
    model, path = source / fp32.graph.file, destination / MODEL_FILE
    ledger = quantise(model, path, fp32, variant, profile, calibration)
    return fp32.model_copy(update={"graph": replace(fp32.graph, file=MODEL_FILE), "quantization": ledger})


def _separate_norms(path: Path) -> None:
    """Replace each Add before a normalisation by Sum, so that ONNX Runtime does not fuse the two.

    The fused kernel takes about four times as long as the two it replaces (ONNX Runtime 1.32, x86).
    """
    import onnx

    model = onnx.load(str(path))
    producers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        before = producers.get(node.input[0]) if node.op_type == "LayerNormalization" else None
        if before is not None and before.op_type == "Add":
            before.op_type = "Sum"
    onnx.save(model, str(path))
