"""The records of a session on disk: one JSON file per model, in a folder with the target's name."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from bench.measurement import Measurement
from bench.model_folder import ModelFolder
from bench.record import Overlap, Record, read_record
from bench.schedule import Schedule
from bench.validity import record_validity
from contract.errors import InputError
from contract.files import write_atomic
from contract.progress import note
from contract.ragged import Ragged
from infer import runtimes, tasks
from infer.folders.student import Evaluation
from infer.metrics.metric import Metric, Statistics, interval, paired_drop
from infer.outputs import Outputs
from infer.packed_array import PackedArray, PackedLogits
from infer.tasks import constant, evaluate
from infer.worker.reply import OutputsReply

# A file system takes 255 bytes; the rest is for what makes a name unique, and for the temporary file's own.
NAME_LIMIT_BYTES = 160
SHORTER = "-blocks"  # ends the file's name, after their number, where a longer measurement has the usual name


def write_records(
    schedule: Schedule, measurements: Sequence[Measurement], out: Path, *, interruptions: int = 0
) -> list[Path]:
    """Write the records of measured models.

    Args:
        schedule: the session.
        measurements: the finished measurements of the session.
        out: the results folder.
        interruptions: how often the session was interrupted and went on.

    Returns:
        The files, in the order of the measurements.

    Raises:
        InputError: a model's outputs do not belong to its labels; nothing was written.
    """
    now = datetime.now(UTC)
    session = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    records = [
        (
            record_path(schedule, measurement.folder, out, len(measurement.blocks)),
            _record(schedule, measurement, measurement.reply, session, now).model_copy(
                update={"interruptions": interruptions}
            ),
        )
        for measurement in measurements
        if measurement.reply is not None
    ]
    for path, record in records:
        if path.stem.endswith(SHORTER):
            note(f"{path}: written beside the record of a longer measurement of the same model")
        write_atomic(path, record.model_dump_json() + "\n")
    return [path for path, _ in records]


def record_path(schedule: Schedule, folder: ModelFolder, out: Path, blocks: int) -> Path:
    """Return the file of a model's record, which never takes the place of a measurement with more blocks."""
    name = f"{folder.name}-{folder.label}".encode()[:NAME_LIMIT_BYTES].decode(errors="ignore")
    path = out / schedule.target / f"{name}-{folder.sha256[:8]}.json"
    earlier = _read(path)
    return (
        path if earlier is None or len(earlier.blocks) <= blocks else path.with_stem(f"{path.stem}-{blocks}{SHORTER}")
    )


def check_writable(schedule: Schedule, out: Path) -> None:
    """Check that the records can be written, before anything is measured for them; nothing is left.

    Raises:
        InputError: the folder of the target cannot be written to.
    """
    folder = out / schedule.target
    missing: list[Path] = []
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix="." * (NAME_LIMIT_BYTES // 2)):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})", "choose another --out") from error
    finally:
        with suppress(OSError):  # some could not be made
            for path in missing:
                path.rmdir()


def find_records(schedule: Schedule, out: Path) -> list[Path] | None:
    """Return the existing records of a schedule, if all of them exist and are from one session."""
    blocks = schedule.settings.blocks
    paths = [record_path(schedule, measurement.folder, out, blocks) for measurement in schedule.measurements]
    sessions = set()
    for measurement, path in zip(schedule.measurements, paths, strict=True):
        record = _read(path)
        if record is None or not _is_same(record, measurement, schedule):
            return None
        sessions.add(record.session)
    return paths if len(sessions) == 1 else None


def _read(path: Path) -> Record | None:
    with suppress(InputError):
        return read_record(path) if path.is_file() else None
    return None  # not a record, or one that cannot be read here: the model is measured again


def _is_same(record: Record, measurement: Measurement, schedule: Schedule) -> bool:
    usable = record.validity != "invalid" or bool(schedule.mismatches)
    return (
        usable
        and record.model_sha256 == measurement.folder.sha256
        and record.target == schedule.target
        and record.machine == schedule.machine
        and record.threads == measurement.threads
        and record.runtime_version == runtimes.version(measurement.folder.runtime)
        and tuple(block.rows for block in record.blocks) == schedule.rows_by_block
        and record.metric == measurement.metric
        and (record.quality is None) == (measurement.references is None)
    )


def _record(schedule: Schedule, measurement: Measurement, reply: OutputsReply, session: str, now: datetime) -> Record:
    folder = measurement.folder
    validity, causes = record_validity(measurement.blocks, mismatches=schedule.mismatches, doubts=measurement.doubts)
    return Record(
        schema_version=2,
        session=session,
        measured_at=now.isoformat(timespec="seconds"),
        command=_command(schedule),
        kind=folder.kind,
        name=folder.name,
        task=folder.task,
        metric=measurement.metric,
        runtime=folder.runtime,
        runtime_version=runtimes.version(folder.runtime),
        precision=folder.precision,
        target=schedule.target,
        threads=measurement.threads,
        model_sha256=folder.sha256,
        student_sha256=folder.student_sha256,
        parameters=_parameters(measurement),
        size_bytes=folder.size_bytes,
        machine=schedule.machine,
        blocks=tuple(measurement.blocks),
        memory=reply.memory,
        validity=validity,
        causes=causes,
        **_quality(measurement, reply),
    )


def _command(schedule: Schedule) -> str:
    """Return the command that repeats the session; with folder names only, as paths mean nothing on other machines."""
    folders = " ".join(measurement.folder.path.name for measurement in schedule.measurements)
    settings = schedule.settings
    return (
        f"tinybert bench {folders} --target {schedule.target} --blocks {settings.blocks} "
        f"--sentences {settings.sentences_per_block} --seed {settings.seed}"
    )


def _parameters(measurement: Measurement) -> int | None:
    if measurement.folder.parameters is None and measurement.references is not None:
        return measurement.references.student.parameters
    return measurement.folder.parameters


def _quality(measurement: Measurement, reply: OutputsReply) -> dict[str, Any]:
    """Return a record's fields on quality; without references they are empty, and the raw outputs are kept."""
    if measurement.references is None:
        raw = PackedLogits.of(reply.outputs.logits.values)
        return dict(outputs=raw, examples=None, quality=None, drop=None, agreement={}, statistics=None)
    task, outputs, evaluation = measurement.folder.task, reply.outputs, measurement.references.evaluation
    statistics = evaluate.statistics(task, outputs, evaluation.labels)
    others = {"teacher": evaluation.teacher, "student": evaluation.student}
    metric, drop = tasks.metric(task.kind, measurement.metric), None
    if measurement.folder.kind == "teacher":
        del others["student"]
    else:
        of_teacher = evaluate.statistics(task, evaluation.teacher, evaluation.labels)
        drop = paired_drop(metric, statistics[metric.name], of_teacher[metric.name])
    return {
        "outputs": None,
        "examples": len(outputs),
        "quality": {name: interval(tasks.metric(task.kind, name), rows) for name, rows in statistics.items()},
        "drop": drop,
        "agreement": {kind: _agreement(task, outputs, other, evaluation.labels) for kind, other in others.items()},
        "statistics": PackedArray.of(statistics[metric.name]),
        "constant": constant.values(task, evaluation.labels),
        "overlap": _overlap(metric, statistics[metric.name], evaluation),
    }


def _overlap(metric: Metric, statistics_NK: Statistics, evaluation: Evaluation) -> Overlap | None:
    """Return the main metric on the examples that were not trained on, if others were."""
    in_training_N = evaluation.in_training_N
    if in_training_N is None or not in_training_N.any():
        return None
    others = None if in_training_N.all() else interval(metric, statistics_NK[~in_training_N])
    return Overlap(examples=int(in_training_N.sum()), others=others)


def _agreement(task: tasks.TaskSettings, outputs: Outputs, reference: Outputs, labels: Ragged) -> float:
    return float(tasks.get(task.kind).agree(outputs, reference, labels).mean())
