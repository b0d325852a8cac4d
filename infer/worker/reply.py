"""What a worker answers, read strictly: a worker may have been broken by the model it ran."""

import json
from typing import TypeVar

from contract.errors import InputError, WorkerError
from contract.strict import Strict, parse
from infer.packed import PackedLogits
from infer.worker.state import Conditions, Memory


class LatencyReply(Strict):
    """Times of one block; the fields are those of bench.record.Block.

    Attributes:
        observed_ns: time between the two looks at the machine's conditions.
    """

    process_ns: int
    import_ns: int
    load_ns: int
    first_infer_ns: int
    tokenize_ns: tuple[int, ...]
    infer_ns: tuple[int, ...]
    cpu_ns: int
    warmup_stable: bool
    threads_observed: int | None
    before: Conditions
    after: Conditions
    observed_ns: int


class OutputsReply(Strict):
    """Logits of all sentences, and the memory they took."""

    process_ns: int
    outputs: PackedLogits
    memory: Memory


class Failure(Strict):
    """An error in a worker."""

    exit_code: int
    cause: str
    cure: str


Kind = TypeVar("Kind", LatencyReply, OutputsReply)


def read(answer: bytes, kind: type[Kind], source: str) -> Kind:
    """Read a worker's answer.

    Args:
        answer: what it wrote to stdout.
        kind: the answer that was asked for.
        source: the model's name, to begin an error with.

    Raises:
        InputError: the worker refused its input.
        WorkerError: the worker failed, or did not answer as agreed.
    """
    try:
        value = json.loads(answer)
    except ValueError as error:
        raise WorkerError(f"{source}: the worker did not answer in JSON ({answer[:60]!r})") from error
    if isinstance(value, dict) and "error" in value:
        _refuse(value["error"], source)
    try:
        return parse(kind, value, f"{source}: the worker's answer")
    except InputError as error:
        raise WorkerError(str(error)) from error


def _refuse(value: object, source: str) -> None:
    try:
        failure = parse(Failure, value, f"{source}: the worker's error")
    except InputError as error:
        raise WorkerError(str(error)) from error
    if failure.exit_code == InputError.exit_code:
        raise InputError(failure.cause, failure.cure)
    raise WorkerError(f"{source}: {failure.cause}", failure.cure)
