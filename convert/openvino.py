"""The converter for OpenVINO: one IR model for any batch and length, which a device may fix to some lengths."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contract.errors import InputError, needs_extra
from contract.tokens import Tokens
from convert import verdicts
from convert.converter import EXTRA, Exported, Verdict
from convert.operations import Nodes, pattern
from infer.folders.graph import encoder
from infer.folders.rewrite import Calibration, Rewrite
from infer.folders.variant import Variant
from infer.runtimes.openvino import forbid_telemetry
from infer.safety.openvino_ir import PRECISION_HINT
from targets.profile import Arch, Precision, Profile

LIBRARIES: tuple[str, ...] = ("nncf", "openvino", "torch", "transformers")
MODEL_FILE = "model.xml"
TRACED_LENGTH_TOKENS = 8
CALIBRATIONS: Mapping[Precision, tuple[Calibration, ...]] = {}
NODES = Nodes(layer=r"layer\.{layer}\.", classifier=r"(?:[pP]ooler|student\.classifier)")
GROUP_WEIGHTS = 32  # 4-bit weights that share a scale
DYNAMIC = "their inputs: int8, 32 to a scale, at run time with AVX-512, otherwise fp32 (OpenVINO decides)"


def offer(precision: Precision, profile: Profile) -> Verdict:
    """Return whether the processor supports a precision."""
    return {
        Precision.FP32: verdicts.FP32,
        Precision.FP16: Verdict(True, "stored in half the bytes, computed in fp16")
        if "fp16" in profile.isa_features
        else verdicts.FP16_STORED,
        Precision.INT8: verdicts.int8(profile, saturates=True),
        Precision.INT8_STATIC: Verdict(False, "OpenVINO's int8 is already static"),
        Precision.INT8_WEIGHT: Verdict(
            True, "a quarter of the bytes; with AVX-512 inputs are quantised at run time, otherwise computed in fp32"
        ),
        Precision.INT4_WEIGHT: Verdict(True, "an eighth of the bytes; OpenVINO has x86-64 kernels for it")
        if profile.arch is Arch.X86_64
        else verdicts.NO_INT4,
    }[precision]


def depends_on(variant: Variant, profile: Profile) -> dict[str, Any]:
    """Return whether half precision is also used for computation."""
    return {"has_fp16": "fp16" in profile.isa_features} if variant.precision is Precision.FP16 else {}


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return no lengths: the model takes any."""
    del profile, max_length_tokens
    return ()


def export(
    student: Path, destination: Path, *, rewrites: tuple[Rewrite, ...], lengths_tokens: tuple[int, ...]
) -> Exported:
    """Write model.xml and model.bin."""
    forbid_telemetry()
    with needs_extra(EXTRA):
        import openvino
        import torch

        from convert.classifier import example, load, output_layout
    classifier = load(student, rewrites)
    inputs = example(2, TRACED_LENGTH_TOKENS, torch.int64)
    columns, by_token = output_layout(classifier, inputs)
    graph = encoder(MODEL_FILE, columns=columns, by_token=by_token, source_lengths=lengths_tokens)
    model = openvino.convert_model(
        classifier,
        example_input=inputs,
        input=[openvino.PartialShape([-1, -1])] * len(graph.inputs),
    )
    for port, tensor in zip(model.inputs, graph.inputs, strict=True):
        port.get_node().set_friendly_name(tensor.name)
        port.get_tensor().set_names({tensor.name})
    for port, tensor in zip(model.outputs, graph.outputs, strict=True):
        port.get_tensor().set_names({tensor.name})
    _save(model, destination)
    return Exported(graph=graph, rewrites=classifier.rewrites)


def quantize(
    source: Path, fp32: Exported, destination: Path, *, variant: Variant, profile: Profile, calibration: Tokens
) -> Exported:
    """Write model.xml and model.bin in another precision."""
    quantise = QUANTIZERS.get(variant.precision)
    if quantise is None:
        raise InputError(f"{variant.precision} is not supported for OpenVINO", "choose another precision")
    forbid_telemetry()
    with needs_extra(EXTRA):
        import openvino
    model = openvino.Core().read_model(source / fp32.graph.file)
    quantised, ledger = quantise(model, fp32, variant, profile, calibration)
    half = variant.precision is Precision.FP16
    _save(quantised, destination, half=half, computed_in=_computed_in(half, profile))
    kept = (f"in float: {', '.join(variant.kept_in_float)}",) if variant.kept_in_float else ()
    graph = replace(fp32.graph, file=MODEL_FILE)
    return fp32.model_copy(update={"graph": graph, "quantization": (*ledger, *kept)})


def _quantize_half(
    model: Any, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[Any, tuple[str, ...]]:
    del fp32, variant, calibration
    return model, (f"weights: half precision, computed in {_computed_in(True, profile)} where the processor can",)


def _quantize_static(
    model: Any, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[Any, tuple[str, ...]]:
    with needs_extra(EXTRA):
        import nncf
    samples = [fp32.graph.named(calibration.batch([row]).by_role()) for row in range(len(calibration))]
    quantised = nncf.quantize(
        model,
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
        ignored_scope=_ignored_scope(variant),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.ENABLE if profile.saturates_int8 else nncf.OverflowFix.DISABLE
        ),
    )
    bits = "7 of 8 bits of weights used" if profile.saturates_int8 else "8 bits"
    points = sum(operation.get_type_name() == "FakeQuantize" for operation in quantised.get_ops())
    return quantised, (
        f"weights and activations: int8, post-training (NNCF, transformer), {bits}, {points} points",
        f"activation ranges: measured on {len(samples)} training sentences, {int(calibration.lengths.sum())} tokens",
    )


def _quantize_weights(
    model: Any, fp32: Exported, variant: Variant, profile: Profile, calibration: Tokens
) -> tuple[Any, tuple[str, ...]]:
    del fp32, profile, calibration
    with needs_extra(EXTRA):
        import nncf
    if variant.precision is Precision.INT8_WEIGHT:
        compressed = nncf.compress_weights(
            model, mode=nncf.CompressWeightsMode.INT8_ASYM, ignored_scope=_ignored_scope(variant)
        )
        return compressed, ("weights: int8, asymmetric, per channel (NNCF)", DYNAMIC)
    compressed = nncf.compress_weights(
        model,
        mode=nncf.CompressWeightsMode.INT4_SYM,
        group_size=GROUP_WEIGHTS,
        all_layers=True,
        ignored_scope=_ignored_scope(variant),
        advanced_parameters=nncf.AdvancedCompressionParameters(
            # Widths such as 312 are not a multiple of the group size.
            group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST
        ),
    )
    return compressed, (f"weights: 4 bits, symmetric, {GROUP_WEIGHTS} to a scale (NNCF)", DYNAMIC)


QUANTIZERS: dict[Precision, Callable[[Any, Exported, Variant, Profile, Tokens], tuple[Any, tuple[str, ...]]]] = {
    Precision.FP16: _quantize_half,
    Precision.INT8: _quantize_static,
    Precision.INT8_WEIGHT: _quantize_weights,
    Precision.INT4_WEIGHT: _quantize_weights,
}


def _ignored_scope(variant: Variant) -> Any:
    import nncf

    patterns = [f".*{pattern(name, NODES)}.*" for name in variant.kept_in_float]
    return nncf.IgnoredScope(patterns=patterns, validate=False) if patterns else None


def _computed_in(half: bool, profile: Profile) -> str:
    """Return OpenVINO's name of the floating-point type used for computation."""
    return "f16" if half and "fp16" in profile.isa_features else "f32"


def _save(model: Any, destination: Path, *, half: bool = False, computed_in: str = "f32") -> None:
    import openvino

    model.set_rt_info(computed_in, list(PRECISION_HINT))
    # By default, half precision would be stored.
    openvino.save_model(model, destination / MODEL_FILE, compress_to_fp16=half)
