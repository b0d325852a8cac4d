"""BERT-base as an eager transformers pipeline, from text to label."""

import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from results.benchmarks.peers.sentences import Sentences

NAME = "BERT-base, transformers pipeline"


def time(sentences: Sentences, student: Path, threads: int) -> tuple[float, float]:
    """Return NaN, as inference alone cannot be timed, and the median milliseconds of tokenising and inferring."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
        call_ns = fresh_process.submit(_call_ns, sentences, student, threads)
        return float("nan"), statistics.median(call_ns.result()) / 1e6


def _call_ns(sentences: Sentences, student: Path, threads: int) -> list[int]:
    """Time each sentence in this process."""
    from distill.silence import silence_libraries

    silence_libraries()
    import torch
    from transformers import BertConfig, BertForSequenceClassification, pipeline

    from distill.data.tokenise import load_tokenizer
    from infer.worker.clock import SYSTEM
    from infer.worker.job import WarmUp
    from infer.worker.warmup import warm_up

    torch.set_num_threads(threads)
    model = BertForSequenceClassification(BertConfig()).eval()
    call = partial(
        pipeline("text-classification", model=model, tokenizer=load_tokenizer(student), device="cpu"),
        truncation=True,
        max_length=sentences.length_tokens,
    )
    warm_up(lambda: call(sentences.texts[0]), WarmUp(), SYSTEM)
    samples_ns = []
    for text in sentences.texts:
        start_ns = SYSTEM.wall_ns()
        call(text)
        samples_ns.append(SYSTEM.wall_ns() - start_ns)
    return samples_ns
