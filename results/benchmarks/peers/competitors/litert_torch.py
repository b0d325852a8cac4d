"""A student's LiteRT models as in LiteRT's documentation: fp32 and dynamic int8 for each length."""

import argparse

import torch
from ai_edge_quantizer import quantizer, recipe
from litert_torch import signature
from transformers import AutoModelForSequenceClassification


def make(arguments: argparse.Namespace) -> None:
    """Write a student's models, each to its own folder."""
    student = AutoModelForSequenceClassification.from_pretrained(
        arguments.student, dtype=torch.float32, local_files_only=True, return_dict=False
    ).eval()
    for length in arguments.length:
        fp32, int8 = (arguments.out / f"litert-torch-{length}-{kind}" / "model.tflite" for kind in ("fp32", "int8"))
        for path in (fp32, int8):
            path.parent.mkdir(parents=True, exist_ok=True)
        # Three different tensors, as litert-torch makes a single input of a tensor that is used twice.
        example = tuple(fill((1, length), dtype=torch.int32) for fill in (torch.ones, torch.ones, torch.zeros))
        signature(f"seq{length}", student, example).convert().export(str(fp32))
        work = quantizer.Quantizer(str(fp32))
        work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
        work.quantize().export_model(str(int8), overwrite=True)
