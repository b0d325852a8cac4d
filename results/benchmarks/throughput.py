"""Sentences per second on a data set, compared with BERT-base in eager transformers padded to 128 tokens.

    python -m results.benchmarks.throughput ARTIFACTS/* --texts dev.tsv --threads 2

BERT-base has random weights, which do not matter for the speed, and runs the first `--base-sentences` sentences in
batches of 32. An artifact runs all sentences, sorted by length, in batches of each given size, padded to the longest
sentence of the batch; a runtime with fixed lengths runs them one at a time. Both times include the tokenizer. The
models take turns, round by round, each in a fresh process after a warm-up. FastFormers (arXiv 2010.13382) combines
such savings on other processors.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from infer.folders.artifact import TOKENIZER, read_artifact
from results.benchmarks.spread import ratios, spread
from results.benchmarks.texts import rows, tokenizer

BASE = "BERT-base, eager transformers, padded to 128"
BASE_BATCH, BASE_LENGTH_TOKENS = 32, 128

Rate = Callable[[], float]


def artifact_rate(folder: Path, texts: list[str], batch_size: int, threads: int) -> float:
    """Return the sentences per second of an artifact."""
    from contract.tokens import from_rows
    from infer import runtimes

    artifact = read_artifact(folder)
    runtime = runtimes.get(artifact.runtime)
    runtime.start()
    session = runtime.load(folder, artifact.graph, threads=threads)
    pad_id = artifact.model(folder).pad_id
    read = tokenizer(folder / TOKENIZER, artifact.tokenizer.max_length_tokens)

    def run(batch_texts: list[str]) -> None:
        encoded = read.encode_batch_fast(batch_texts)
        tokens = from_rows([encoding.ids for encoding in encoded], [encoding.type_ids for encoding in encoded])
        order = np.argsort(tokens.lengths, kind="stable")
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size].tolist()
            length_tokens = session.padded_length(int(tokens.lengths[batch[-1]]))
            session.run(tokens.batch(batch, length_tokens, pad_id).by_role())

    return _rate(run, texts)


def base_rate(texts: list[str], tokenizer_file: Path, threads: int) -> float:
    """Return the sentences per second of BERT-base."""
    import torch
    from transformers import AutoModelForSequenceClassification, BertConfig, PreTrainedTokenizerFast

    torch.set_num_threads(threads)
    model = AutoModelForSequenceClassification.from_config(BertConfig(), attn_implementation="eager").eval()
    read = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), pad_token="[PAD]")

    def run(batch_texts: list[str]) -> None:
        for first in range(0, len(batch_texts), BASE_BATCH):
            batch = read(
                batch_texts[first : first + BASE_BATCH],
                padding="max_length",
                truncation=True,
                max_length=BASE_LENGTH_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                model(**batch)

    return _rate(run, texts)


def _rate(run: Callable[[list[str]], None], texts: list[str]) -> float:
    run(texts[:BASE_BATCH])
    start_s = time.perf_counter()
    run(texts)
    return len(texts) / (time.perf_counter() - start_s)


def rates_of(arguments: argparse.Namespace) -> dict[str, Rate]:
    """Return a function that measures BERT-base, and one for each artifact and each batch size that it supports."""
    texts = [row[arguments.column] for row in rows(arguments.texts)]
    tokenizer_file = arguments.artifacts[0] / TOKENIZER
    base_texts = texts[: arguments.base_sentences]
    measurements: dict[str, Rate] = {BASE: partial(base_rate, base_texts, tokenizer_file, arguments.threads)}
    for folder in arguments.artifacts:
        for size in [1] if read_artifact(folder).graph.source_lengths else arguments.batch:
            name = f"{folder.parent.name}/{folder.name}, batches of {size}"
            measurements[name] = partial(artifact_rate, folder, texts, size, arguments.threads)
    return measurements


def measure(measurements: dict[str, Rate], rounds: int) -> dict[str, list[float]]:
    """Run all measurements in turn, each in a fresh process, every other round in reverse order."""
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    for number in range(rounds):
        print(f"Round {number + 1} of {rounds}", file=sys.stderr)
        for name in reversed(measurements) if number % 2 else measurements:
            rates[name].append(_in_fresh_process(measurements[name]))
    return rates


def _in_fresh_process(measurement: Rate) -> float:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measurement).result()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifacts", nargs="+", type=Path)
    parser.add_argument("--texts", type=Path, required=True, help="a TSV file with a header")
    parser.add_argument("--column", default="sentence")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base-sentences", type=int, default=96)
    arguments = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)  # for the tokenizer
    rates = measure(rates_of(arguments), arguments.rounds)
    print("| Model | sentences per second | times BERT-base (lowest to highest) |\n|---|---:|---:|")
    for name, rounds in rates.items():
        print(f"| {name} | {statistics.median(rounds):,.0f} | {spread(ratios(rounds, rates[BASE]), 0)} |")


if __name__ == "__main__":
    main()
