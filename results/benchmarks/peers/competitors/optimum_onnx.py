"""Optimum's models for ONNX Runtime: its export, and dynamic int8 in several configurations."""

import argparse

from optimum.onnxruntime import ORTModelForSequenceClassification, ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig


def make(arguments: argparse.Namespace) -> None:
    """Write a student's models, each to its own folder."""
    exported = arguments.out / "optimum-onnx-fp32"
    model = ORTModelForSequenceClassification.from_pretrained(arguments.student, export=True, local_files_only=True)
    model.save_pretrained(exported)
    for name in arguments.configurations:
        configuration = getattr(AutoQuantizationConfig, name)(is_static=False, per_channel=False)
        quantizer = ORTQuantizer.from_pretrained(exported)
        quantizer.quantize(save_dir=arguments.out / f"optimum-onnx-{name}", quantization_config=configuration)
