"""The process that tries a runtime: `python -m infer.doctor.probe` reads one job from stdin and writes one answer.

The job names a file for the step that it has come to, because a process that is killed gives no answer.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from contract.answer import answer
from contract.errors import WorkerError

# What NumPy 2 prints when such a library is imported, which may fail only later, and without this reason.
BUILT_FOR_NUMPY_1 = "compiled using NumPy 1"
STARTED, IMPORT, LOAD, RUN = "starting it", "its import", "loading a model", "running a model"


def main() -> int:
    """Answer one job; return the exit code, which is the error's if there is one."""
    argparse.ArgumentParser(
        prog="python -m infer.doctor.probe",
        description="Try one runtime in this process: a JSON job on stdin, a JSON answer on stdout.",
    ).parse_args()
    return answer(_reply)


def _reply(text: str) -> dict[str, Any]:
    from contract.tokens import read_tokens
    from infer import runtimes
    from infer.folders import model as models
    from infer.worker.measure import LoadedModel

    job = json.loads(text)
    step = Path(job["step_file"])
    model = models.read(job["model"])
    runtime = runtimes.get(model.runtime)
    tokens, _ = read_tokens(Path(job["tokens"]))
    with _numpy_named():
        step.write_text(IMPORT, encoding="utf-8")
        runtime.start()
        step.write_text(LOAD, encoding="utf-8")
        session = runtime.load(model.folder, model.graph, threads=1)
        step.write_text(RUN, encoding="utf-8")
        outputs = LoadedModel(model=model, session=session, tokens=tokens).outputs()
    slowness = runtime.TRAITS.slowness
    return {"logits": outputs.logits.values.tolist(), "slowness": slowness(session) if slowness else ""}


@contextmanager
def _numpy_named() -> Iterator[None]:
    """Name NumPy as the reason of a failure if NumPy itself has said so.

    Raises:
        WorkerError: something failed for this reason.
    """
    said = StringIO()
    try:
        with redirect_stderr(said):
            yield
    except Exception as error:
        if BUILT_FOR_NUMPY_1 not in said.getvalue():
            raise
        cause = f"{type(error).__name__}: {error}, as the library was built for NumPy 1"
        raise WorkerError(cause, "run: pip install 'numpy<2'") from error
    finally:
        sys.stderr.write(said.getvalue())


if __name__ == "__main__":
    raise SystemExit(main())
