"""Models of a search that cannot be converted, run or timed."""

from pathlib import Path

import pytest

from contract.errors import UnfinishedError, WorkerError
from contract.tokens import Tokens
from infer.folders.artifact import read_artifact
from infer.folders.model import Model
from infer.outputs import Outputs
from targets.profile import Profile, RuntimeName
from tests.convert.tuning import (
    CONVERTER,
    FakeWorker,
    answer_of,
    ledger_entries,
    page_of,
    search,
    variant_of,
)

ONNX = [RuntimeName.ONNX]


def test_a_stopped_conversion_is_tried_again(student: Path, profile: Profile, tmp_path: Path) -> None:
    stop = 'variant["runtime"] == "onnx" and os.kill(os.getpid(), signal.SIGKILL)'
    stopping = CONVERTER.replace("path = ", f"{stop}\npath = ", 1)
    converted = []
    for converter in (stopping, CONVERTER):
        assert search(student, profile, tmp_path, converter=converter) is not None
        converted.append({path.name for path in tmp_path.glob("models/*/onnx-*")})
    assert not converted[0]
    assert {"onnx-fp32", "onnx-int8"} <= converted[1]


def test_a_model_that_was_killed_during_its_check_is_named_and_tried_again(
    student: Path, profile: Profile, tmp_path: Path
) -> None:
    worker, answer = FakeWorker(student), answer_of(student, tmp_path, runtimes=ONNX)

    def run(model: Model, tokens: Tokens) -> Outputs:
        if variant_of(model)[1] == "int8":
            raise UnfinishedError("the worker was ended by SIGKILL")
        return worker.run(model, tokens)

    assert search(student, profile, tmp_path, run=run, budget_s=60, runtimes=ONNX)
    failure = "student onnx-int8 could not be converted: the worker was ended by SIGKILL."
    assert failure in page_of(answer)
    assert search(student, profile, tmp_path, runtimes=ONNX) is not None
    assert read_artifact(answer / "best").precision == "int8"
    assert failure not in page_of(answer)


def test_a_model_that_cannot_be_timed_does_not_stop_the_search(student: Path, profile: Profile, tmp_path: Path) -> None:
    worker = FakeWorker(student)

    def time(model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        if model.runtime == "tflite":
            raise WorkerError("the worker was killed by SIGSEGV")
        return worker.time(model, rows)

    assert search(student, profile, tmp_path, time=time)
    assert read_artifact(answer_of(student, tmp_path) / "best").runtime == "openvino"
    failures = [entry.found["failure"] for entry in ledger_entries(tmp_path, "timed")]
    assert "the worker was killed by SIGSEGV" in failures


def test_a_search_without_a_model_that_can_be_timed_is_an_error(
    student: Path, profile: Profile, tmp_path: Path
) -> None:
    def time(model: Model, _rows: tuple[int, ...]) -> tuple[int, ...]:
        raise WorkerError(f"{model.folder.name} was killed by SIGSEGV")

    with pytest.raises(WorkerError, match=r"^no model could be timed \(.* was killed by SIGSEGV\)$"):
        search(student, profile, tmp_path, time=time, floor="80", budget_s=60)
