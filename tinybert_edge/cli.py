"""The command line `tinybert`, with a command for each stage.

Heavy libraries are imported inside commands only, so that `--help` is fast.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from bench.command import bench
from bench.report.command import report
from contract import options as common_options
from contract.errors import BROKEN_PIPE_EXIT_CODE, TERMINATED_EXIT_CODE, InputError, TinybertError
from contract.text import printable
from convert.command import convert
from convert.tune.command import tune
from distill.ablation.command import ablate
from distill.command import distill
from distill.init.command import init
from distill.multitask.command import multitask
from infer.doctor.command import doctor
from infer.doctor.new_command import new
from infer.predict.command import predict
from infer.shipping.pack_command import pack
from infer.shipping.verify_command import verify
from targets.command import targets
from tinybert_edge.run import run

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: tinybert run",
)


def _show_version(asked: bool) -> None:
    if asked:
        from contract.versions import DISTRIBUTION, versions_of

        typer.echo(f"{DISTRIBUTION} {versions_of().get(DISTRIBUTION, 'not installed')}")
        raise typer.Exit


@app.callback()
def options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no notes.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the libraries underneath say.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take over an output folder that a run on another machine left locked.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Distil small BERT students, convert them for a device, measure them there and compare them."""
    common_options.choose(quiet=quiet, verbose=verbose, force=force)


def main() -> None:
    """Run the command line; an error ends it with the error's exit code."""
    _handle_signals()
    _prepare_output()
    output = _identity_of_output()
    try:
        _check_arguments()
        app()
    except SystemExit as end:
        # Rich ends with 1, a failed gate's code, when nobody reads its output any more, and puts the null device there.
        if end.code == 1 and _identity_of_output() != output:
            raise SystemExit(BROKEN_PIPE_EXIT_CODE) from None
        raise
    except TinybertError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        is_full = error.errno == errno.ENOSPC
        where = error.filename or ("the output" if is_full else "")
        cure = ": make room, or write it elsewhere" if is_full else ""
        _fail(f"{where}{': ' if where else ''}{error.strerror or error}{cure}", 2)
    except Exception as error:
        _fail(f"unexpected {type(error).__name__}: {error}: run again as `tinybert --debug …` and report it", 4)


def _prepare_output() -> None:
    """Escape what the output's encoding lacks, such as Chinese in cp1252; write nowhere if an output is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # until the process ends
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _identity_of_output() -> tuple[int, int] | None:
    try:
        status = os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):  # in a test, it is no file
        return None
    return status.st_dev, status.st_ino


def _check_arguments() -> None:
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{argument!a} is not valid UTF-8", "write it as UTF-8, and rename a file or folder"
            ) from error


def _handle_signals() -> None:
    """End as on SIGTERM when the terminal is closed, too; nohup, which has SIGHUP ignored, is respected."""
    signal.signal(signal.SIGTERM, _terminate)
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, _terminate)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED_EXIT_CODE)


def _fail(message: str, exit_code: int) -> NoReturn:
    if "--debug" in sys.argv:
        raise  # the error being handled
    line = printable(" ".join(message.split()))
    typer.echo(f"error: {line}", err=True)
    raise SystemExit(exit_code)


def _until_unread(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that ends as other programs do when nobody reads its output any more, as in `| head`."""

    @wraps(command)
    def run_command(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except KeyboardInterrupt:
            if command in RESUMED:
                typer.echo("interrupted: the same command goes on from what is finished", err=True)
            raise
        except BrokenPipeError:
            # What is still buffered has nowhere to go: Python would try, and fail, once more at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(BROKEN_PIPE_EXIT_CODE) from None

    return run_command


COMMANDS = (
    *(run, init, predict, targets, doctor, distill, multitask, ablate),
    *(convert, tune, pack, verify, bench, report),
)
RESUMED = {run, distill, multitask, ablate, convert, tune, bench}
for _command in COMMANDS:
    app.command()(_until_unread(_command))

target = typer.Typer(no_args_is_help=True)


@target.callback()
def _target() -> None:
    """Write a device profile of your own."""  # a group without this function would be its only command


target.command()(_until_unread(new))
app.add_typer(target, name="target")
