"""Time all models in turn, round by round."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from infer import runtimes
from results.benchmarks.peers import agreement, pipeline, sentences, table, worker
from results.benchmarks.peers.model import Peer, read
from results.benchmarks.peers.sentences import Sentences
from results.benchmarks.peers.times import Times

Timing = Callable[[], tuple[float, float]]  # times one model; returns the two numbers of one round


def run(arguments: argparse.Namespace) -> None:
    """Measure models in turn and print the tables."""
    read_peer = partial(read, threads=arguments.threads, student=arguments.student)
    models = [read_peer(argument) for argument in arguments.models]
    if arguments.fixed:
        models += [model.fixed(arguments.length) for model in models if model.is_artifact and not model.source_lengths]
    baseline = arguments.baseline or models[0].name
    _check(models, baseline)
    agreements = agreement.compare(models, read_peer(str(arguments.student)), arguments)
    times = _measure(models, arguments)
    table.print_head(models, arguments)
    for length in arguments.length:
        table.print_table(models, length, baseline, times, agreements)


def _check(models: Sequence[Peer], baseline: str) -> None:
    names = [model.name for model in models]
    if len(set(names)) < len(names) or baseline not in names:
        raise SystemExit(f"error: the models' names must differ, and one must be the baseline ({baseline}): {names}")
    for peer in models:
        runtimes.require(peer.model.runtime)


def _measure(models: Sequence[Peer], arguments: argparse.Namespace) -> Times:
    times = Times()
    with TemporaryDirectory(prefix="peers-") as scratch:
        lengths = [sentences.join(length, Path(scratch), arguments) for length in arguments.length]
        for number in range(arguments.rounds):
            print(f"Round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for of_length in lengths:
                timings = _timings(models, of_length, arguments)
                for name in reversed(timings) if number % 2 else timings:
                    times.add(of_length.length_tokens, name, *timings[name]())
    return times


def _timings(models: Sequence[Peer], of_length: Sentences, arguments: argparse.Namespace) -> dict[str, Timing]:
    """Return a function for each model that accepts the length, which times it in a fresh process."""
    timings: dict[str, Timing] = {
        model.name: partial(worker.time, model, of_length, arguments.student)
        for model in models
        if model.accepts(of_length.length_tokens)
    }
    if arguments.bert_base:
        timings[pipeline.NAME] = partial(pipeline.time, of_length, arguments.student, arguments.threads)
    return timings
