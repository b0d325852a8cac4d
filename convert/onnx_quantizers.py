"""The quantisers of ONNX models, by precision."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from contract.errors import needs_extra
from contract.tokens import Tokens
from convert.converter import EXTRA, Exported
from convert.onnx_tables import quantize_tables
from convert.operations import Nodes, belongs_to
from infer.folders.rewrite import Calibration
from infer.folders.variant import Variant
from targets.profile import Precision, Profile

# Without the depthwise convolutions of a slim student: their few weights save nothing, and ONNX Runtime's integer
# convolution is slower than the fp32 one.
QUANTISED = ("MatMul",)
NODES = Nodes(layer=r"layer\.{layer}/", classifier=r"(?:[pP]ooler|student/classifier)")
BLOCK_WEIGHTS = 32  # weights that share a scale; the smallest block that ONNX Runtime has fast kernels for
INT8_ACTIVATIONS = 4  # MatMulNBits' accuracy level for products of 8-bit integers


def _quantize_dynamic(
    model: Path, path: Path, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[str, ...]:
    del fp32, calibration
    with needs_extra(EXTRA):
        from onnxruntime.quantization import QuantType, quantize_dynamic
    prepared = _with_shapes(model, path)
    excluded = _excluded_nodes(prepared, variant)
    tables = quantize_tables(prepared, excluded)
    quantize_dynamic(
        str(prepared),
        str(path),
        per_channel=True,
        op_types_to_quantize=list(QUANTISED),
        weight_type=QuantType.QInt8,
        reduce_range=profile.saturates_int8,
        nodes_to_exclude=excluded,
        # Shape inference does not see the types of weights behind fused nodes.
        extra_options={"DefaultTensorType": 1},
    )
    prepared.unlink()
    counts = _operation_counts(path)
    return (
        f"{counts['MatMulInteger']} matrix products: weights int8, symmetric, per channel, {_describe_bits(profile)}",
        f"their inputs: uint8, asymmetric, per tensor, at run time ({counts['DynamicQuantizeLinear']} points)",
        _describe_tables(tables),
        *_describe_kept(variant),
    )


def _quantize_static(
    model: Path, path: Path, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[str, ...]:
    with needs_extra(EXTRA):
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    methods = {
        Calibration.MIN_MAX: CalibrationMethod.MinMax,
        Calibration.PERCENTILE: CalibrationMethod.Percentile,
        Calibration.ENTROPY: CalibrationMethod.Entropy,
    }
    prepared = _with_shapes(model, path)
    excluded = _excluded_nodes(prepared, variant)
    tables = quantize_tables(prepared, excluded)
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
        nodes_to_exclude=excluded + _activation_products(prepared),
        calibrate_method=methods[variant.calibration],
    )
    prepared.unlink()
    counts = _operation_counts(path)
    return (
        f"weights: int8, symmetric, per channel, {_describe_bits(profile)}; activations: uint8, per tensor",
        f"{counts['QuantizeLinear']} ranges: {variant.calibration} of {len(calibration)} training sentences, "
        f"{int(calibration.lengths.sum())} tokens",
        _describe_tables(tables),
        *_describe_kept(variant),
    )


def _quantize_blocks(
    model: Path, path: Path, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[str, ...]:
    del fp32, profile, calibration
    with needs_extra(EXTRA):
        import onnx
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
    bits = 4 if variant.precision is Precision.INT4_WEIGHT else 8
    prepared = _with_shapes(model, path)
    excluded = _excluded_nodes(prepared, variant)
    tables = quantize_tables(prepared, excluded) if bits == 8 else 0
    settings = DefaultWeightOnlyQuantConfig(
        block_size=BLOCK_WEIGHTS,
        is_symmetric=True,
        accuracy_level=INT8_ACTIVATIONS,
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul", "Gather") if bits == 4 else ("MatMul",),
        bits=bits,
    )
    work = MatMulNBitsQuantizer(onnx.load(str(prepared)), nodes_to_exclude=excluded, algo_config=settings)
    work.process()
    onnx.save(work.model.model, str(path))
    prepared.unlink()
    counts = _operation_counts(path)
    four_bits = f"{counts['GatherBlockQuantized']} tables: 4 bits, {BLOCK_WEIGHTS} to a scale"
    return (
        f"{counts['MatMulNBits']} matrix products: weights {bits} bits, symmetric, {BLOCK_WEIGHTS} to a scale",
        _describe_tables(tables) if bits == 8 else four_bits,
        *_describe_kept(variant),
    )


class _Reader:
    """Feeds calibration sentences to ONNX Runtime, one at a time."""

    def __init__(self, fp32: Exported, calibration: Tokens, method: Calibration) -> None:
        # Histograms collect all sentences at once, so these must have the same length.
        needs_padding = method is not Calibration.MIN_MAX
        length_tokens = int(calibration.lengths.max()) if needs_padding else None
        self._rows = self._sentences(fp32, calibration, length_tokens)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next sentence, or None after the last."""
        return next(self._rows, None)

    def _sentences(self, fp32: Exported, calibration: Tokens, length_tokens: int | None) -> Iterator[dict[str, Any]]:
        for row in range(len(calibration)):
            yield fp32.graph.named(calibration.batch([row], length_tokens).by_role())


def _with_shapes(model: Path, path: Path) -> Path:
    """Write the model with inferred shapes next to the output path."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_name(f"prepared-{path.name}")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    return prepared


def _describe_bits(profile: Profile) -> str:
    return "7 of 8 bits used" if profile.saturates_int8 else "8 bits"


def _nodes(path: Path) -> list[Any]:
    import onnx

    return list(onnx.load(str(path)).graph.node)


def _excluded_nodes(path: Path, variant: Variant) -> list[str]:
    names = [node.name for node in _nodes(path) if belongs_to(node.name, variant.kept_in_float, NODES)]
    # The quantiser first splits each Gemm into a sum and a product with this name.
    return names + [f"{name}_MatMul" for name in names]


def _activation_products(path: Path) -> list[str]:
    """Return the products without weights: queries with keys, and attention with values."""
    import onnx

    graph = onnx.load(str(path)).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [node.name for node in graph.node if node.op_type == "MatMul" and not weights & set(node.input)]


def _operation_counts(path: Path) -> "Counter[str]":
    return Counter(node.op_type for node in _nodes(path))


def _describe_tables(tables: int) -> str:
    return f"{tables} tables: int8, symmetric, per row, dequantised when read"


def _describe_kept(variant: Variant) -> tuple[str, ...]:
    return (f"in float: {', '.join(variant.kept_in_float)}",) if variant.kept_in_float else ()


QUANTIZERS: dict[Precision, Callable[[Path, Path, Exported, Variant, Profile, Tokens], tuple[str, ...]]] = {
    Precision.INT8: _quantize_dynamic,
    Precision.INT8_STATIC: _quantize_static,
    Precision.INT8_WEIGHT: _quantize_blocks,
    Precision.INT4_WEIGHT: _quantize_blocks,
}
