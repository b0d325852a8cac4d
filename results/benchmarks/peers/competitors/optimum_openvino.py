"""Optimum's models for OpenVINO: its export, int8 of weights and activations, and int8 of weights alone."""

import argparse
import random

import nncf
import numpy as np
from numpy.typing import NDArray
from optimum.intel import OVConfig, OVModelForSequenceClassification, OVQuantizationConfig, OVQuantizer
from optimum.intel import OVWeightQuantizationConfig as OVWeights

from infer.folders.graph import ROLES
from results.benchmarks import texts

OPTIONS = {"compile": False, "local_files_only": True}


def make(arguments: argparse.Namespace) -> None:
    """Write a student's models, each to its own folder."""
    exported = arguments.out / "optimum-openvino-fp32"
    OVModelForSequenceClassification.from_pretrained(arguments.student, export=True, **OPTIONS).save_pretrained(
        exported
    )
    samples = _calibration(arguments)
    configurations = {
        "ptq": (OVQuantizationConfig(num_samples=len(samples)), nncf.Dataset(samples)),
        "weights": (OVWeights(bits=8), None),
    }
    for name, (configuration, dataset) in configurations.items():
        model = OVModelForSequenceClassification.from_pretrained(exported, export=False, **OPTIONS)
        OVQuantizer.from_pretrained(model).quantize(
            calibration_dataset=dataset,
            ov_config=OVConfig(quantization_config=configuration),
            save_directory=arguments.out / f"optimum-openvino-{name}",
        )


def _calibration(arguments: argparse.Namespace) -> list[dict[str, NDArray[np.int64]]]:
    """Return the inputs of some texts, each of shape (1, L)."""
    all_texts = [row[arguments.column] for row in texts.rows(arguments.texts)]
    drawn = random.Random(0).sample(all_texts, min(arguments.calibration_sentences, len(all_texts)))
    tokenizer = texts.tokenizer(arguments.student / "tokenizer.json", arguments.cut_tokens)
    encoded = [tokenizer.encode(text) for text in drawn]
    rows = [(encoding.ids, encoding.attention_mask, encoding.type_ids) for encoding in encoded]
    return [{name: np.array([ids]) for name, ids in zip(ROLES, row, strict=True)} for row in rows]
