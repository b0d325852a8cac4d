"""The process that tries a runtime: `python -m infer.doctor.probe` reads one job from stdin and writes one answer.

The job names a file for the step that it has come to, because a process that is killed gives no answer.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from contract.answer import answer

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
    step.write_text(IMPORT, encoding="utf-8")
    runtime.start()
    step.write_text(LOAD, encoding="utf-8")
    session = runtime.load(model.folder, model.graph, threads=1)
    step.write_text(RUN, encoding="utf-8")
    tokens, _ = read_tokens(Path(job["tokens"]))
    outputs = LoadedModel(model=model, session=session, tokens=tokens).outputs()
    slowness = runtime.TRAITS.slowness
    return {"logits": outputs.logits.values.tolist(), "slowness": slowness(session) if slowness else ""}


if __name__ == "__main__":
    raise SystemExit(main())
