"""The choices of a search, with stand-ins for converting, running and timing models."""

import json
import shutil
from pathlib import Path

import pytest

from contract.errors import InputError
from contract.folder import verify
from convert.tune.answer_folder import answer_folder
from convert.tune.floor import Floor, parse
from convert.tune.search import Search
from infer.folders.artifact import read_artifact
from infer.folders.model import Model
from targets.profile import Profile, RuntimeName
from tests.convert.tuning import FakeWorker, answer_of, change, ledger_entries, page_of, search, tune

ONNX = [RuntimeName.ONNX]
OPENVINO = [RuntimeName.OPENVINO]


def test_the_fastest_above_the_floor_wins(student: Path, profile: Profile, tmp_path: Path) -> None:
    winner = search(student, profile, tmp_path)
    assert winner is not None
    folder = tmp_path / "student-student-1"
    assert folder == answer_of(student, tmp_path)
    best = read_artifact(folder / "best")
    verify(folder / "best", best)
    assert best.variant.runtime == "tflite"  # still the fastest with the most sensitive operations in float
    assert best.variant.precision == "int8"
    assert best.variant.kept_in_float
    assert best.threads == profile.threads
    answer = json.loads((folder / "tune.json").read_text())
    assert answer["winner"]["variant"] == best.variant.model_dump(mode="json")
    latencies_ns = [finalist["latency_ns"] for finalist in answer["finalists"] if finalist["reaches_floor"]]
    assert answer["winner"]["latency_ns"] == min(latencies_ns)
    page = page_of(folder)
    assert "but misses the floor (missed: Accuracy 85.0 % on 40 sentences, floor 99.0 %)" in page
    assert "on both halves: Accuracy 100.0 % on 40 sentences, floor 99.0 %; unseen half: Accuracy 100.0 % on 40" in page
    assert "The fastest fp32 of the same runtime, student tflite-fp32, 2 threads, takes" in page
    assert "The unseen half has only 40 sentences, so its score is uncertain for other sentences." in page


def test_fixed_lengths_and_rewrites_are_found(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, runtimes=OPENVINO) is not None
    best = read_artifact(answer_of(student, tmp_path, runtimes=OPENVINO) / "best")
    assert best.precision == "int8"
    assert best.graph.source_lengths == (16, 24)
    assert "one-product" in best.variant.rewrites


def test_rewrites_that_each_help_are_combined(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, runtimes=ONNX) is not None
    best = read_artifact(answer_of(student, tmp_path, runtimes=ONNX) / "best")
    assert {"one-product", "fused-attention"} <= {*best.variant.rewrites}


def test_the_answer_may_be_to_keep_fp32(student: Path, profile: Profile, tmp_path: Path) -> None:
    def rule(_runtime: str, precision: str, *_: object) -> tuple[float, float]:
        return (100.0 if precision == "fp32" else 200.0), 0.0

    assert search(student, profile, tmp_path, rule=rule) is not None
    answer = answer_of(student, tmp_path)
    assert read_artifact(answer / "best").precision == "fp32"
    assert "Keep fp32: no faster candidate is known to reach the floor (" in page_of(answer)


def test_a_floor_above_all_candidates_has_no_answer(student: Path, profile: Profile, tmp_path: Path) -> None:
    worker, above = FakeWorker(student), Floor(reference="student", points=-5.0)
    assert tune([student], profile, floor=above, budget_s=60, out=tmp_path, run=worker.run, time=worker.time) is None
    answer = answer_folder(tmp_path, [student], above, ())
    assert not (answer / "best").exists()
    assert "No candidate reaches the floor student--5; the closest is student " in page_of(answer)


def test_accuracy_is_shared_by_numbers_of_threads_and_latency_is_not(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget is spent when the first model is timed with one thread, so nothing is evaluated after that."""
    worker = FakeWorker(student, lambda *model: (50.0 if model[4] == 1 else 100.0, 0.0))
    threads_timed: list[int] = []

    def time(model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        threads_timed.append(model.threads)
        return worker.time(model, rows)

    monkeypatch.setattr(Search, "is_out_of_time", lambda _search: 1 in threads_timed)
    winner = search(student, profile, tmp_path, runtimes=ONNX, time=time)
    assert winner is not None
    assert winner.candidate.threads == 1
    rows = [line for line in page_of(answer_of(student, tmp_path, runtimes=ONNX)).splitlines() if "1 thread " in line]
    assert rows
    assert not any("not evaluated |" in row for row in rows)
    model = winner.candidate.model_name
    timed = {entry.subject: entry.found["medians_ns"] for entry in ledger_entries(tmp_path, "timed")}
    assert min(timed[f"{model}, 2 threads"]) > max(timed[f"{model}, 1 thread"])


def test_a_student_without_time_is_named(student: Path, profile: Profile, tmp_path: Path) -> None:
    other, floor, worker = tmp_path / "other", parse("80"), FakeWorker(student)
    shutil.copytree(student, other)
    out, both = tmp_path / "out", [student, other]
    assert tune(both, profile, floor=floor, budget_s=1e-9, out=out, run=worker.run, time=worker.time)
    assert "Students without a timed model: other." in page_of(answer_folder(out, both, floor, ()))


def test_a_search_without_time_still_answers(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, budget_s=1e-9)
    assert len(ledger_entries(tmp_path, "made")) <= 3
    assert "The budget is spent: more variants could have been tried." in page_of(answer_of(student, tmp_path))


@pytest.mark.parametrize(("metric", "expected"), [("f1_macro", "f1_macro"), ("", "accuracy")])
def test_the_floor_is_for_the_recipes_metric(
    student: Path, profile: Profile, tmp_path: Path, metric: str, expected: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(student, copy)
    change(copy / "student.json", "recipe", {"metric": metric})
    winner = search(copy, profile, tmp_path / "out", runtimes=ONNX)
    assert winner is not None
    assert winner.search is not None
    assert winner.search.metric == expected
    best = read_artifact(answer_of(copy, tmp_path / "out", runtimes=ONNX) / "best")
    assert best.quality.metric == expected
    assert best.quality.value.value == best.quality.student


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("f1_macro", "met: Macro F1 100.0 % on 40 sentences, floor 99.0 %"),
        ("matthews", "met: Matthews 0.000 on 40 sentences, floor \N{MINUS SIGN}0.010"),
    ],
)
def test_scores_are_printed_with_the_metrics_heading_and_unit(
    student: Path, profile: Profile, tmp_path: Path, metric: str, text: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(student, copy)
    change(copy / "student.json", "recipe", {"metric": metric})
    assert search(copy, profile, tmp_path / "out", runtimes=ONNX, budget_s=1e-9) is not None
    assert f"| {text} |" in page_of(answer_of(copy, tmp_path / "out", runtimes=ONNX))


@pytest.mark.parametrize(("metric", "sentences"), [("accuracy", 20), ("f1_macro", 40)])
def test_an_evaluation_stops_early_if_the_metric_is_a_share(
    student: Path, profile: Profile, tmp_path: Path, metric: str, sentences: int
) -> None:
    def rule(_runtime: str, precision: str, *_: object) -> tuple[float, float]:
        return (100.0, 0.0) if precision == "fp32" else (50.0, 100.0)

    copy = tmp_path / "copy"
    shutil.copytree(student, copy)
    change(copy / "student.json", "recipe", {"metric": metric})
    assert search(copy, profile, tmp_path / "out", rule=rule, runtimes=ONNX) is not None
    results = [entry.found for entry in ledger_entries(tmp_path / "out", "judged")]
    assert {result["sentences"] for result in results if result["outcome"] == "missed"} == {sentences}


def test_tags_are_evaluated_by_their_spans(tagger: Path, profile: Profile, tmp_path: Path) -> None:
    winner = search(tagger, profile, tmp_path, runtimes=ONNX)
    assert winner is not None
    assert winner.search is not None
    assert (winner.search.metric, winner.search.score) == ("f1", 1.0)
    best = read_artifact(answer_of(tagger, tmp_path, runtimes=ONNX) / "best")
    assert best.variant.reads == "all"
    assert "first-token" not in best.variant.rewrites


def test_students_that_cannot_be_compared_are_rejected(student: Path, profile: Profile, tmp_path: Path) -> None:
    worker = FakeWorker(student)
    both = [student, student]
    for floor, message in (
        ("student-1", "floor student-1 is different for each student: use a floor such as teacher-1.0, or a score in"),
        ("80", f"{student}: two students are called student: rename one of the folders"),
    ):
        with pytest.raises(InputError) as caught:
            tune(both, profile, floor=parse(floor), budget_s=60, out=tmp_path, run=worker.run, time=worker.time)
        assert str(caught.value).startswith(message)
