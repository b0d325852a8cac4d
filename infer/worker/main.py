"""The process that measures: `python -m infer.worker.main` reads one job from stdin and writes one answer to stdout.

Each measurement gets a fresh process. It imports the standard library, NumPy, psutil, tokenizers and one runtime.
"""

import time

STARTED_NS = time.perf_counter_ns()  # before anything else is imported

import argparse  # noqa: E402
from typing import Any  # noqa: E402

from contract.answer import answer  # noqa: E402


def main() -> int:
    """Answer one job; return the exit code, which is the error's if there is one."""
    argparse.ArgumentParser(
        prog="python -m infer.worker.main",
        description="Measure one model in this process: a JSON job on stdin, a JSON answer on stdout.",
    ).parse_args()
    return answer(_reply)


def _reply(text: str) -> dict[str, Any]:
    from infer import runtimes
    from infer.worker import job, limit, measure

    task = job.read(text)
    with limit.limited():
        measure.check_files(task)
        reply = measure.MODES[task.mode](task, runtimes.clock_of(task.model.runtime))
    return {"process_ns": max(0, STARTED_NS - task.asked_ns), **reply}


if __name__ == "__main__":
    raise SystemExit(main())
