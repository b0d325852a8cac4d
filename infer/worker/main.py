"""The process that measures: `python -m infer.worker.main` reads one job from stdin and writes one answer to stdout.

Each measurement gets a fresh one. It imports the standard library, NumPy, psutil, tokenizers and one runtime.
"""

import time

STARTED_NS = time.perf_counter_ns()  # before anything else is imported

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from typing import Any, TextIO  # noqa: E402


def main() -> int:
    """Answer one job; the exit code is that of the error, if any."""
    argparse.ArgumentParser(
        prog="python -m infer.worker.main",
        description="Measure one model in this process: a JSON job on stdin, a JSON answer on stdout.",
    ).parse_args()
    with _answering() as stream:
        answer, exit_code = _answer(sys.stdin.read())
        json.dump(answer, stream)
    return exit_code


def _answering() -> TextIO:
    """Keep stdout for the answer alone: whatever a runtime prints goes to stderr."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _answer(text: str) -> tuple[dict[str, Any], int]:
    from contract.errors import TinybertError, WorkerError
    from infer import runtimes
    from infer.worker import job, modes

    try:
        task = job.read(text)
        modes.check_files(task)
        reply = modes.MODES[task.mode](task, runtimes.clock_of(task.runtime))
    except TinybertError as error:
        return {"error": {"exit_code": error.exit_code, "cause": error.cause, "cure": error.cure}}, error.exit_code
    except Exception as error:  # a runtime may raise anything; the parent tells the user
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        return {"error": {"exit_code": WorkerError.exit_code, "cause": cause, "cure": ""}}, WorkerError.exit_code
    return {"process_ns": max(0, STARTED_NS - task.asked_ns), **reply}, 0


if __name__ == "__main__":
    raise SystemExit(main())
