"""`tinybert convert`: a student to the models of a device."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from infer.folders.artifact import Artifact
    from infer.metrics.metric import Interval, Metric

StudentArgument = Annotated[Path, typer.Argument(help="A student folder, as `tinybert distill` writes it.")]
TargetOption = Annotated[
    str, typer.Option("--target", help="A device profile: its name, a TOML file, or auto for this machine's.")
]
RuntimeOption = Annotated[
    list[str] | None, typer.Option("--runtime", help="Only this runtime: onnx, openvino or tflite; may be repeated.")
]
PrecisionOption = Annotated[
    list[str] | None, typer.Option("--precision", help="Only this precision, one of `--offers`; may be repeated.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder to write to.  \\[default: artifacts/NAME beside the student]")
]
OffersOption = Annotated[
    bool, typer.Option("--offers", help="Only say which precisions the device is fit for in each runtime, and why.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable output.")]
MIB = 2**20


def convert(
    student: StudentArgument,
    target: TargetOption = "auto",
    runtimes: RuntimeOption = None,
    precisions: PrecisionOption = None,
    out: OutOption = None,
    show_offers: OffersOption = False,
    json: JsonOption = False,
) -> None:
    """Convert a student to the models of a device.

    Each model is compared with the student in its own runtime, on real sentences, before it is written. Finished
    models are found again; one that fails does not stop the others.

    Examples:

        tinybert convert runs/quickstart/student-1a2b3c4d --target raspberry-pi-5

        tinybert convert runs/quickstart/student-1a2b3c4d --runtime onnx --precision int8-static --json

        tinybert convert runs/quickstart/student-1a2b3c4d --target raspberry-pi-4 --offers
    """
    from contract.progress import note
    from convert.build import ConversionError, check_of_student, convert_student
    from convert.offer import told
    from infer.folders.student import read_student
    from targets.doctor import resolve

    profile, reason = resolve(target)
    folder = out or default_folder(student)
    note(f"Target {profile.name}: {reason}")
    if show_offers:
        lines = told(profile)
        typer.echo(json_module.dumps({"target": profile.name, "offers": lines}) if json else "\n".join(lines))
        return
    if out is not None:  # the usual folder has the student's name
        read_student(student)
        check_of_student(out / profile.name, student)
    try:
        made = convert_student(student, profile, out=folder, runtimes=runtimes, precisions=precisions)
    except ConversionError as error:
        if error.finished:
            show(error.finished, folder / profile.name, json=json)
        raise
    show(made, folder / profile.name, json=json)


def default_folder(student: Path) -> Path:
    """Return the folder a student's artifacts go to."""
    student = student.absolute()
    return student.parent / "artifacts" / student.name


def show(artifacts: list[Path], folder: Path, *, json: bool) -> None:
    """Print artifacts and how near they are to the student and, last, the folder they stand in."""
    from infer.folders.artifact import read_artifact

    found = [(path, read_artifact(path)) for path in artifacts]
    if json:
        values = [
            {
                "artifact": str(path),
                "runtime": artifact.runtime,
                "precision": artifact.precision,
                "model_size_bytes": artifact.model_size_bytes,
                "parity": artifact.parity.model_dump(),
                "quality": artifact.quality.model_dump(),
            }
            for path, artifact in found
        ]
        typer.echo(json_module.dumps({"folder": str(folder), "artifacts": values}))
        return
    from rich.console import Console
    from rich.table import Column, Table

    metric = _metric_of(found[0][1])
    table = Table(Column("model", no_wrap=True), "MiB", "same\nanswer", "largest\ndifference", title=folder.name)
    table.add_column(metric.heading)
    table.add_column("below\nteacher")
    for _, artifact in found:
        parity, quality = artifact.parity, artifact.quality
        table.add_row(
            f"{artifact.runtime} {artifact.precision}",
            f"{artifact.model_size_bytes / MIB:.1f}",
            f"{parity.agreement:.1%}",
            f"{parity.max_abs_difference:.1e}",
            _between(quality.value, metric),
            _between(quality.drop, metric),
        )
    Console().print(table)
    quality = found[0][1].quality
    student, teacher = (_written(value, metric) for value in (quality.student, quality.teacher))
    # Of models for any length the worse of sentences as they are and some that are padded.
    typer.echo("Same answer and largest difference of an output: from the student's, at worst.")
    typer.echo(f"{metric.heading}: student {student}, teacher {teacher}; in brackets 95 % intervals.")
    typer.echo(str(folder))


def _metric_of(artifact: "Artifact") -> "Metric":
    """Return what the student's recipe judges by."""
    from infer import tasks

    return tasks.metric(artifact.task.kind, artifact.quality.metric)


def _between(found: "Interval", metric: "Metric") -> str:
    from rich.markup import escape

    return escape(f"{_written(found.value, metric)} [{_written(found.low, metric)}, {_written(found.high, metric)}]")


def _written(value: float, metric: "Metric") -> str:
    return f"{100 * value if metric.unit == '%' else value:.{metric.digits}f}"
