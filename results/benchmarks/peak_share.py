"""The share of the processor's int8 peak that a student's int8 models reach.

    python -m results.benchmarks.peak_share STUDENT ARTIFACTS/*-int8 --length 128 --threads 1

The peak is the best rate of one product of 8-bit integers, 128 x 384 x 1536, in ONNX Runtime. The work is the necessary
work: the matrix products of the student rewritten to compute the last layer for [CLS] alone, as PyTorch counts them,
with a multiplication and an addition as two operations; attention is included, which int8 models compute in float. A
model's rate is that work divided by its median time. All models take turns, round by round, in one process.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

SHAPE_MKN = (128, 384, 1536)
WARM_UP, TIMED = 5, 20


def product(threads: int) -> Callable[[], Any]:
    """Return a call of ONNX Runtime's product of 8-bit integers with constant weights."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    m, k, n = SHAPE_MKN
    generator = np.random.default_rng(0)
    weights_KN = generator.integers(-63, 64, (k, n)).astype(np.int8)  # 7 bits, which saturate on no processor
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["rows", "weights"], ["sums"])],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, [m, k])],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, [m, n])],
        [numpy_helper.from_array(weights_KN, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return partial(session.run, None, {"rows": generator.integers(0, 256, (m, k)).astype(np.uint8)})


def inference(folder: Path, length_tokens: int, threads: int) -> Callable[[], Any]:
    """Return a call of an artifact's runtime for one sentence of this length, prepared for it alone."""
    from contract.tokens import from_rows
    from infer import runtimes
    from infer.folders.artifact import read_artifact

    artifact = read_artifact(folder)
    runtime = runtimes.get(artifact.runtime)
    runtime.start()
    session = runtime.load(folder, artifact.graph.padded_to((length_tokens,)), threads=threads)
    ids = np.arange(1, length_tokens + 1)  # the words do not matter for the speed
    return partial(session.run, from_rows([ids], [np.zeros_like(ids)]).batch([0]).by_role())


def work_flops(student: Path, length_tokens: int) -> int:
    """Count the operations of the necessary products for one sentence."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from convert.classifier import example, load
    from infer.folders.rewrite import Rewrite

    classifier = load(student, (Rewrite.FIRST_TOKEN,))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        classifier(*example(1, length_tokens, torch.int64))
    return int(counter.get_total_flops())


def _median_and_best_s(call: Callable[[], Any]) -> tuple[float, float]:
    for _ in range(WARM_UP):
        call()
    samples_s = []
    for _ in range(TIMED):
        start_s = time.perf_counter()
        call()
        samples_s.append(time.perf_counter() - start_s)
    return statistics.median(samples_s), min(samples_s)


def measure(arguments: argparse.Namespace) -> tuple[float, dict[Path, float]]:
    """Time the product and all models in turn; return the product's best time and the models' medians, in seconds."""
    call = product(arguments.threads)
    models = {folder: inference(folder, arguments.length, arguments.threads) for folder in arguments.artifacts}
    best_s = float("inf")
    medians_s: dict[Path, list[float]] = {folder: [] for folder in models}
    for _ in range(arguments.rounds):
        best_s = min(best_s, _median_and_best_s(call)[1])
        for folder, infer in models.items():
            medians_s[folder].append(_median_and_best_s(infer)[0])
    return best_s, {folder: statistics.median(rounds_s) for folder, rounds_s in medians_s.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", type=Path)
    parser.add_argument("artifacts", nargs="+", type=Path)
    parser.add_argument("--length", type=int, default=128, help="in tokens; a bucket of the TFLite models")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    work = work_flops(arguments.student, arguments.length)
    best_s, medians_s = measure(arguments)
    peak = 2 * int(np.prod(SHAPE_MKN)) / best_s
    print(f"Peak {peak / 1e9:.0f} GFLOP/s, work {work / 1e9:.3f} GFLOP, threads: {arguments.threads}\n")
    print("| Model | ms | GFLOP/s | share of the peak (%) |\n|---|---:|---:|---:|")
    for folder, infer_s in medians_s.items():
        row = f"{infer_s * 1e3:.2f} | {work / infer_s / 1e9:.0f} | {100 * work / infer_s / peak:.0f}"
        print(f"| {folder.parent.name}/{folder.name} | {row} |")


if __name__ == "__main__":
    main()
