"""Sentences a second over a data set's own sentences, beside BERT-base in eager transformers padded to 128 tokens.

    python -m results.benchmarks.throughput ARTIFACTS/* --texts dev.tsv --threads 2

BERT-base has random weights, which do not matter for the speed, and answers the first `--base-sentences` sentences in
batches of 32. An artifact answers all, sorted by length, in batches of each size that is asked for, each padded to its
own longest sentence; a runtime with fixed lengths gets one at a time. Both times include the tokenizer. The ways run in
turn, round by round, each in a fresh process after a warm-up. FastFormers (arXiv 2010.13382) sums up a chain of such
savings on other processors.
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

Way = Callable[[], float]


def artifact_rate(folder: Path, texts: list[str], batch_size: int, threads: int) -> float:
    """Return the sentences an artifact answers in a second."""
    from contract.tokens import from_rows
    from infer import runtimes

    artifact = read_artifact(folder)
    runtime = runtimes.get(artifact.runtime)
    runtime.start()
    session = runtime.load(folder, artifact.graph, threads=threads)
    pad_id = artifact.model(folder).pad_id
    read = tokenizer(folder / TOKENIZER, artifact.tokenizer.max_length_tokens)

    def answer(some: list[str]) -> None:
        encoded = read.encode_batch_fast(some)
        tokens = from_rows([one.ids for one in encoded], [one.type_ids for one in encoded])
        order = np.argsort(tokens.lengths, kind="stable")
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size].tolist()
            length_tokens = session.padded_length(int(tokens.lengths[batch[-1]]))
            session.run(tokens.batch(batch, length_tokens, pad_id).by_role())

    return _rate(answer, texts)


def base_rate(texts: list[str], tokenizer_file: Path, threads: int) -> float:
    """Return the sentences BERT-base answers in a second."""
    import torch
    from transformers import AutoModelForSequenceClassification, BertConfig, PreTrainedTokenizerFast

    torch.set_num_threads(threads)
    model = AutoModelForSequenceClassification.from_config(BertConfig(), attn_implementation="eager").eval()
    read = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), pad_token="[PAD]")

    def answer(some: list[str]) -> None:
        for first in range(0, len(some), BASE_BATCH):
            batch = read(
                some[first : first + BASE_BATCH],
                padding="max_length",
                truncation=True,
                max_length=BASE_LENGTH_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                model(**batch)

    return _rate(answer, texts)


def _rate(answer: Callable[[list[str]], None], texts: list[str]) -> float:
    answer(texts[:BASE_BATCH])
    start_s = time.perf_counter()
    answer(texts)
    return len(texts) / (time.perf_counter() - start_s)


def ways_of(arguments: argparse.Namespace) -> dict[str, Way]:
    """Return what is measured by name: BERT-base, and each artifact with each batch size it can take."""
    texts = [row[arguments.column] for row in rows(arguments.texts)]
    tokenizer_file = arguments.artifacts[0] / TOKENIZER
    few = texts[: arguments.base_sentences]
    ways: dict[str, Way] = {BASE: partial(base_rate, few, tokenizer_file, arguments.threads)}
    for folder in arguments.artifacts:
        for size in [1] if read_artifact(folder).graph.source_lengths else arguments.batch:
            name = f"{folder.parent.name}/{folder.name}, batches of {size}"
            ways[name] = partial(artifact_rate, folder, texts, size, arguments.threads)
    return ways


def measure(ways: dict[str, Way], rounds: int) -> dict[str, list[float]]:
    """Run all ways in turn, each in a fresh process, every other round backwards."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        print(f"Round {number + 1} of {rounds}", file=sys.stderr)
        for name in reversed(ways) if number % 2 else ways:
            rates[name].append(_fresh(ways[name]))
    return rates


def _fresh(way: Way) -> float:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(way).result()


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
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)  # of the tokenizer
    rates = measure(ways_of(arguments), arguments.rounds)
    print("| Way | sentences a second | times BERT-base (lowest to highest) |\n|---|---:|---:|")
    for name, found in rates.items():
        print(f"| {name} | {statistics.median(found):,.0f} | {spread(ratios(found, rates[BASE]), 0)} |")


if __name__ == "__main__":
    main()
