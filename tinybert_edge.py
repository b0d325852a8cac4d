"""The command line `tinybert`: it mounts each stage's command and runs them in turn; nothing imports it.

Heavy libraries are imported inside commands only, so that `--help` answers at once.
"""

import json as json_module
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bench.command import BlocksOption, SentencesOption, bench
from bench.report.command import report
from bench.settings import DEFAULT
from contract.errors import TERMINATED_EXIT_CODE, InputError, TinybertError
from convert import command as conversion
from convert.shipping.pack_command import pack
from convert.shipping.verify_command import verify
from convert.tune import command as tuning
from distill.ablation.command import ablate
from distill.command import DataOption, DatasetOption, JsonOption, OutOption, SetOption, TeacherOption, distill
from distill.multitask.command import multitask
from targets.command import targets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.settings import Settings
    from contract.tokens import Tokens
    from convert.loadable import Loadable
    from targets.profile import Profile

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: tinybert run",
)


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    """Distil small BERT students, convert them for a device, measure them there, and compare."""


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file, or the name of one that comes along.")] = (
        "quickstart"
    ),
    target: Annotated[
        list[str] | None, typer.Option("--target", help="A target profile; may be repeated.  \\[default: auto]")
    ] = None,
    data: DataOption = None,
    teacher: TeacherOption = None,
    dataset: DatasetOption = None,
    changes: SetOption = None,
    blocks: BlocksOption = DEFAULT.blocks,
    sentences: SentencesOption = DEFAULT.sentences_per_block,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Distil, convert, measure and report; finished parts are found again.

    Examples:

        tinybert run

        tinybert run sst2 --data data/sst2

        tinybert run sst2 --data data/sst2 --target laptop-x86 --target laptop-x86-vnni
    """
    from distill.quiet import quiet

    quiet()
    from bench.report.write import write_report
    from bench.settings import Settings
    from contract.lock import owned
    from contract.progress import note
    from distill.command import prepare
    from targets.doctor import resolve

    profiles = [resolve(name) for name in target or ["auto"]]
    settings = Settings(blocks=blocks, sentences_per_block=sentences)
    document, encoder, splits = prepare(recipe, data, teacher, dataset, changes)
    from distill.distil import distil

    folder = out or Path("runs") / document.name
    records: list[Path] = []
    with owned(folder):
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
    """Return the records of a student's artifacts for one target, and of the teacher measured beside them."""
    from bench.session import measure_once
    from contract.progress import note
    from convert.build import convert_student

    artifacts = convert_student(student, profile, out=folder / "artifacts" / student.name, run=_outputs_of)
    note(f"3 of 4: measure {len(artifacts)} artifacts and the teacher")
    subjects = [teacher, *artifacts]
    return measure_once(subjects, target=profile.name, student=student, out=folder / "results", settings=settings)


def main() -> None:
    """Run the command line and end with the exit code that its errors name."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        _check_arguments()
        app()
    except TinybertError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", 2)
    except Exception as error:
        _fail(f"unexpected {type(error).__name__}: {error}: run again as `tinybert --debug …` and report it", 4)


def _check_arguments() -> None:
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{argument!a} is no UTF-8", "rename the file or folder") from error


def _outputs_of(model: "Loadable", tokens: "Tokens") -> "NDArray[np.float32]":
    """Run a model in a worker, for the conversion stage, which must not know of the next one."""
    from bench.process import outputs_of

    return outputs_of(model, tokens)


def _times_of(model: "Loadable", rows: tuple[int, ...]) -> tuple[int, ...]:
    """Time a model in a worker, for the same stage."""
    from bench.process import times_of

    return times_of(model, rows)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED_EXIT_CODE)


def _fail(message: str, exit_code: int) -> NoReturn:
    if "--debug" in sys.argv:
        raise  # the error that is being handled
    line = " ".join(message.split())
    typer.echo(f"error: {line}", err=True)
    raise SystemExit(exit_code)


convert, tune = conversion.command(_outputs_of), tuning.command(_outputs_of, _times_of)
for _command in (targets, distill, multitask, ablate, convert, tune, pack, verify, bench, report):
    app.command()(_command)

if __name__ == "__main__":
    main()
