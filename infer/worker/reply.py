"""What a worker answers, read strictly: a worker may have been broken by the model it ran."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError, WorkerError
from contract.ragged import Ragged
from contract.regular import open_regular
from contract.strict import Strict, parse
from infer.outputs import Outputs
from infer.safety import npz
from infer.worker.state import Conditions, Memory

Document = TypeVar("Document", bound=Strict)


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

    @classmethod
    def read(cls, answer: dict[str, Any], _file: Path, source: str) -> Self:
        """Read a worker's answer; it writes no file for this one.

        Args:
            answer: as it came.
            source: the model's name, to begin an error with.

        Raises:
            WorkerError: it is not as agreed.
        """
        return _parsed(cls, answer, source)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputsReply:
    """Outputs of all sentences, and the memory they took."""

    process_ns: int
    outputs: Outputs
    memory: Memory

    @classmethod
    def read(cls, answer: dict[str, Any], file: Path, source: str) -> Self:
        """Read a worker's answer and the file it wrote.

        Args:
            answer: as it came.
            file: the .npz of the outputs.
            source: the model's name, to begin an error with.

        Raises:
            WorkerError: one of them is not as agreed.
        """
        told = _parsed(_Told, answer, source)
        return cls(process_ns=told.process_ns, outputs=_outputs_in(file, source), memory=told.memory)


class _Told(Strict):
    """What a worker says of its outputs beside their file."""

    process_ns: int
    memory: Memory


def _parsed(kind: type[Document], answer: dict[str, Any], source: str) -> Document:
    try:
        return parse(kind, answer, f"{source}: the worker's answer")
    except InputError as error:
        raise WorkerError(str(error)) from error


def _outputs_in(path: Path, source: str) -> Outputs:
    """Return the outputs of a worker's file, each with entries of shape (C,)."""
    try:
        with open_regular(path) as file:
            npz.check(file, path.stat().st_size, "its file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                found: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    except (InputError, OSError, ValueError) as error:
        raise WorkerError(f"{source}: the worker's outputs cannot be read ({error})") from error
    roles = sorted({name.rpartition(".")[0] for name in found})
    ragged = {role: _ragged(found.get(f"{role}.values"), found.get(f"{role}.offsets")) for role in roles}
    outputs = {role: array for role, array in ragged.items() if array is not None}
    counts = {len(array) for array in outputs.values()}
    if len(found) != 2 * len(outputs) or len(counts) != 1:
        held = ", ".join(f"{name}: {array.dtype} {array.shape}" for name, array in found.items()) or "nothing"
        raise WorkerError(f"{source}: the worker's outputs are not as agreed ({held})")
    return Outputs(arrays=outputs)


def _ragged(values: NDArray[Any] | None, offsets: NDArray[Any] | None) -> Ragged | None:
    if values is None or offsets is None:
        return None
    if values.dtype == np.float32 and values.ndim == 2 and offsets.dtype == np.int64:
        with suppress(ValueError):
            return Ragged(values=values, offsets=offsets)
    return None
