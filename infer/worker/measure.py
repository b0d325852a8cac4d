"""What a worker does with its job: time a model, or run it over all sentences.

NumPy, psutil, tokenizers, one runtime.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.digest import sha256_of_file
from contract.errors import InputError
from contract.ragged import Ragged
from contract.tokens import Tokens, read_tokens
from infer import runtimes
from infer.folders.graph import Tensor
from infer.folders.model import Model
from infer.inference import Sentence, infer
from infer.runtimes.protocol import Feed, Session
from infer.safety import model_file
from infer.worker import conditions, memory
from infer.worker.clock import Clock
from infer.worker.job import Job
from infer.worker.warmup import warm_up

Reply = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A loaded model with its sentences."""

    model: Model
    session: Session
    tokens: Tokens

    def infer(self, row: int) -> Feed:
        """Infer one sentence, as what answers a user does."""
        span = slice(self.tokens.offsets[row], self.tokens.offsets[row + 1])
        return infer(self.model, self.session, [Sentence(self.tokens.ids_T[span], self.tokens.types_T[span])])[0]

    def outputs(self) -> dict[str, Ragged]:
        """Infer every sentence, one at a time, and return each output by its role."""
        rows = [self.infer(row) for row in range(len(self.tokens))]
        return {
            tensor.role: ragged.from_rows([found[tensor.role] for found in rows], like=_empty(tensor))
            for tensor in self.model.graph.outputs
        }


def check_files(job: Job) -> None:
    """Check every file against its SHA-256, for no runtime notices a flipped bit in a model, and the model for itself.

    Raises:
        InputError: a file is missing or not the one that was meant, or the model refers to other files.
    """
    for name, expected in job.files.items():
        path = job.model.folder / name
        if not path.is_file():
            raise InputError(f"{path}: missing or not a regular file", "make or copy the folder again")
        if sha256_of_file(path) != expected:
            raise InputError(f"{path}: its SHA-256 is not the expected one", "make or copy the folder again")
    for graph in job.model.graphs.values():
        model_file.check(job.model.runtime, job.model.folder / graph.file)


def latency(job: Job, clock: Clock) -> Reply:
    """Time one model: import, load, first inference, and then each sentence of the job."""
    tokens, _ = read_tokens(Path(job.tokens))
    reply: Reply = {"import_ns": _timed(clock, runtimes.get(job.model.runtime).start)[0]}
    reply["load_ns"], session = _timed(clock, lambda: _load(job.model))
    subject = Subject(model=job.model, session=session, tokens=tokens)
    middle = _middle_row(tokens, job.rows)
    reply["first_infer_ns"], _ = _timed(clock, lambda: subject.infer(middle))
    encoders = _encoders(job, tokens)
    before_ns, before = clock.wall_ns(), conditions.read()
    _visit_lengths(subject, job.rows)
    stable = warm_up(partial(subject.infer, middle), job.warm_up, clock)
    tokenize_ns, infer_ns, cpu_ns = [], [], 0
    for row, encode in zip(job.rows, encoders, strict=True):
        tokenize_ns.append(_timed(clock, encode)[0])
        cpu_before_ns = clock.cpu_ns()
        infer_ns.append(_timed(clock, partial(subject.infer, row))[0])
        cpu_ns += clock.cpu_ns() - cpu_before_ns
    return {
        **reply,
        "tokenize_ns": tokenize_ns,
        "infer_ns": infer_ns,
        "cpu_ns": cpu_ns,
        "warmup_stable": stable,
        "threads_observed": conditions.threads(),
        "before": before,
        "after": conditions.read(),
        "observed_ns": clock.wall_ns() - before_ns,
    }


def outputs(job: Job, _clock: Clock) -> Reply:
    """Infer every sentence, one at a time, into the job's file, and tell what memory that took."""
    started_bytes = memory.resident_bytes()
    tokens, _ = read_tokens(Path(job.tokens))
    runtimes.get(job.model.runtime).start()
    imported_bytes = memory.resident_bytes()
    subject = Subject(model=job.model, session=_load(job.model), tokens=tokens)
    loaded_bytes = memory.resident_bytes()
    found = subject.outputs()
    peak_bytes, source = memory.peak_bytes()
    with Path(job.reply_file).open("wb") as file:
        np.savez(file, **_flat(found))  # type: ignore[arg-type]  # numpy's stub takes allow_pickle for an array
    return {
        "memory": {
            "started_bytes": started_bytes,
            "imported_bytes": imported_bytes,
            "loaded_bytes": loaded_bytes,
            "peak_bytes": peak_bytes,
            "source": source,
        },
    }


MODES: dict[str, Callable[[Job, Clock], Reply]] = {"latency": latency, "outputs": outputs}


def _load(model: Model) -> Session:
    return runtimes.get(model.runtime).load(model.folder, model.graph, threads=model.threads)


def _empty(tensor: Tensor) -> NDArray[Any]:
    """Return no entries of an output, whose type and further sizes are those of all its entries."""
    return np.empty((0, *(size for size in tensor.axes[1:] if isinstance(size, int))), tensor.dtype)


def _flat(found: dict[str, Ragged]) -> dict[str, NDArray[Any]]:
    """Return arrays by the names that infer.worker.reply reads."""
    parts = {role: {"values": array.values, "offsets": array.offsets} for role, array in found.items()}
    return {f"{role}.{part}": values for role, both in parts.items() for part, values in both.items()}


def _timed(clock: Clock, work: Callable[[], Any]) -> tuple[int, Any]:
    start_ns = clock.wall_ns()
    result = work()
    return clock.wall_ns() - start_ns, result


def _middle_row(tokens: Tokens, rows: tuple[int, ...]) -> int:
    """Return the sentence of middle length among those to be timed."""
    by_length = sorted(rows, key=lambda row: int(tokens.lengths[row]))
    return by_length[len(by_length) // 2]


def _visit_lengths(subject: Subject, rows: tuple[int, ...]) -> None:
    """Infer each length once: runtimes prepare something for each new one, which is not steady state."""
    lengths = subject.tokens.lengths
    for row in {subject.session.padded_length(int(lengths[row])): row for row in rows}.values():
        subject.infer(row)


def _encoders(job: Job, tokens: Tokens) -> list[Callable[[], object]]:
    """Return for each row a function that tokenizes its text, which is rebuilt from the token ids."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(job.tokenizer)
    tokenizer.no_padding()
    encoders: list[Callable[[], object]] = []
    for row in job.rows:
        span = slice(tokens.offsets[row], tokens.offsets[row + 1])
        ids, types = tokens.ids_T[span], tokens.types_T[span]
        texts = [tokenizer.decode(part.tolist()) for part in (ids[types == 0], ids[types == 1]) if len(part)]
        encoders.append(partial(tokenizer.encode, texts[0], texts[1] if len(texts) > 1 else None))
    encoders[0]()  # the first call of a tokenizer is slower than all others
    return encoders
