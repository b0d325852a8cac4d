"""What `load(artifact)` costs: its start, and each answer compared with a bare loop of tokenizer and runtime.

    python -m results.benchmarks.answers ONNX_ARTIFACT --texts dev.tsv --threads 2

The bare loop is what a user would write: `Tokenizer.encode`, three arrays, `InferenceSession.run`, a softmax. Both
answer the same texts one at a time in one process, in turn, each first in every second round, so that a disturbance
meets both. The start is that of fresh processes: import, load with every hash checked, first answer.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from results.benchmarks.spread import ratios, spread
from results.benchmarks.texts import rows

START = """
import json, sys, time
begun = time.perf_counter()
from tinybert_edge import load
imported = time.perf_counter()
model = load(sys.argv[1], threads=int(sys.argv[2]))
loaded = time.perf_counter()
model(sys.argv[3])
print(json.dumps([imported - begun, loaded - imported, time.perf_counter() - loaded]))
"""
ROUNDS = 20
STARTS = 9


def bare(artifact: Path, threads: int) -> Callable[[str], tuple[int, float]]:
    """Return a bare loop's step: the number of the best label of a text, and its probability."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    from infer.folders.artifact import read_artifact

    manifest = read_artifact(artifact)
    tokenizer = Tokenizer.from_file(str(artifact / manifest.tokenizer.file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest.tokenizer.max_length_tokens)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.force_spinning_stop", "1")  # as the artifact is run
    model = str(artifact / manifest.graph.file)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    ids, mask, types = (tensor.name for tensor in manifest.graph.inputs)

    def answer(text: str) -> tuple[int, float]:
        encoding = tokenizer.encode(text)
        feed = {
            ids: np.array([encoding.ids]),
            mask: np.array([encoding.attention_mask]),
            types: np.array([encoding.type_ids]),
        }
        logits_C = session.run(None, feed)[0][0]
        powers_C = np.exp(logits_C - logits_C.max())
        scores_C = powers_C / powers_C.sum()
        best = int(scores_C.argmax())
        return best, float(scores_C[best])

    return answer


def times_ns(
    texts: list[str], first: Callable[[str], Any], second: Callable[[str], Any]
) -> tuple[list[int], list[int]]:
    """Return the median nanoseconds of both by round."""
    medians: tuple[list[int], list[int]] = ([], [])
    for turn in range(-1, ROUNDS):  # the first round warms up
        taken: tuple[list[int], list[int]] = ([], [])
        for text in texts:
            for index in (0, 1) if turn % 2 else (1, 0):
                begun = time.perf_counter_ns()
                (first, second)[index](text)
                taken[index].append(time.perf_counter_ns() - begun)
        if turn >= 0:
            for median, sample in zip(medians, taken, strict=True):
                median.append(int(statistics.median(sample)))
    return medians


def starts_s(artifact: Path, threads: int, text: str) -> list[list[float]]:
    """Return the seconds of import, load and first answer in fresh processes."""
    command = [sys.executable, "-c", START, str(artifact), str(threads), text]
    run = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(STARTS)]
    return [json.loads(line) for line in run]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path, help="an ONNX artifact of a classifier")
    parser.add_argument("--texts", type=Path, required=True, help="a TSV file whose first column is the text")
    parser.add_argument("--rows", type=int, default=200, help="how many of its texts (default: 200)")
    parser.add_argument("--threads", type=int, default=1, help="threads of one inference (default: 1)")
    arguments = parser.parse_args()
    texts = [next(iter(row.values())) for row in islice(rows(arguments.texts), arguments.rows)]
    from tinybert_edge import load

    loop_ns, load_ns = times_ns(
        texts, bare(arguments.artifact, arguments.threads), load(arguments.artifact, threads=arguments.threads)
    )
    print(f"bare loop {statistics.median(loop_ns) / 1e6:.3f} ms, load {statistics.median(load_ns) / 1e6:.3f} ms")
    print(f"load / bare loop: {spread(ratios(load_ns, loop_ns), 3)}")
    starts = starts_s(arguments.artifact, arguments.threads, texts[0])
    parts = [statistics.median(part) for part in zip(*starts, strict=True)]
    print(f"import {parts[0]:.3f} s, load {parts[1]:.3f} s, first answer {parts[2]:.3f} s")
    print(f"together {statistics.median(map(sum, starts)):.3f} s")


if __name__ == "__main__":
    main()
