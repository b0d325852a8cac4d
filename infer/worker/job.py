"""The job of a worker. Standard library only, because the client and the worker share it."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from infer.folders import model as models
from infer.folders.model import Model

Mode = Literal["latency", "outputs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmUp:
    """When a warm-up ends, after pyperf's rule: the medians of the last two windows agree.

    Attributes:
        calls: minimum number of inferences.
        lasting_ns: minimum duration.
        cap_ns: maximum duration; a warm-up that reaches it counts as unstable.
        agreement: largest relative difference of the two medians.
    """

    calls: int = 10
    lasting_ns: int = 500_000_000
    cap_ns: int = 3_000_000_000
    agreement: float = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The job of one worker.

    Attributes:
        mode: `latency` times some sentences; `outputs` runs all of them and measures memory.
        model: the model to run.
        tokens: path of the .npz with the sentences.
        tokenizer: path of tokenizer.json; only for `latency`.
        rows: numbers of the sentences to time, in order; only for `latency`.
        reply_file: path of the .npz to write the outputs to, which are too large for an answer; only for `outputs`.
        files: expected SHA-256 of each file that will be read, by path below the model's folder.
        asked_ns: the shared clock just before the process was started.
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
