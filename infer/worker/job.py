"""What a worker is asked to do. Standard library only: it is what the two processes share."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from infer.folders import model as models
from infer.folders.model import Model

Mode = Literal["latency", "outputs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmUp:
    """When steady state is reached, after pyperf's rule: the medians of the last two windows agree.

    Attributes:
        calls: at least so many inferences.
        lasting_ns: at least so long.
        cap_ns: at most so long; then it counts as not settled.
        agreement: largest difference of the two medians, as a share.
    """

    calls: int = 10
    lasting_ns: int = 500_000_000
    cap_ns: int = 3_000_000_000
    agreement: float = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One worker's task.

    Attributes:
        mode: `latency` times some sentences; `outputs` runs all of them, and tells memory.
        model: what to run.
        tokens: the .npz with the sentences.
        tokenizer: tokenizer.json; needed for latency only.
        rows: the sentences to time, in order.
        reply_file: the .npz to write the outputs to, which are too large for an answer; needed for outputs only.
        files: expected SHA-256 of every file below the model's folder that will be read.
        asked_ns: the shared clock just before the process was asked for.
    """

    mode: Mode
    model: Model
    tokens: str
    tokenizer: str = ""
    rows: tuple[int, ...] = ()
    reply_file: str = ""
    files: dict[str, str]
    warm_up: WarmUp = WarmUp()
    asked_ns: int = 0


def write(job: Job) -> str:
    """Return a job as JSON."""
    return json.dumps(asdict(job), default=str)  # the folder is a path


def read(text: str) -> Job:
    """Read a job.

    Raises:
        KeyError, TypeError, ValueError: not JSON, or not a job.
    """
    values: dict[str, Any] = json.loads(text)
    unknown = sorted(set(values) - {field.name for field in fields(Job)})
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} in a job")
    return Job(
        **{
            **values,
            "model": models.read(values["model"]),
            "rows": tuple(values.get("rows", ())),
            "warm_up": WarmUp(**values.get("warm_up", {})),
        }
    )
