"""`tinybert convert`: a student to the models of a device."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

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
    from rich.table import Table

    # Of models for any length the worse of sentences as they are and some that are padded.
    table = Table("model", "size, MiB", "same label, at worst", "largest difference of a logit", title=folder.name)
    table.add_column("score, student's, teacher's, %")
    for _, artifact in found:
        parity = artifact.parity
        same = f"{parity.agreement:.1%}"
        size = f"{artifact.model_size_bytes / MIB:.1f}"
        quality = artifact.quality
        scores = ", ".join(f"{100 * score:.1f}" for score in (quality.value, quality.student, quality.teacher))
        name = f"{artifact.runtime} {artifact.precision}"
        table.add_row(name, size, same, f"{parity.max_abs_difference:.1e}", f"{scores} ({quality.metric})")
    Console().print(table)
    typer.echo(str(folder))
