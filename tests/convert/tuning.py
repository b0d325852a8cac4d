"""Searches with stand-ins: outputs and latencies follow rules of the test, so the right choices are known."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import ragged
from contract.tokens import Tokens
from convert import process
from convert.tune import tune as tuning
from convert.tune.answer_folder import answer_folder
from convert.tune.finalist import Finalist
from convert.tune.floor import parse
from convert.tune.ledger import Entry, Ledger
from infer.folders.graph import encoder
from infer.folders.model import Model
from infer.folders.student import read_evaluation
from infer.outputs import Outputs, of_logits
from infer.worker import client
from targets.profile import Profile, RuntimeName


def _graph(*, by_token: bool) -> str:
    """Return a graph as a Python expression of JSON values."""
    return repr(json.loads(json.dumps(asdict(encoder("model.bin", columns=2, by_token=by_token)))))


# A converter that writes its variant into the model file, so that the other stand-ins know the model.
CONVERTER = """
import json, os, pathlib, signal, sys
job = json.load(sys.stdin)
task = json.loads(pathlib.Path(job["student"], "student.json").read_text())["task"]
graph = TOKEN_GRAPH if task.get("tags") else TEXT_GRAPH
graph["outputs"][0]["axes"][-1] = len(task.get("labels") or task["tags"])
variant = job["variant"]
path = pathlib.Path(job["destination"], "model.bin")
path.write_text(json.dumps([variant["runtime"], variant["precision"], variant["rewrites"], variant["kept_in_float"]]))
json.dump({"exported": {"graph": graph, "rewrites": variant["rewrites"]}}, sys.stdout)
""".replace("TOKEN_GRAPH", _graph(by_token=True)).replace("TEXT_GRAPH", _graph(by_token=False))

# A sentence's latency in microseconds, and the percentage of wrong answers.
Rule = Callable[..., tuple[float, float]]
Run = Callable[[Model, Tokens], Outputs]
Time = Callable[[Model, tuple[int, ...]], tuple[int, ...]]


def default_rule(
    runtime: str, precision: str, rewrites: list[str], kept: list[str], threads: int, buckets: tuple[int, ...]
) -> tuple[float, float]:
    """LiteRT's int8 is fastest but wrong; OpenVINO's is right, and faster with fixed lengths and one product."""
    base_us = {"onnx": 300.0, "openvino": 280.0, "tflite": 320.0}[runtime]
    factor = {"fp32": 1.0, "int8": 0.5}.get(precision, 0.9)
    if runtime == "tflite" and precision == "int8":
        factor = 0.2
    factor *= 0.8 if buckets else 1.0
    factor *= 0.9 if "one-product" in rewrites else 1.0
    factor *= 0.95 if "fused-attention" in rewrites else 1.0
    factor *= 1.3 if threads == 1 else 1.0
    factor *= 1.2 ** len(kept)
    wrong_percent = 20.0 if (runtime, precision) == ("tflite", "int8") and not kept else 0.0
    return base_us * factor, wrong_percent


class FakeWorker:
    """A stand-in for running and timing models.

    Args:
        student: the student whose outputs are returned.
        rule: latency and errors of each model.
    """

    def __init__(self, student: Path, rule: Rule = default_rule) -> None:
        self.evaluation = read_evaluation(student)
        self.by_ids = {self.evaluation.tokens.row_ids(row).tobytes(): row for row in range(len(self.evaluation.tokens))}
        self.rule = rule
        self.generator = np.random.default_rng(0)

    def run(self, model: Model, tokens: Tokens) -> Outputs:
        wrong_percent = self._apply_rule(model)[1]
        rows = [self.by_ids[tokens.row_ids(row).tobytes()] for row in range(len(tokens))]
        outputs = [
            logits_C[:, ::-1] if (row * 37) % 100 < wrong_percent else logits_C for row, logits_C in self._logits(rows)
        ]
        return of_logits(ragged.from_rows(outputs, like=outputs[0]))

    def time(self, model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        noise = self.generator.normal(1.0, 0.005)
        return tuple(int(1000 * self._apply_rule(model)[0] * noise) for _ in rows)

    def _apply_rule(self, model: Model) -> tuple[float, float]:
        return self.rule(*variant_of(model), model.threads, model.graph.source_lengths)

    def _logits(self, rows: Sequence[int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        return zip(rows, self.evaluation.student.logits.take(rows), strict=True)


def variant_of(model: Model) -> list[Any]:
    """Return the runtime, precision, rewrites and operations in float of a stand-in's model."""
    variant: list[Any] = json.loads((model.folder / model.graph.file).read_text())
    return variant


def tune(
    *students_and_profile: Any, run: Run, time: Time, converter: str = CONVERTER, **question: Any
) -> Finalist | None:
    """Search with stand-ins for converting, running and timing models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "COMMAND", (sys.executable, "-c", converter))
        patch.setattr(client, "outputs_of", run)
        patch.setattr(client, "times_of", time)
        return tuning.tune(*students_and_profile, **question)


def search(
    student: Path,
    profile: Profile,
    out: Path,
    *,
    rule: Rule = default_rule,
    run: Run | None = None,
    time: Time | None = None,
    converter: str = CONVERTER,
    floor: str = "student-1",
    budget_s: float = 600,
    runtimes: Sequence[RuntimeName] = (),
) -> Finalist | None:
    """Search for one student."""
    worker = FakeWorker(student, rule)
    return tune(
        [student],
        profile,
        floor=parse(floor),
        budget_s=budget_s,
        out=out,
        run=run or worker.run,
        time=time or worker.time,
        converter=converter,
        runtimes=runtimes,
    )


def answer_of(student: Path, out: Path, floor: str = "student-1", runtimes: Sequence[RuntimeName] = ()) -> Path:
    return answer_folder(out, [student], parse(floor), runtimes)


def page_of(answer: Path) -> str:
    return (answer / "TUNE.md").read_text(encoding="utf-8")


def ledger_entries(out: Path, kind: str) -> list[Entry]:
    return [entry for entry in Ledger(out).entries if entry.kind == kind]


def change(manifest: Path, key: str, value: object) -> None:
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), key: value}))
