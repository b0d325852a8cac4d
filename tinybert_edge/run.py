"""`tinybert run`: all stages, from a teacher to a report."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.command import BlocksOption, SentencesOption
from bench.settings import DEFAULT
from distill.command import (
    DataOption,
    DatasetOption,
    JsonOption,
    OutOption,
    RecipeArgument,
    SetOption,
    TeacherOption,
    ValidationOption,
)

if TYPE_CHECKING:
    from bench.settings import Settings
    from targets.profile import Profile


def run(
    recipe: RecipeArgument = "quickstart",
    target: Annotated[
        list[str] | None, typer.Option("--target", help="A target profile; can be repeated.  \\[default: auto]")
    ] = None,
    data: DataOption = None,
    validation: ValidationOption = None,
    teacher: TeacherOption = None,
    dataset: DatasetOption = None,
    changes: SetOption = None,
    blocks: BlocksOption = DEFAULT.blocks,
    sentences: SentencesOption = DEFAULT.sentences_per_block,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Distil, convert, measure and report; finished stages are not repeated.

    Examples:

        tinybert run

        tinybert run sst2 --data data/sst2

        tinybert run train.csv --validation dev.csv --teacher google-bert/bert-base-uncased

        tinybert run sst2 --data data/sst2 --target laptop-x86 --target laptop-x86-vnni
    """
    from distill.silence import silence_libraries

    silence_libraries()
    from bench.report.write import write_report
    from bench.settings import Settings
    from contract.lock import locked
    from contract.progress import note
    from distill.prepare import prepare
    from targets.doctor import resolve

    profiles = [resolve(name) for name in target or ["auto"]]
    settings = Settings(blocks=blocks, sentences_per_block=sentences)
    document, encoder, splits = prepare(recipe, data, teacher, dataset, changes, validation=validation)
    from distill.distil import distil

    folder = out or Path("runs") / document.name
    records: list[Path] = []
    with locked(folder):
        note(f"1 of 4: distil {document.name} from {encoder.name}")
        teacher_folder, student = distil(document, encoder, splits, folder)
        for profile, reason in profiles:
            note(f"2 of 4: convert for {profile.name}: {reason}")
            records += _convert_and_measure(student, teacher_folder, profile, folder, settings)
        note("4 of 4: report")
        page = write_report(records, folder / "report.html")
    if json:
        typer.echo(
            json_module.dumps({"student": str(student), "records": list(map(str, records)), "report": str(page)})
        )
    else:
        typer.echo(page.with_name("REPORT.md").read_text(encoding="utf-8"))
        typer.echo(str(page))


def _convert_and_measure(
    student: Path, teacher: Path, profile: "Profile", folder: Path, settings: "Settings"
) -> list[Path]:
    """Return the records of a student's artifacts for one target, and of the teacher in the same session."""
    from bench.session import measure_once
    from contract.progress import note
    from convert.build import convert_student

    artifacts = convert_student(student, profile, out=folder / "artifacts" / student.name)
    note(f"3 of 4: measure {len(artifacts)} artifacts and the teacher")
    return measure_once(
        [teacher, *artifacts], target=profile.name, student=student, out=folder / "results", settings=settings
    )
