"""Latency and answers of this project's artifacts beside what users make of the same classifier with other tools.

Peers are made in an environment of their own, as Optimum needs an older transformers, and in that of this project, both
from the repository's root:

    pip install optimum-onnx 'optimum-intel[openvino,nncf]'
    python -m results.benchmarks.peers make STUDENT PEERS --texts train.tsv
    python -m results.benchmarks.peers make-litert STUDENT PEERS --length 32 128

Then all are measured in turn, round by round, in the environment of this project:

    python -m results.benchmarks.peers time PEERS/*/*.{onnx,xml,tflite} ARTIFACTS/* --student STUDENT --texts dev.tsv

`make` calls Optimum as its documentation does, with its defaults:

- ONNX: its export, and ORTQuantizer with AutoQuantizationConfig.avx512_vnni and avx2, dynamic, per tensor.
- OpenVINO: its export, OVQuantizer with OVQuantizationConfig (activations too, calibrated on 300 texts, which is NNCF
  with model_type TRANSFORMER) and with OVWeightQuantizationConfig (weights alone), dynamic shapes.

Optimum has no LiteRT, so `make-litert` is what LiteRT's documentation has: the model as transformers loads it,
litert-torch, a model for one length, and ai-edge-quantizer's dynamic int8. Shorter sentences are padded to its length.

`time` runs each model in a fresh process of `infer.worker.main`, with the runtime's settings the same for peers and
artifacts: so ONNX Runtime's threads do not spin between inferences, and OpenVINO computes in f32 what is not int8,
where Optimum would leave it to the processor. Optimum's own Python classes are left out, which favours its models.
Sentences to time are real ones, joined and cut to exactly the length that is asked for; answers are those to the
sentences as they are. `--bert-base` adds BERT-base's shape as eager transformers pipeline, with the student's tokenizer
and random weights, as its answers do not matter for the speed, and the times of tokenising and inferring to compare.
"""

import argparse
import os
from pathlib import Path

# What the environments do not share is imported where it is used.


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
        command.add_argument("out", type=Path, help="the folder to write a folder for each model to")
    for command in (making, timing):
        command.add_argument("--texts", type=Path, required=True, help="a TSV file with a header")
        command.add_argument("--column", default="sentence", help="with the texts; true labels are in `label`, if any")
        command.add_argument("--cut-tokens", type=int, default=128, help="where sentences as they are, are cut")
    making.add_argument("--calibration-sentences", type=int, default=300)
    making.add_argument("--configurations", nargs="+", default=["avx512_vnni", "avx2"], help="of ORTQuantizer")
    litert.add_argument("--length", type=int, nargs="+", default=[128], help="in tokens")
    timing.add_argument("models", nargs="+", help="[NAME=]: an .onnx, .xml or .tflite file, or a folder of a model")
    timing.add_argument("--student", type=Path, required=True, help="what all are made of: its tokenizer and answers")
    timing.add_argument("--baseline", help="name of a model; the first if not given")
    timing.add_argument("--length", type=int, nargs="+", default=[32, 128], help="in tokens")
    timing.add_argument("--threads", type=int, default=1)
    timing.add_argument("--rounds", type=int, default=5)
    timing.add_argument("--sentences", type=int, default=40, help="timed in each round")
    timing.add_argument("--answers", type=int, help="how many sentences to compare answers on; all if not given")
    timing.add_argument(
        "--fixed", action="store_true", help="time this project's also prepared for these lengths alone"
    )
    timing.add_argument("--bert-base", action="store_true", help="add BERT-base in the transformers pipeline")
    return parser.parse_args()


def main() -> None:
    """Run the command that was asked for."""
    arguments = _arguments()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
