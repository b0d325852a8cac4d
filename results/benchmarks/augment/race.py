"""Time the methods in turn, round after round, and print their table."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from distill.augment.candidates import find_candidates
from distill.augment.masked_lm import MaskedLM
from distill.augment.sample import sample_rows
from distill.data.rows import labelled
from distill.recipe.augmentation import Augmentation
from results.benchmarks import texts as files
from results.benchmarks.augment import masked_lm, one_at_a_time
from results.benchmarks.augment.one_at_a_time import Choices
from results.benchmarks.spread import ratios, spread

Method = Callable[[], Choices]


def run(arguments: argparse.Namespace) -> None:
    """Time all methods and print the table."""
    torch.set_num_threads(arguments.threads)
    texts = _read(arguments)
    lm = masked_lm.make(arguments)
    settings = Augmentation()
    methods = _methods(texts, settings, lm)
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    words = 0
    for _ in range(arguments.rounds):
        choices = {name: _timed(method, texts, settings, seconds[name]) for name, method in methods.items()}
        assert choices["batched, a word a time"] == choices["one at a time"], "the candidates differ"
        words = sum(map(len, choices["batched"]))
    shape = f"{arguments.layers} layers, {arguments.width} wide, {len(lm.words_V)} tokens"
    print(f"{words} words in {len(texts)} texts; {shape}; threads: {arguments.threads}; rounds: {arguments.rounds}\n")
    print(_table(seconds, words))


def _read(arguments: argparse.Namespace) -> list[str]:
    texts = [row[arguments.column] for row in files.rows(arguments.texts)]
    # Spread over the whole file, as its rows may be sorted.
    return texts[:: max(1, len(texts) // arguments.sentences)][: arguments.sentences]


def _methods(texts: Sequence[str], settings: Augmentation, lm: MaskedLM) -> dict[str, Method]:
    alone = Augmentation(masked_share=0)
    return {
        "batched": lambda: find_candidates(texts, settings, lm, None),
        "batched, a word a time": lambda: find_candidates(texts, alone, lm, None),
        "one at a time": lambda: one_at_a_time.candidates(texts, settings, lm, one_at_a_time.predict),
        "authors' way": lambda: one_at_a_time.candidates(texts, settings, lm, one_at_a_time.predict_as_the_authors),
    }


def _timed(method: Method, texts: Sequence[str], settings: Augmentation, seconds: list[float]) -> Choices:
    rows = labelled(texts, None, np.zeros(len(texts), dtype=np.int64))
    start = time.perf_counter()
    choices = method()
    sample_rows(rows, dict(zip(texts, choices, strict=True)), settings, seed=0)
    seconds.append(time.perf_counter() - start)
    return choices


def _table(seconds: Mapping[str, Sequence[float]], words: int) -> str:
    lines = [
        "| method | ms per word, median | times as long as batched, median (lowest to highest) |",
        "|---|---:|---:|",
    ]
    for name, rounds_s in seconds.items():
        cells = f"{statistics.median(rounds_s) / words * 1000:.2f} | {spread(ratios(rounds_s, seconds['batched']), 1)}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
