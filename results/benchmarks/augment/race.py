"""The ways in turn, round after round, and their table."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from distill.augment.candidates import candidates
from distill.augment.draw import new_rows
from distill.augment.masked_lm import MaskedLM
from distill.data.rows import labelled
from distill.recipe.augmentation import Augmentation
from results.benchmarks import texts as files
from results.benchmarks.augment import masked_lm, one_at_a_time
from results.benchmarks.augment.one_at_a_time import Choices
from results.benchmarks.spread import ratios, spread

Way = Callable[[], Choices]


def run(arguments: argparse.Namespace) -> None:
    """Time all ways and print the table."""
    torch.set_num_threads(arguments.threads)
    texts = _read(arguments)
    lm = masked_lm.make(arguments)
    settings = Augmentation()
    ways = _ways(texts, settings, lm)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    words = 0
    for _ in range(arguments.rounds):
        found = {name: _timed(way, texts, settings, seconds[name]) for name, way in ways.items()}
        assert found["batched, a word a time"] == found["one at a time"], "they answer differently"
        words = sum(map(len, found["batched"]))
    shape = f"{arguments.layers} layers, {arguments.width} wide, {len(lm.words_V)} tokens"
    print(f"{words} words in {len(texts)} texts; {shape}; threads: {arguments.threads}; rounds: {arguments.rounds}\n")
    print(_table(seconds, words))


def _read(arguments: argparse.Namespace) -> list[str]:
    texts = [row[arguments.column] for row in files.rows(arguments.texts)]
    # Spread over the file, whose rows may be in some order.
    return texts[:: max(1, len(texts) // arguments.sentences)][: arguments.sentences]


def _ways(texts: Sequence[str], settings: Augmentation, lm: MaskedLM) -> dict[str, Way]:
    alone = Augmentation(masked_share=0)
    return {
        "batched": lambda: candidates(texts, settings, lm, None),
        "batched, a word a time": lambda: candidates(texts, alone, lm, None),
        "one at a time": lambda: one_at_a_time.candidates(texts, settings, lm, one_at_a_time.ask),
        "authors' way": lambda: one_at_a_time.candidates(texts, settings, lm, one_at_a_time.ask_as_the_authors),
    }


def _timed(way: Way, texts: Sequence[str], settings: Augmentation, seconds: list[float]) -> Choices:
    rows = labelled(texts, None, np.zeros(len(texts), dtype=np.int64))
    start = time.perf_counter()
    found = way()
    new_rows(rows, dict(zip(texts, found, strict=True)), settings, seed=0)
    seconds.append(time.perf_counter() - start)
    return found


def _table(seconds: Mapping[str, Sequence[float]], words: int) -> str:
    lines = ["| way | ms a word, median | times as long as batched, median (lowest to highest) |", "|---|---:|---:|"]
    for name, found in seconds.items():
        cells = f"{statistics.median(found) / words * 1000:.2f} | {spread(ratios(found, seconds['batched']), 1)}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
