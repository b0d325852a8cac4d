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
    """Write the models of a student, each to a folder of its own."""
    exported = arguments.out / "optimum-openvino-fp32"
    OVModelForSequenceClassification.from_pretrained(arguments.student, export=True, **OPTIONS).save_pretrained(
        exported
    )
    samples = _calibration(arguments)
    ways = {
        "ptq": (OVQuantizationConfig(num_samples=len(samples)), nncf.Dataset(samples)),
        "weights": (OVWeights(bits=8), None),
    }
    for name, (configuration, dataset) in ways.items():
        model = OVModelForSequenceClassification.from_pretrained(exported, export=False, **OPTIONS)
        OVQuantizer.from_pretrained(model).quantize(
            calibration_dataset=dataset,
            ov_config=OVConfig(quantization_config=configuration),
            save_directory=arguments.out / f"optimum-openvino-{name}",
        )


def _calibration(arguments: argparse.Namespace) -> list[dict[str, NDArray[np.int64]]]:
    """Return the inputs of some texts, one text each, of shape (1, L)."""
    known = [row[arguments.column] for row in texts.rows(arguments.texts)]
    drawn = random.Random(0).sample(known, min(arguments.calibration_sentences, len(known)))
    tokenizer = texts.tokenizer(arguments.student / "tokenizer.json", arguments.cut_tokens)
    encoded = [tokenizer.encode(text) for text in drawn]
    found = [(one.ids, one.attention_mask, one.type_ids) for one in encoded]
    return [{name: np.array([ids]) for name, ids in zip(ROLES, one, strict=True)} for one in found]
