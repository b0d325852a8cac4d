"""The converter for LiteRT: one TFLite file with a signature for each length bucket, batch 1, shared weights."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import InputError, needs_extra
from contract.tokens import Tokens, from_rows
from convert import verdicts
from convert.buckets import buckets_for
from convert.converter import EXTRA, Exported, Verdict
from convert.operations import CLASSIFIER, EMBEDDINGS, Nodes, pattern
from infer.folders.graph import Graph, encoder
from infer.folders.rewrite import Calibration, Rewrite
from infer.folders.variant import Variant
from infer.runtimes.tflite import LAYOUT
from targets.profile import Precision, Profile

LIBRARIES: tuple[str, ...] = ("ai-edge-quantizer", "litert-torch", "torch", "transformers")
MODEL_FILE = "model.tflite"
CALIBRATIONS: Mapping[Precision, tuple[Calibration, ...]] = {}
# The last product has the output's name.
NODES = Nodes(layer=r"Layer_{layer}/", classifier=r"(?:[pP]ooler|_classifier(?:[/;]|$)|_output_0_output)")
BORROWED = 16  # calibration sentences for a signature that is not the shortest fit of any


def offer(precision: Precision, profile: Profile) -> Verdict:
    """Return whether the processor supports a precision."""
    return {
        Precision.FP32: verdicts.FP32,
        Precision.FP16: verdicts.FP16_STORED,
        Precision.INT8: verdicts.int8(profile, saturates=False),
        Precision.INT8_STATIC: verdicts.int8_static(profile, saturates=False),
        Precision.INT8_WEIGHT: verdicts.INT8_STORED,
        Precision.INT4_WEIGHT: verdicts.NO_INT4,
    }[precision]


def depends_on(variant: Variant, profile: Profile) -> dict[str, Any]:
    """Return no properties: everything that the files depend on is already in the key."""
    del variant, profile
    return {}


def lengths(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return the profile's buckets up to the first that fits the student's longest sentence.

    Raises:
        InputError: no bucket fits.
    """
    buckets = buckets_for(profile, max_length_tokens)
    if not buckets:
        raise InputError(
            f"target {profile.name}: its longest length bucket, {profile.length_buckets_tokens[-1]} tokens, is shorter "
            f"than the student's longest sentence, {max_length_tokens} tokens",
            "add a bucket to the target's length_buckets_tokens, or distil with a smaller max_length_tokens",
        )
    return buckets


def export(
    student: Path, destination: Path, *, rewrites: tuple[Rewrite, ...], lengths_tokens: tuple[int, ...]
) -> Exported:
    """Write model.tflite with the signatures `seq16`, `seq32`, ... of batch 1, which share their weights."""
    with needs_extra(EXTRA):
        import litert_torch
        import torch

        from convert.classifier import example, load, output_layout
        from distill.model.positions import longest
    classifier = load(student, rewrites)
    # A student with fewer position embeddings takes nothing longer, not even padding.
    buckets = tuple(sorted({min(length, longest(classifier.student)) for length in lengths_tokens}))
    columns, by_token = output_layout(classifier, example(1, buckets[0], torch.int32))
    graph = encoder(MODEL_FILE, columns=columns, by_token=by_token, layout=LAYOUT, source_lengths=buckets)
    signatures = litert_torch
    for length in buckets:
        signatures = signatures.signature(graph.entry_for(length), classifier, example(1, length, torch.int32))
    signatures.convert().export(str(destination / MODEL_FILE))
    return Exported(graph=graph, rewrites=classifier.rewrites)


def quantize(
    source: Path, fp32: Exported, destination: Path, *, variant: Variant, profile: Profile, calibration: Tokens
) -> Exported:
    """Write model.tflite in another precision."""
    configure = QUANTIZERS.get(variant.precision)
    if configure is None:
        raise InputError(f"{variant.precision} is not supported for LiteRT", "choose another precision")
    with needs_extra(EXTRA):
        from ai_edge_quantizer import quantizer, recipe_manager

        from convert.shrink import shrink
    recipe = recipe_manager.RecipeManager()
    ledger = configure(recipe, profile)
    for name in variant.kept_in_float:
        _exclude(recipe, pattern(name, NODES))
    work = quantizer.Quantizer(str(source / fp32.graph.file), recipe.get_quantization_recipe())
    ranges = None
    if work.need_calibration:
        ranges = work.calibrate(_samples(fp32, calibration))
        ledger += (f"ranges: measured on {len(calibration)} training sentences, padded or cut to the model's lengths",)
    work.quantize(ranges).export_model(str(destination / MODEL_FILE), overwrite=True)
    shrink(destination / MODEL_FILE)
    if variant.kept_in_float:
        ledger += (f"in float: {', '.join(variant.kept_in_float)}",)
    return fp32.model_copy(update={"graph": replace(fp32.graph, file=MODEL_FILE), "quantization": ledger})


def _configure_half(recipe: Any, profile: Profile) -> tuple[str, ...]:
    del profile
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    recipe.add_quantization_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key=AlgorithmName.FLOAT_CASTING,
    )
    return ("weights: half precision, read into fp32",)


def _configure_dynamic(recipe: Any, profile: Profile) -> tuple[str, ...]:
    from ai_edge_quantizer import qtyping

    granularity, scales = _granularity(profile)
    recipe.add_dynamic_config(
        regex=".*", operation_name=qtyping.TFLOperationName.ALL_SUPPORTED, num_bits=8, granularity=granularity
    )
    return (f"weights: int8, symmetric, {scales} (ai-edge-quantizer)", "their inputs: int8, at run time")


def _configure_static(recipe: Any, profile: Profile) -> tuple[str, ...]:
    from ai_edge_quantizer import qtyping

    names = qtyping.TFLOperationName
    granularity, scales = _granularity(profile)
    # Only products with weights: with all operations static, the mask and the sums in normalisation cost accuracy.
    recipe.add_static_config(
        regex=".*",
        operation_name=names.FULLY_CONNECTED,
        activation_num_bits=8,
        weight_num_bits=8,
        weight_granularity=granularity,
    )
    # Its output is the model's output, which stays float.
    _exclude(recipe, pattern(CLASSIFIER, NODES))
    for name, operation in ((CLASSIFIER, names.FULLY_CONNECTED), (EMBEDDINGS, names.EMBEDDING_LOOKUP)):
        recipe.add_dynamic_config(
            regex=pattern(name, NODES), operation_name=operation, num_bits=8, granularity=granularity
        )
    return (
        f"weights of products: int8, symmetric, {scales} (ai-edge-quantizer); activations: int8, per tensor",
        "tables: int8; the classifier's inputs: int8, at run time",
    )


def _granularity(profile: Profile) -> tuple[Any, str]:
    """Return the granularity of a weight's scales, and its description."""
    from ai_edge_quantizer import qtyping

    if profile.needs_scale_per_tensor:
        return qtyping.QuantGranularity.TENSORWISE, "per tensor, as tflite-runtime 2.14 computes others wrongly"
    return qtyping.QuantGranularity.CHANNELWISE, "per channel"


def _configure_weights(recipe: Any, profile: Profile) -> tuple[str, ...]:
    del profile
    from ai_edge_quantizer import qtyping

    recipe.add_weight_only_config(regex=".*", operation_name=qtyping.TFLOperationName.ALL_SUPPORTED, num_bits=8)
    return ("weights: int8, symmetric, per channel (ai-edge-quantizer), computed in fp32",)


QUANTIZERS: dict[Precision, Callable[[Any, Profile], tuple[str, ...]]] = {
    Precision.FP16: _configure_half,
    Precision.INT8: _configure_dynamic,
    Precision.INT8_STATIC: _configure_static,
    Precision.INT8_WEIGHT: _configure_weights,
}


def _exclude(recipe: Any, regex: str) -> None:
    """Exclude operations from quantisation, overriding earlier rules."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    recipe.add_quantization_config(
        regex=regex, operation_name=qtyping.TFLOperationName.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE
    )


def _samples(fp32: Exported, calibration: Tokens) -> dict[str, list[dict[str, Any]]]:
    """Return the calibration sentences by signature, each in the shortest signature that fits it.

    Every signature needs sentences: one without any gets those nearest to its length, cut to it.
    """
    graph, buckets = fp32.graph, fp32.graph.source_lengths
    rows: dict[int, list[int]] = {bucket: [] for bucket in buckets}
    for row, length in enumerate(calibration.lengths):
        rows[next((bucket for bucket in buckets if bucket >= length), buckets[-1])].append(row)
    for bucket in buckets:
        nearest = np.abs(calibration.lengths - bucket).argsort(kind="stable")
        rows[bucket] = rows[bucket] or nearest[:BORROWED].tolist()
    return {
        graph.entry_for(bucket): [_sample(graph, calibration, row, bucket) for row in rows[bucket]]
        for bucket in buckets
    }


def _sample(graph: Graph, calibration: Tokens, row: int, bucket: int) -> dict[str, Any]:
    sentence = calibration.take([row])
    cut = from_rows([sentence.ids_T[:bucket]], [sentence.types_T[:bucket]])
    return graph.named(cut.batch([0], bucket).by_role())
