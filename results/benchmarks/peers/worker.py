"""Time a model in a fresh process, as `tinybert bench` times an artifact."""

import statistics
from pathlib import Path

from infer.folders.artifact import TOKENIZER
from infer.worker.client import run_worker
from infer.worker.job import Job
from infer.worker.reply import LatencyReply
from results.benchmarks.peers.model import Peer
from results.benchmarks.peers.sentences import Sentences


def time(peer: Peer, sentences: Sentences, student: Path) -> tuple[float, float]:
    """Return the median milliseconds of inference, and of tokenisation and inference."""
    job = Job(
        mode="latency",
        model=peer.model,
        tokens=str(sentences.path),
        tokenizer=str(student.resolve() / TOKENIZER),
        rows=tuple(range(len(sentences.texts))),
        files={},
    )
    reply = run_worker(job, LatencyReply)
    whole_ns = [sum(pair) for pair in zip(reply.tokenize_ns, reply.infer_ns, strict=True)]
    return statistics.median(reply.infer_ns) / 1e6, statistics.median(whole_ns) / 1e6
