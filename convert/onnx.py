"""ONNX for ONNX Runtime: one model for any batch and length."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contract.errors import InputError, needs_extra
from contract.tokens import Tokens
from convert import reasons
from convert.converter import EXTRA, Exported, Verdict
from convert.operations import Nodes, is_of
from infer.folders.graph import Tensor, encoder
from infer.folders.rewrite import Calibration, Rewrite
from infer.folders.variant import Variant
from infer.runtimes.onnx import DIMENSIONS
from targets.profile import Precision, Profile

LIBRARIES: tuple[str, ...] = ("onnx", "onnx-ir", "onnxruntime", "torch", "transformers")
MODEL_FILE = "model.onnx"
OPSET = 17  # the oldest with layer normalisation as one operation, so that older runtimes on devices read it
TRACED_LENGTH_TOKENS = 8
# Not the depthwise convolutions of a slim student: their few weights save nothing, and ONNX Runtime's convolution of
# integers is slower than the one in fp32.
QUANTISED = ("MatMul", "Gather")
NODES = Nodes(layer=r"layer\.{layer}/", classifier=r"(?:[pP]ooler|student/classifier)")
BLOCK_WEIGHTS = 32  # that share a scale; the smallest that ONNX Runtime has fast kernels for
CALIBRATIONS: Mapping[Precision, tuple[Calibration, ...]] = {Precision.INT8_STATIC: tuple(Calibration)}
INT8_ACTIVATIONS = 4  # MatMulNBits' accuracy level in which products are of 8-bit integers


def offer(precision: Precision, profile: Profile) -> Verdict:
    """Tell what a processor makes of a precision."""
    return {
        Precision.FP32: reasons.FP32,
        Precision.FP16: Verdict(
            False, "ONNX Runtime's processor kernels for BERT are fp32; half precision is cast back and forth"
        ),
        Precision.INT8: reasons.int8(profile, saturates=True),
        Precision.INT8_STATIC: reasons.int8_static(profile, saturates=True),
        Precision.INT8_WEIGHT: _block_products(profile, bits=8),
        Precision.INT4_WEIGHT: _block_products(profile, bits=4),
    }[precision]


def _block_products(profile: Profile, bits: int) -> Verdict:
    fast = {"avx2", "avx512f", "dotprod"} & set(profile.isa_features)
    if not fast:
        return Verdict(
            False, "ONNX Runtime's MatMulNBits needs AVX2, AVX-512 or Arm's dot product to be more than a fallback"
        )
    return Verdict(True, f"{bits}-bit weights in blocks by ONNX Runtime's MatMulNBits ({', '.join(sorted(fast))})")


def depends_on(variant: Variant, profile: Profile) -> dict[str, Any]:
    """Return nothing: what the files depend on is in every key."""
    del variant, profile
    return {}


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return no lengths: the model takes any."""
    del profile, max_length_tokens
    return ()


def export(
    student: Path, destination: Path, *, rewrites: tuple[Rewrite, ...], lengths_tokens: tuple[int, ...]
) -> Exported:
    """Write model.onnx, weights inside."""
    with needs_extra(EXTRA):
        import torch

        from convert.classifier import answered, example, load
    classifier = load(student, rewrites)
    path = destination / MODEL_FILE
    inputs = example(2, TRACED_LENGTH_TOKENS, torch.int64)
    columns, by_token = answered(classifier, inputs)
    graph = encoder(MODEL_FILE, columns=columns, by_token=by_token, source_lengths=lengths_tokens)
    # The newer exporter takes ten times as long, and ONNX Runtime finds less to fuse in what it writes.
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
        _separate(path)
        applied += (Rewrite.SEPARATE_NORM,)
    return Exported(graph=graph, rewrites=applied)


def _varying(tensor: Tensor) -> dict[int, str]:
    """Return the names of a tensor's sizes that vary, by their place."""
    return {place: DIMENSIONS[axis] for place, axis in enumerate(tensor.axes) if isinstance(axis, str)}


def quantize(
    source: Path, fp32: Exported, destination: Path, *, variant: Variant, profile: Profile, calibration: Tokens
) -> Exported:
    """Write model.onnx in another precision."""
    quantise = QUANTIZERS.get(variant.precision)
    if quantise is None:
        raise InputError(f"ONNX Runtime has no {variant.precision} here", "choose another precision")
    model, path = source / fp32.graph.file, destination / MODEL_FILE
    ledger = quantise(model, path, fp32, variant, profile, calibration)
    return fp32.model_copy(update={"graph": replace(fp32.graph, file=MODEL_FILE), "quantization": ledger})


def _dynamic(
    model: Path, path: Path, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[str, ...]:
    del fp32, calibration
    with needs_extra(EXTRA):
        from onnxruntime.quantization import QuantType, quantize_dynamic
    prepared = _prepared(model, path)
    quantize_dynamic(
        str(prepared),
        str(path),
        per_channel=True,
        op_types_to_quantize=list(QUANTISED),
        weight_type=QuantType.QInt8,
        reduce_range=profile.saturates_int8,
        nodes_to_exclude=_left_out(prepared, variant),
        # Joined nodes hide the types of the weights behind them from shape inference.
        extra_options={"DefaultTensorType": 1},
    )
    prepared.unlink()
    counts = _counts(path)
    return (
        f"{counts['MatMulInteger']} matrix products: weights int8, symmetric, per channel, {_bits(profile)}",
        f"their inputs: uint8, asymmetric, per tensor, at run time ({counts['DynamicQuantizeLinear']} points)",
        f"{counts['DequantizeLinear']} tables and constants: int8, dequantised when read",
        *_kept(variant),
    )


def _static(
    model: Path, path: Path, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[str, ...]:
    with needs_extra(EXTRA):
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    methods = {
        Calibration.MIN_MAX: CalibrationMethod.MinMax,
        Calibration.PERCENTILE: CalibrationMethod.Percentile,
        Calibration.ENTROPY: CalibrationMethod.Entropy,
    }
    prepared = _prepared(model, path)
    quantize_static(
        str(prepared),
        str(path),
        _Reader(fp32, calibration, variant.calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(QUANTISED),
        per_channel=True,
        reduce_range=profile.saturates_int8,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=_left_out(prepared, variant) + _without_weights(prepared),
        calibrate_method=methods[variant.calibration],
    )
    prepared.unlink()
    counts = _counts(path)
    return (
        f"weights: int8, symmetric, per channel, {_bits(profile)}; activations: uint8, per tensor",
        f"{counts['QuantizeLinear']} ranges: {variant.calibration} of {len(calibration)} training sentences, "
        f"{int(calibration.lengths.sum())} tokens",
        *_kept(variant),
    )


def _blocks(
    model: Path, path: Path, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[str, ...]:
    del fp32, profile, calibration
    with needs_extra(EXTRA):
        import onnx
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
    bits = 4 if variant.precision is Precision.INT4_WEIGHT else 8
    prepared = _prepared(model, path)
    if bits == 8:
        _quantize_tables(prepared, variant)
    settings = DefaultWeightOnlyQuantConfig(
        block_size=BLOCK_WEIGHTS,
        is_symmetric=True,
        accuracy_level=INT8_ACTIVATIONS,
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul", "Gather") if bits == 4 else ("MatMul",),
        bits=bits,
    )
    work = MatMulNBitsQuantizer(
        onnx.load(str(prepared)), nodes_to_exclude=_left_out(prepared, variant), algo_config=settings
    )
    work.process()
    onnx.save(work.model.model, str(path))
    prepared.unlink()
    counts = _counts(path)
    tables = (
        f"{counts['GatherBlockQuantized']} tables: 4 bits, {BLOCK_WEIGHTS} to a scale"
        if bits == 4
        else f"{counts['DequantizeLinear']} tables: int8, dequantised when read"
    )
    return (
        f"{counts['MatMulNBits']} matrix products: weights {bits} bits, symmetric, {BLOCK_WEIGHTS} to a scale",
        tables,
        *_kept(variant),
    )


def _quantize_tables(path: Path, variant: Variant) -> None:
    """Quantise the embedding in place: the quantiser of products in blocks knows tables of 4 bits alone."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = path.rename(path.with_name(f"whole-{path.name}"))
    quantize_dynamic(
        str(whole),
        str(path),
        op_types_to_quantize=["Gather"],
        weight_type=QuantType.QInt8,
        nodes_to_exclude=_left_out(whole, variant),
        extra_options={"DefaultTensorType": 1},
    )
    whole.unlink()


QUANTIZERS: dict[Precision, Callable[[Path, Path, Exported, Variant, Profile, Tokens], tuple[str, ...]]] = {
    Precision.INT8: _dynamic,
    Precision.INT8_STATIC: _static,
    Precision.INT8_WEIGHT: _blocks,
    Precision.INT4_WEIGHT: _blocks,
}


class _Reader:
    """Gives calibration sentences one at a time, as ONNX Runtime asks for them."""

    def __init__(self, fp32: Exported, calibration: Tokens, method: Calibration) -> None:
        # Its histograms are of all sentences at once, which must be of one length for that.
        whole = method is not Calibration.MIN_MAX
        self._rows = self._sentences(fp32, calibration, int(calibration.lengths.max()) if whole else None)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next sentence, or nothing behind the last."""
        return next(self._rows, None)

    def _sentences(self, fp32: Exported, calibration: Tokens, length_tokens: int | None) -> Iterator[dict[str, Any]]:
        for row in range(len(calibration)):
            yield fp32.graph.named(calibration.batch([row], length_tokens).by_role())


def _separate(path: Path) -> None:
    """Call each sum before a normalisation by another name of addition, which ONNX Runtime does not join with it.

    Its joined kernel takes some four times as long as the two it replaces (ONNX Runtime 1.32, x86).
    """
    import onnx

    model = onnx.load(str(path))
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        before = made_by.get(node.input[0]) if node.op_type == "LayerNormalization" else None
        if before is not None and before.op_type == "Add":
            before.op_type = "Sum"
    onnx.save(model, str(path))


def _prepared(model: Path, path: Path) -> Path:
    """Write the model with its shapes inferred beside the one to be."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_name(f"prepared-{path.name}")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    return prepared


def _bits(profile: Profile) -> str:
    return "7 of 8 bits used" if profile.saturates_int8 else "8 bits"


def _nodes(path: Path) -> list[Any]:
    import onnx

    return list(onnx.load(str(path)).graph.node)


def _left_out(path: Path, variant: Variant) -> list[str]:
    names = [node.name for node in _nodes(path) if is_of(node.name, variant.kept_in_float, NODES)]
    # The quantiser first makes a product and a sum of each Gemm, and calls the product so.
    return names + [f"{name}_MatMul" for name in names]


def _without_weights(path: Path) -> list[str]:
    """Return the products of two activations: queries with keys, and attention with values."""
    import onnx

    graph = onnx.load(str(path)).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [node.name for node in graph.node if node.op_type == "MatMul" and not weights & set(node.input)]


def _counts(path: Path) -> "Counter[str]":
    return Counter(node.op_type for node in _nodes(path))


def _kept(variant: Variant) -> tuple[str, ...]:
    return (f"in float: {', '.join(variant.kept_in_float)}",) if variant.kept_in_float else ()
