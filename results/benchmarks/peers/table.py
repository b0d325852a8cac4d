"""One table for each length, with models as rows."""

import argparse
import statistics
from collections.abc import Mapping, Sequence

from bench.machine import fingerprint
from infer import runtimes
from results.benchmarks.peers import pipeline
from results.benchmarks.peers.agreement import Agreement
from results.benchmarks.peers.model import Peer
from results.benchmarks.peers.times import Times
from results.benchmarks.spread import ratios, spread


def print_head(models: Sequence[Peer], arguments: argparse.Namespace) -> None:
    """Print what was measured, on which machine and how."""
    machine = fingerprint()
    versions = {peer.model.runtime: runtimes.version(peer.model.runtime) for peer in models}
    print(f"{machine.label}; {' '.join(machine.isa_features)}.")
    print(", ".join(f"{name} {version}" for name, version in versions.items()) + ".")
    print(
        f"Batch 1, threads: {arguments.threads}, {arguments.rounds} rounds of {arguments.sentences} sentences, "
        "medians. A ratio is how many times as fast, median of the rounds (lowest to highest)."
    )


def print_table(
    models: Sequence[Peer], length: int, baseline: str, times: Times, agreements: Mapping[str, Agreement]
) -> None:
    """Print the table of one length."""
    pipeline_ms = times.whole_ms[length, pipeline.NAME]
    head = ["model", "MB", "ms", f"ratio to {baseline}", "student's label", "right"]
    head += ["tokenise + infer, ms", "ratio to BERT-base"] if pipeline_ms else []
    print(f"\n{length} tokens:\n\n| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    base_ms = times.infer_ms[length, baseline]
    for model in models:
        infer_ms, agreement = times.infer_ms[length, model.name], agreements[model.name]
        cells = [model.name, f"{model.size_bytes / 1e6:.1f}", _median(infer_ms), _ratio(base_ms, infer_ms)]
        cells += [f"{agreement.as_student} of {agreement.total}"]
        cells += ["" if agreement.right is None else f"{agreement.right} of {agreement.total}"]
        if pipeline_ms:
            whole_ms = times.whole_ms[length, model.name]
            cells += [_median(whole_ms), _ratio(pipeline_ms, whole_ms)]
        print(f"| {' | '.join(cells)} |")
    if pipeline_ms:
        print(f"| {pipeline.NAME} | | | | | | {_median(pipeline_ms)} | 1.00 |")


def _median(values_ms: Sequence[float]) -> str:
    return f"{statistics.median(values_ms):.2f}" if values_ms else ""


def _ratio(base_ms: Sequence[float], values_ms: Sequence[float]) -> str:
    return spread(ratios(base_ms, values_ms), 2) if base_ms and values_ms else ""
