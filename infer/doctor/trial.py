"""Tries a runtime: loads and runs its tiny models, each in a process of its own, so that nothing else crashes."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from contract.child import Limits, ask, command_of
from contract.errors import MissingExtraError, TinybertError, UnfinishedError, WorkerError, install
from infer import runtimes
from infer.doctor.compare import difference, judge
from infer.doctor.expected import TinyModel, models_of, unpacked
from infer.doctor.probe import IMPORT, STARTED
from infer.folders.artifact import EVALUATION
from infer.folders.model import Model
from infer.runtimes import RUNTIMES
from targets.doctor import Finding
from targets.profile import Precision, Profile, RuntimeName

COMMAND = command_of("infer.doctor.probe")
# Emulated boards take 13 s to compile a model of four layers.
TIMEOUT_S = 60.0
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}

State = Literal["works", "fails", "not installed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """How one model ran.

    Attributes:
        differs: the largest difference from what it should answer; None if it did not answer, or not in numbers.
        step: what it had come to.
        findings: what is wrong, or worth a note.
    """

    precision: Precision
    differs: float | None
    step: str
    findings: tuple[Finding, ...]

    @property
    def works(self) -> bool:
        """Whether it answered as it should."""
        return all(finding.severity != "error" for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A runtime that was tried.

    Attributes:
        version: the version of its library; empty if it is not installed.
    """

    runtime: RuntimeName
    version: str
    trials: tuple[Trial, ...]

    @property
    def state(self) -> State:
        """How it is, in words."""
        if not self.trials:
            return "not installed"
        return "works" if all(trial.works for trial in self.trials) else "fails"

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with it, or worth a note; what is so of all its models only once."""
        found = [finding for trial in self.trials for finding in trial.findings]
        without_model = [replace(finding, subject=self.runtime.value) for finding in found]
        merged = [
            alike if without_model.count(alike) == len(self.trials) > 1 else finding
            for finding, alike in zip(found, without_model, strict=True)
        ]
        return list(dict.fromkeys(merged))

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions that work."""
        return tuple(trial.precision for trial in self.trials if trial.works)


def try_runtime(
    runtime: RuntimeName, profile: Profile | None, *, timeout_s: float = TIMEOUT_S, command: Sequence[str] = COMMAND
) -> Tried:
    """Try a runtime's tiny models; one that fails hides nothing of the other, unless the library cannot be imported.

    Args:
        runtime: the runtime.
        profile: the device; None if no profile fits it.
        timeout_s: time after which a process is killed.
        command: the command that starts a process.

    Raises:
        InputError: this installation was changed.
    """
    try:
        runtimes.require(runtime)
    except MissingExtraError:
        return Tried(runtime=runtime, version="", trials=())
    trials: list[Trial] = []
    for model in models_of(runtime, profile):
        trials.append(_try_model(runtime, model, timeout_s, command))
        if trials[-1].step in (STARTED, IMPORT):
            break
    return Tried(runtime=runtime, version=runtimes.version(runtime), trials=tuple(trials))


def _try_model(runtime: RuntimeName, tiny: TinyModel, timeout_s: float, command: Sequence[str]) -> Trial:
    subject = f"{runtime} {tiny.precision}"
    with unpacked(tiny) as (folder, artifact), TemporaryDirectory(prefix="tinybert-") as scratch:
        step_file = Path(scratch) / "step"
        step_file.write_text(STARTED, encoding="utf-8")
        try:
            answer = _ask(artifact.model(folder), step_file, timeout_s, command)
            differs = difference(tiny, np.array(answer["logits"], np.float64))
        except (TinybertError, KeyError, TypeError, ValueError) as error:
            step = step_file.read_text(encoding="utf-8")
            finding = _failure(error, step, runtime, subject, folder)
            return Trial(precision=tiny.precision, differs=None, step=step, findings=(finding,))
        found = [judge(tiny, differs, subject), _slowness(str(answer.get("slowness", "")), subject)]
        step = step_file.read_text(encoding="utf-8")
    return Trial(precision=tiny.precision, differs=differs, step=step, findings=tuple(filter(None, found)))


def _ask(model: Model, step_file: Path, timeout_s: float, command: Sequence[str]) -> dict[str, Any]:
    job = {
        "model": asdict(replace(model, threads=1)),
        "tokens": str(model.folder / EVALUATION),
        "step_file": str(step_file),
    }
    return ask(
        command,
        json.dumps(job, default=str),  # the folder is a path
        name="its process",
        folder=step_file.parent,
        limits=Limits(seconds=timeout_s),
        environment=ENVIRONMENT,
    )


def _slowness(text: str, subject: str) -> Finding | None:
    if not text:
        return None
    cure = "let the process read /proc/cpuinfo and /sys/devices/system/cpu, or try another version"
    return Finding(subject=subject, severity="warning", cause=text, cure=cure)


def _failure(error: Exception, step: str, runtime: RuntimeName, subject: str, folder: Path) -> Finding:
    if not isinstance(error, TinybertError):
        error = WorkerError(f"its process gave an invalid answer ({type(error).__name__}: {error})")
    cure = error.cure or f"for the tested version, {install(RUNTIMES[runtime].extra)}"
    cause = ADDRESS.sub("", f"{step} failed: {error.cause}".replace(f"{folder}{os.sep}", ""))
    if isinstance(error, UnfinishedError):
        cure = error.cure or "close other programs and try again"
    return Finding(subject=subject, severity="error", cause=" ".join(cause.split()), cure=cure)
