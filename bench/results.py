"""The records of a session on disk: one JSON file a model, below the target's name."""

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bench.accuracy import correlate, judge
from bench.plan import Plan
from bench.record import Accuracy, Correlation, Record
from bench.subject import Subject
from bench.trial import Trial
from bench.validity import judge_record
from contract.errors import InputError
from contract.files import write_atomic
from contract.progress import note
from contract.strict import read_json
from infer import runtimes
from infer.packed import PackedLogits
from infer.worker.reply import OutputsReply


def write(plan: Plan, trials: Sequence[Trial], out: Path) -> list[Path]:
    """Write the records of measured models.

    Args:
        plan: the session.
        trials: those of its models that were measured to the end.
        out: the results folder.

    Returns:
        The files, in the order of the trials.

    Raises:
        InputError: a model's outputs do not belong to its labels; nothing was written.
    """
    now = datetime.now(UTC)
    session = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    records = [
        (place(plan, trial.subject, out), _record(plan, trial, trial.reply, session, now))
        for trial in trials
        if trial.reply is not None
    ]
    for path, record in records:
        earlier = _read(path)
        if earlier is not None and len(earlier.blocks) > len(record.blocks):
            note(f"{path}: a record of {len(earlier.blocks)} blocks gives way to one of {len(record.blocks)}")
        write_atomic(path, record.model_dump_json() + "\n")
    return [path for path, _ in records]


def place(plan: Plan, subject: Subject, out: Path) -> Path:
    """Return the file of a subject's record."""
    name = re.sub(r"[^\w.-]+", "-", f"{subject.name}-{subject.label}")
    return out / plan.target / f"{name}-{subject.sha256[:8]}.json"


def find_session(plan: Plan, out: Path) -> list[Path] | None:
    """Return the records that a plan would write again, if all of them are there from one session."""
    paths = [place(plan, trial.subject, out) for trial in plan.trials]
    sessions = set()
    for trial, path in zip(plan.trials, paths, strict=True):
        record = _read(path)
        if record is None or not _is_same(record, trial, plan):
            return None
        sessions.add(record.session)
    return paths if len(sessions) == 1 else None


def _read(path: Path) -> Record | None:
    with suppress(InputError):
        return read_json(path, Record) if path.is_file() else None
    return None  # of an older layout: it is measured again


def _is_same(record: Record, trial: Trial, plan: Plan) -> bool:
    usable = record.validity != "invalid" or bool(plan.foreign)
    return (
        usable
        and record.model_sha256 == trial.subject.sha256
        and record.target == plan.target
        and record.machine == plan.machine
        and record.threads == trial.threads
        and record.runtime_version == runtimes.version(trial.subject.runtime)
        and tuple(block.rows for block in record.blocks) == plan.rows_by_block
        and (record.judged is None) == (trial.answers is None)
    )


def _record(plan: Plan, trial: Trial, reply: OutputsReply, session: str, now: datetime) -> Record:
    subject = trial.subject
    validity, causes = judge_record(trial.blocks, foreign=plan.foreign)
    judged = _judged(trial, reply)
    return Record(
        schema_version=1,
        session=session,
        measured_at=now.isoformat(timespec="seconds"),
        command=_command(plan),
        kind=subject.kind,
        name=subject.name,
        task=subject.task,
        label_names=subject.label_names,
        runtime=subject.runtime,
        runtime_version=runtimes.version(subject.runtime),
        precision=subject.precision,
        target=plan.target,
        threads=trial.threads,
        model_sha256=subject.sha256,
        student_sha256=subject.student_sha256,
        parameters=_parameters(trial),
        size_bytes=subject.size_bytes,
        machine=plan.machine,
        blocks=tuple(trial.blocks),
        memory=reply.memory,
        outputs=PackedLogits.of(reply.outputs.logits.values),
        accuracy=judged if isinstance(judged, Accuracy) else None,
        correlation=judged if isinstance(judged, Correlation) else None,
        validity=validity,
        causes=causes,
    )


def _command(plan: Plan) -> str:
    """Return the command that does the same; folders by name only, as their place says nothing elsewhere."""
    folders = " ".join(trial.subject.folder.name for trial in plan.trials)
    settings = plan.settings
    return (
        f"tinybert bench {folders} --target {plan.target} --blocks {settings.blocks} "
        f"--sentences {settings.sentences_per_block} --seed {settings.seed}"
    )


def _parameters(trial: Trial) -> int | None:
    if trial.subject.parameters is None and trial.answers is not None:
        return trial.answers.student.parameters
    return trial.subject.parameters


def _judged(trial: Trial, reply: OutputsReply) -> Accuracy | Correlation | None:
    if trial.answers is None:
        return None
    evaluation = trial.answers.evaluation
    is_teacher = trial.subject.kind == "teacher"
    against = correlate if trial.subject.task == "regression" else judge
    return against(
        reply.outputs.logits.values,
        evaluation.labels_N,
        evaluation.teacher_logits_NC,
        None if is_teacher else evaluation.student_logits_NC,
    )
