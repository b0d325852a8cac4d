"""Latency and labels of this project's artifacts, compared with models that other tools make of the same classifier.

Optimum needs an older transformers and so its own environment; LiteRT's models are made in this project's
environment. Run both from the repository's root:

    pip install optimum-onnx 'optimum-intel[openvino,nncf]'
    python -m results.benchmarks.peers make STUDENT PEERS --texts train.tsv
    python -m results.benchmarks.peers make-litert STUDENT PEERS --length 32 128

Then all models are measured in turn, round by round, in this project's environment:

    python -m results.benchmarks.peers time PEERS/*/*.{onnx,xml,tflite} ARTIFACTS/* --student STUDENT --texts dev.tsv

`make` calls Optimum as in its documentation, with default settings:

- ONNX: its export, and ORTQuantizer with AutoQuantizationConfig.avx512_vnni and avx2, dynamic, per tensor.
- OpenVINO: its export, OVQuantizer with OVQuantizationConfig (also activations, calibrated on 300 texts, by NNCF with
  model_type TRANSFORMER) and with OVWeightQuantizationConfig (weights alone), dynamic shapes.

Optimum has no LiteRT, so `make-litert` follows LiteRT's documentation: the model as transformers loads it,
litert-torch, a model for one length, and ai-edge-quantizer's dynamic int8. Shorter sentences are padded to that length.

`time` runs each model in a fresh process of `infer.worker.main`, with the same runtime settings for peers and
artifacts: ONNX Runtime's threads do not spin between inferences, and OpenVINO computes in f32 what is not int8, where
Optimum leaves the choice to the processor. Optimum's Python classes are left out, which favours its models. Real
sentences are timed, joined and cut to exactly the given length; labels are compared on the original sentences.
`--bert-base` adds BERT-base as an eager transformers pipeline, with the student's tokenizer and random weights, which
do not matter for the speed, and the times of tokenising and inferring together.
"""

import argparse
import os
from pathlib import Path

# Libraries that one environment lacks are imported where they are used.


def _make(arguments: argparse.Namespace) -> None:
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from results.benchmarks.peers.competitors import optimum_onnx, optimum_openvino

    for competitor in (optimum_onnx, optimum_openvino):
        competitor.make(arguments)


def _make_litert(arguments: argparse.Namespace) -> None:
    from results.benchmarks.peers.competitors import litert_torch

    litert_torch.make(arguments)


def _time(arguments: argparse.Namespace) -> None:
    from results.benchmarks.peers import race

    race.run(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make", help="Optimum's models of a student; in an environment with Optimum")
    making.set_defaults(run=_make)
    litert = commands.add_parser("make-litert", help="the plain LiteRT models of a student")
    litert.set_defaults(run=_make_litert)
    timing = commands.add_parser("time", help="measure models in turn")
    timing.set_defaults(run=_time)
    for command in (making, litert):
        command.add_argument("student", type=Path, help="a Hugging Face folder with tokenizer.json")
        command.add_argument("out", type=Path, help="the folder for the models, each in its own folder")
    for command in (making, timing):
        command.add_argument("--texts", type=Path, required=True, help="a TSV file with a header")
        command.add_argument(
            "--column",
            default="sentence",
            help="the column with the texts; a column `label` has the true labels, if any",
        )
        command.add_argument("--cut-tokens", type=int, default=128, help="where original sentences are cut")
    making.add_argument("--calibration-sentences", type=int, default=300)
    making.add_argument(
        "--configurations", nargs="+", default=["avx512_vnni", "avx2"], help="configurations of ORTQuantizer"
    )
    litert.add_argument("--length", type=int, nargs="+", default=[128], help="in tokens")
    timing.add_argument("models", nargs="+", help="[NAME=]: an .onnx, .xml or .tflite file, or a folder of a model")
    timing.add_argument("--student", type=Path, required=True, help="the student that all models were made from")
    timing.add_argument("--baseline", help="name of a model; the first if not given")
    timing.add_argument("--length", type=int, nargs="+", default=[32, 128], help="in tokens")
    timing.add_argument("--threads", type=int, default=1)
    timing.add_argument("--rounds", type=int, default=5)
    timing.add_argument("--sentences", type=int, default=40, help="number of sentences timed in each round")
    timing.add_argument("--answers", type=int, help="number of sentences to compare labels on; all if not given")
    timing.add_argument(
        "--fixed", action="store_true", help="also time this project's models prepared for these lengths alone"
    )
    timing.add_argument("--bert-base", action="store_true", help="add BERT-base in the transformers pipeline")
    return parser.parse_args()


def main() -> None:
    """Run the command."""
    arguments = _arguments()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
