"""The `tinybert convert` command."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convert.own_model import DataOption, LabelOption, LengthOption, Rows, TextOption, TextPairOption, student_of

if TYPE_CHECKING:
    from infer.folders.artifact import Artifact
    from infer.metrics.metric import Interval, Metric

StudentArgument = Annotated[
    Path,
    typer.Argument(help="A student folder written by `tinybert distill`; with --data, any BERT-like classifier."),
]
TargetOption = Annotated[
    str, typer.Option("--target", help="Device profile: a name, a TOML file, or auto for this machine.")
]
RuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", help="Runtime: onnx, openvino or tflite; may be repeated.  \\[default: all]"),
]
PrecisionOption = Annotated[
    list[str] | None,
    typer.Option("--precision", help="Precision listed by `--offers`; may be repeated.  \\[default: the profile's]"),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder to write to.  \\[default: artifacts/NAME next to the student]")
]
OffersOption = Annotated[
    bool, typer.Option("--offers", help="Only list the precisions that the device supports in each runtime, and why.")
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
    data: DataOption = None,
    text: TextOption = None,
    text_pair: TextPairOption = None,
    label: LabelOption = None,
    max_length_tokens: LengthOption = None,
    json: JsonOption = False,
) -> None:
    """Convert a student, or a classifier of your own, to models for a device.

    Before a model is written, its outputs on real sentences are compared with the student's. Finished models are not
    converted again, and a failure does not stop the other conversions.

    A classifier that was not distilled here, named by its folder or on the hub, is converted as it is, with labelled
    rows to measure its accuracy and to calibrate int8. A student folder of it is left in runs/MODEL.

    Examples:

        tinybert convert runs/quickstart/student-1a2b3c4d --target raspberry-pi-5

        tinybert convert runs/quickstart/student-1a2b3c4d --runtime onnx --precision int8-static --json

        tinybert convert runs/quickstart/student-1a2b3c4d --target raspberry-pi-4 --offers

        tinybert convert my-classifier --data dev.csv
    """
    from contract.progress import note
    from convert.build import ConversionError, check_same_student, convert_student
    from convert.precisions import describe
    from convert.variants import check_offered
    from infer.folders.student import read_student
    from targets.doctor import resolve

    profile, reason = resolve(target)
    note(f"Target {profile.name}: {reason}")
    if show_offers:
        lines = describe(profile)
        typer.echo(json_module.dumps({"target": profile.name, "offers": lines}) if json else "\n".join(lines))
        return
    check_offered(profile, runtimes, precisions)  # before a classifier is read, which takes longer
    student = student_of(student, Rows(data, text, text_pair, label, max_length_tokens))
    folder = out or default_folder(student)
    if out is not None:  # the default folder has the student's name
        read_student(student)
        check_same_student(out / profile.name, student)
    try:
        artifacts = convert_student(student, profile, out=folder, runtimes=runtimes, precisions=precisions)
    except ConversionError as error:
        if error.finished:
            show(error.finished, folder / profile.name, json=json)
            warn(student, error.finished)
        raise
    show(artifacts, folder / profile.name, json=json)
    warn(student, artifacts)


def default_folder(student: Path) -> Path:
    """Return the default folder of a student's artifacts."""
    student = student.absolute()
    return student.parent / "artifacts" / student.name


def warn(student: Path, artifacts: list[Path]) -> None:
    """Note the artifacts of a student that are of no use."""
    from contract.progress import note
    from convert.quality import find_doubts

    for line in find_doubts(student, artifacts):
        note(f"warning: {line}")


def show(artifacts: list[Path], folder: Path, *, json: bool) -> None:
    """Print the parity and quality of artifacts and, as the last line, their folder."""
    from infer.folders.artifact import read_artifact
    from infer.metrics.format import drop_unit, metric_value

    loaded = [(path, read_artifact(path)) for path in artifacts]
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
            for path, artifact in loaded
        ]
        typer.echo(json_module.dumps({"folder": str(folder), "artifacts": values}))
        return
    from rich.console import Console
    from rich.table import Column, Table

    metric = _main_metric(loaded[0][1])
    table = Table(Column("model", no_wrap=True), "MiB", "same\nanswer", "largest\ndifference", title=folder.name)
    table.add_column(f"{metric.heading}\n{metric.unit}".rstrip())
    is_distilled = "teacher" in loaded[0][1].parents
    table.add_column(f"below\n{'teacher' if is_distilled else 'PyTorch'}\n{drop_unit(metric)}".rstrip())
    for _, artifact in loaded:
        parity, quality = artifact.parity, artifact.quality
        table.add_row(
            f"{artifact.runtime} {artifact.precision}",
            f"{artifact.model_size_bytes / MIB:.1f}",
            f"{parity.agreement:.1%}",
            f"{parity.max_abs_difference:.1e}",
            _with_interval(quality.value, metric),
            _with_interval(quality.drop, metric),
        )
    Console().print(table)
    quality = loaded[0][1].quality
    student, teacher = (metric_value(metric, value) for value in (quality.student, quality.teacher))
    # For models of any length, the worse of the runs with and without padding.
    typer.echo("Same answer, largest difference: compared with the outputs in PyTorch.")
    in_pytorch = f"Student: {student}; teacher: {teacher}" if is_distilled else f"In PyTorch: {student}"
    typer.echo(f"{in_pytorch}; 95 % intervals in brackets.")
    typer.echo(str(folder))


def _main_metric(artifact: "Artifact") -> "Metric":
    """Return the main metric of the student's recipe."""
    from infer import tasks

    return tasks.metric(artifact.task.kind, artifact.quality.metric)


def _with_interval(interval: "Interval", metric: "Metric") -> str:
    from rich.markup import escape

    from infer.metrics.format import metric_number

    text = metric_number(metric)
    return escape(f"{text(interval.value)} [{text(interval.low)}, {text(interval.high)}]")
