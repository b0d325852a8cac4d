"""ONNX for ONNX Runtime: one model for any batch and length; int8 with activations quantised as they come."""

from collections import Counter
from pathlib import Path

from contract.errors import needs_extra
from contract.tokens import Tokens
from convert.converter import EXTRA, Made
from targets.profile import Arch, Profile

LIBRARIES: tuple[str, ...] = ("onnx", "onnxruntime", "torch", "transformers")
MODEL_FILE = "model.onnx"
OPSET = 17  # the oldest with layer normalisation as one operation, so that older runtimes on devices read it
TRACED_LENGTH_TOKENS = 8
# Not the depthwise convolutions of a slim student: their few weights save nothing, and ONNX Runtime's convolution of
# integers is slower than the one in fp32.
QUANTISED = ("MatMul", "Gather")


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return no lengths: the model takes any."""
    del profile, max_length_tokens
    return ()


def export(student: Path, destination: Path, *, lengths_tokens: tuple[int, ...]) -> Made:
    """Write model.onnx, weights inside."""
    with needs_extra(EXTRA):
        import torch

        from convert.classifier import INPUTS, example, load
    # The newer exporter takes ten times as long, and ONNX Runtime finds less to fuse in what it writes.
    torch.onnx.export(
        load(student),
        example(2, TRACED_LENGTH_TOKENS, torch.int64),
        str(destination / MODEL_FILE),
        input_names=list(INPUTS),
        output_names=["logits"],
        dynamic_axes={**{name: {0: "batch", 1: "length"} for name in INPUTS}, "logits": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    return Made(model_file=MODEL_FILE, inputs=INPUTS, length_buckets_tokens=lengths_tokens)


def quantize(source: Path, fp32: Made, destination: Path, *, profile: Profile, calibration: Tokens) -> Made:
    """Write model.onnx with int8 weights, a scale per output channel; activations need no calibration."""
    del calibration
    with needs_extra(EXTRA):
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.shape_inference import quant_pre_process
    prepared = destination / f"prepared-{MODEL_FILE}"
    quant_pre_process(str(source / fp32.model_file), str(prepared), skip_symbolic_shape=True)
    # Without the dot product, x86 adds pairs of 8-bit products in 16 bits and saturates: weights of 7 bits cannot.
    seven_bits = profile.arch is Arch.X86_64 and not profile.has_int8_dot_product
    quantize_dynamic(
        str(prepared),
        str(destination / MODEL_FILE),
        per_channel=True,
        op_types_to_quantize=list(QUANTISED),
        weight_type=QuantType.QInt8,
        reduce_range=seven_bits,
    )
    prepared.unlink()
    return fp32.model_copy(
        update={"model_file": MODEL_FILE, "quantization": _ledger(destination / MODEL_FILE, seven_bits=seven_bits)}
    )


def _ledger(path: Path, *, seven_bits: bool) -> tuple[str, ...]:
    import onnx

    counts = Counter(node.op_type for node in onnx.load(str(path)).graph.node)
    bits = "7 of 8 bits used" if seven_bits else "8 bits"
    return (
        f"{counts['MatMulInteger']} matrix products: weights int8, symmetric, per channel, {bits}",
        f"their inputs: uint8, asymmetric, per tensor, at run time ({counts['DynamicQuantizeLinear']} points)",
        f"{counts['DequantizeLinear']} tables and constants: int8, dequantised when read",
    )
