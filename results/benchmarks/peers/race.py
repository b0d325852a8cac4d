"""All models in turn, round by round."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from infer import runtimes
from results.benchmarks.peers import answers, pipeline, sentences, table, worker
from results.benchmarks.peers.model import Peer, read
from results.benchmarks.peers.sentences import Sentences
from results.benchmarks.peers.times import Times

Way = Callable[[], tuple[float, float]]  # times one model; the two numbers of one round


def run(arguments: argparse.Namespace) -> None:
    """Measure models in turn and print the tables."""
    known = partial(read, threads=arguments.threads, student=arguments.student)
    models = [known(argument) for argument in arguments.models]
    if arguments.fixed:
        models += [model.fixed(arguments.length) for model in models if model.is_own and not model.source_lengths]
    baseline = arguments.baseline or models[0].name
    _check(models, baseline)
    found = answers.compare(models, known(str(arguments.student)), arguments)
    times = _measure(models, arguments)
    table.print_head(models, arguments)
    for length in arguments.length:
        table.print_table(models, length, baseline, times, found)


def _check(models: Sequence[Peer], baseline: str) -> None:
    names = [model.name for model in models]
    if len(set(names)) < len(names) or baseline not in names:
        raise SystemExit(f"error: models need names of their own, one that of the baseline ({baseline}): {names}")
    for peer in models:
        runtimes.require(peer.model.runtime)


def _measure(models: Sequence[Peer], arguments: argparse.Namespace) -> Times:
    times = Times()
    with TemporaryDirectory(prefix="peers-") as scratch:
        lengths = [sentences.join(length, Path(scratch), arguments) for length in arguments.length]
        for number in range(arguments.rounds):
            print(f"Round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for some in lengths:
                ways = _ways(models, some, arguments)
                for name in reversed(ways) if number % 2 else ways:
                    times.add(some.length_tokens, name, *ways[name]())
    return times


def _ways(models: Sequence[Peer], some: Sentences, arguments: argparse.Namespace) -> dict[str, Way]:
    """Return how to time each model that takes the length, in a fresh process each."""
    ways: dict[str, Way] = {
        model.name: partial(worker.time, model, some, arguments.student)
        for model in models
        if model.takes(some.length_tokens)
    }
    if arguments.bert_base:
        ways[pipeline.NAME] = partial(pipeline.time, some, arguments.student, arguments.threads)
    return ways
