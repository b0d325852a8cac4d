"""The modes of a worker: time a model, or run it on all sentences. NumPy, psutil, tokenizers, one runtime."""

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
from contract.tokens import Tokens, read_tokens
from infer import runtimes
from infer.folders.graph import Tensor
from infer.folders.model import Model
from infer.inference import Sentence, infer
from infer.outputs import Outputs
from infer.runtimes.protocol import Feed, Session
from infer.safety import model_file
from infer.worker import conditions, memory
from infer.worker.clock import Clock
from infer.worker.job import Job
from infer.worker.warmup import warm_up

Reply = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """A loaded model with the sentences to run it on."""

    model: Model
    session: Session
    tokens: Tokens

    def infer(self, row: int) -> Feed:
        """Infer one sentence, in the same way as for a user."""
        span = slice(self.tokens.offsets[row], self.tokens.offsets[row + 1])
        return infer(self.model, self.session, [Sentence(self.tokens.ids_T[span], self.tokens.types_T[span])])[0]

    def outputs(self) -> Outputs:
        """Infer every sentence by itself, and return each output by role."""
        rows = [self.infer(row) for row in range(len(self.tokens))]
        return Outputs(
            arrays={
                tensor.role: ragged.from_rows([arrays[tensor.role] for arrays in rows], like=_empty(tensor))
                for tensor in self.model.graph.outputs
            }
        )


def check_files(job: Job) -> None:
    """Check each file's SHA-256, because no runtime notices a flipped bit, and the safety of the model files.

    Raises:
        InputError: a file is missing or was changed, or the model refers to other files.
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
    model = LoadedModel(model=job.model, session=session, tokens=tokens)
    middle = _middle_row(tokens, job.rows)
    reply["first_infer_ns"], _ = _timed(clock, lambda: model.infer(middle))
    encoders = _encoders(job, tokens)
    before_ns, before = clock.wall_ns(), conditions.read()
    _infer_each_length(model, job.rows)
    stable = warm_up(partial(model.infer, middle), job.warm_up, clock)
    tokenize_ns, infer_ns, cpu_ns = [], [], 0
    for row, encode in zip(job.rows, encoders, strict=True):
        tokenize_ns.append(_timed(clock, encode)[0])
        cpu_before_ns = clock.cpu_ns()
        infer_ns.append(_timed(clock, partial(model.infer, row))[0])
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
    """Infer every sentence by itself, write the outputs to the job's file, and reply with the memory used."""
    started_bytes = memory.resident_bytes()
    tokens, _ = read_tokens(Path(job.tokens))
    runtimes.get(job.model.runtime).start()
    imported_bytes = memory.resident_bytes()
    model = LoadedModel(model=job.model, session=_load(job.model), tokens=tokens)
    loaded_bytes = memory.resident_bytes()
    answers = model.outputs()
    peak_bytes, source = memory.peak_bytes()
    with Path(job.reply_file).open("wb") as file:
        np.savez(file, **answers.flat())  # type: ignore[arg-type]  # numpy's stub takes these for allow_pickle
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
    """Return an array without entries, of an output's type and further sizes."""
    return np.empty((0, *(size for size in tensor.axes[1:] if isinstance(size, int))), tensor.dtype)


def _timed(clock: Clock, work: Callable[[], Any]) -> tuple[int, Any]:
    start_ns = clock.wall_ns()
    result = work()
    return clock.wall_ns() - start_ns, result


def _middle_row(tokens: Tokens, rows: tuple[int, ...]) -> int:
    """Return the row of middle length among those to time."""
    by_length = sorted(rows, key=lambda row: int(tokens.lengths[row]))
    return by_length[len(by_length) // 2]


def _infer_each_length(model: LoadedModel, rows: tuple[int, ...]) -> None:
    """Infer each padded length once, because runtimes do one-time work for each new length."""
    lengths = model.tokens.lengths
    for row in {model.session.padded_length(int(lengths[row])): row for row in rows}.values():
        model.infer(row)


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
    encoders[0]()  # a tokenizer's first call is slower than all others
    return encoders
