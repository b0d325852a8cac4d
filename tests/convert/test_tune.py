"""A search as a user meets it: stand-ins answer and take times by rules of the test, so that its choices are known."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError, UnfinishedError, WorkerError
from contract.folder import verify
from contract.tokens import Tokens
from convert import child
from convert.tune import tune as searching
from convert.tune.answer import Finalist
from convert.tune.floor import Floor, parse
from convert.tune.ledger import Ledger
from convert.tune.question import answer_folder
from infer.folders.artifact import read_artifact
from infer.folders.graph import encoder
from infer.folders.model import Model
from infer.folders.student import read_evaluation
from infer.outputs import Outputs, of_logits
from infer.worker import client
from targets.profile import Profile, RuntimeName

# Writes its variant's name as the model, so that the other stand-ins know what they run.
STAND_IN = """
import json, os, pathlib, signal, sys
job = json.load(sys.stdin)
task = json.loads(pathlib.Path(job["student"], "student.json").read_text())["task"]
graph = GRAPH
by_token = ["source"] if "tags" in task else []
graph["outputs"][0]["axes"] = ["batch", *by_token, len(task.get("labels") or task["tags"])]
variant = job["variant"]
path = pathlib.Path(job["destination"], "model.bin")
path.write_text(json.dumps([variant["runtime"], variant["precision"], variant["rewrites"], variant["kept_in_float"]]))
json.dump({"exported": {"graph": graph, "rewrites": variant["rewrites"]}}, sys.stdout)
""".replace("GRAPH", repr(asdict(encoder("model.bin", columns=2, by_token=False))))

# What a sentence takes, in microseconds, and how many of a hundred answers are turned to the wrong label.
Rule = Callable[..., tuple[float, float]]
Run = Callable[[Model, Tokens], Outputs]
Time = Callable[[Model, tuple[int, ...]], tuple[int, ...]]


def plain(
    runtime: str, precision: str, rewrites: list[str], kept: list[str], threads: int, buckets: tuple[int, ...]
) -> tuple[float, float]:
    """LiteRT's int8 is the fastest and wrong; OpenVINO's is right, and faster with fixed lengths and one product."""
    base_us = {"onnx": 300.0, "openvino": 280.0, "tflite": 320.0}[runtime]
    factor = {"fp32": 1.0, "int8": 0.5}.get(precision, 0.9)
    if runtime == "tflite" and precision == "int8":
        factor = 0.2
    factor *= 0.8 if buckets else 1.0
    factor *= 0.9 if "one-product" in rewrites else 1.0
    factor *= 0.95 if "fused-attention" in rewrites else 1.0
    factor *= 1.3 if threads == 1 else 1.0
    factor *= 1.2 ** len(kept)
    wrong = 20.0 if (runtime, precision) == ("tflite", "int8") and not kept else 0.0
    return base_us * factor, wrong


class Bench:
    """Stands in for the measuring stage.

    Args:
        student: whose answers are given.
        rule: what each model takes, and how often it is wrong.
    """

    def __init__(self, student: Path, rule: Rule = plain) -> None:
        self.evaluation = read_evaluation(student)
        self.by_ids = {self.evaluation.tokens.row_ids(row).tobytes(): row for row in range(len(self.evaluation.tokens))}
        self.rule = rule
        self.asked: list[str] = []
        self.generator = np.random.default_rng(0)

    def run(self, model: Model, tokens: Tokens) -> Outputs:
        text = (model.folder / model.graph.file).read_text()
        self.asked.append(text)
        wrong = self.rule(*json.loads(text), model.threads, model.graph.source_lengths)[1]
        rows = [self.by_ids[tokens.row_ids(row).tobytes()] for row in range(len(tokens))]
        answers = [logits_C[:, ::-1] if (row * 37) % 100 < wrong else logits_C for row, logits_C in self.logits(rows)]
        return of_logits(ragged.from_rows(answers, like=answers[0]))

    def logits(self, rows: Sequence[int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        return zip(rows, self.evaluation.student.logits.take(rows), strict=True)

    def time(self, model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        text = (model.folder / model.graph.file).read_text()
        latency_us = self.rule(*json.loads(text), model.threads, model.graph.source_lengths)[0]
        noise = self.generator.normal(1.0, 0.005)
        return tuple(int(1000 * latency_us * noise) for _ in rows)


def tune(*students_and_profile: Any, run: Run, time: Time, **question: Any) -> Finalist | None:
    """Search with stand-ins for what runs and times a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "outputs_of", run)
        patch.setattr(client, "times_of", time)
        return searching.tune(*students_and_profile, **question)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", STAND_IN))


def search(
    student: Path,
    profile: Profile,
    out: Path,
    bench: Bench,
    floor: str = "student-1",
    runtimes: Sequence[RuntimeName] = (),
) -> Finalist | None:
    return tune(
        [student],
        profile,
        floor=parse(floor),
        budget_s=600,
        out=out,
        run=bench.run,
        time=bench.time,
        runtimes=runtimes,
    )


def answer_of(student: Path, out: Path, floor: str = "student-1", runtimes: Sequence[RuntimeName] = ()) -> Path:
    return answer_folder(out, [student], parse(floor), runtimes)


def _change(manifest: Path, key: str, value: object) -> None:
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), key: value}))


@pytest.mark.usefixtures("stand_in")
def test_the_fastest_that_answers_right_is_found(student: Path, profile: Profile, tmp_path: Path) -> None:
    winner = search(student, profile, tmp_path, Bench(student))
    assert winner is not None
    answer_place = tmp_path / "student-student-1"
    assert answer_place == answer_of(student, tmp_path)
    best = read_artifact(answer_place / "best")
    verify(answer_place / "best", best)
    assert best.variant.runtime == "tflite"  # with what is most sensitive in float, it is still the fastest
    assert best.variant.precision == "int8"
    assert best.variant.kept_in_float
    assert best.threads == profile.threads
    answer = json.loads((answer_place / "tune.json").read_text())
    assert answer["winner"]["variant"] == best.variant.model_dump(mode="json")
    assert answer["winner"]["latency_ns"] == min(
        one["latency_ns"] for one in answer["finalists"] if one["reaches_floor"]
    )
    page = (answer_place / "TUNE.md").read_text()
    assert "but misses the floor" in page
    assert "The fastest fp32 of the same runtime, student tflite-fp32, 2 threads, takes" in page


@pytest.mark.usefixtures("stand_in")
def test_fixed_lengths_and_rewrites_are_found(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, Bench(student), runtimes=[RuntimeName.OPENVINO]) is not None
    best = read_artifact(answer_of(student, tmp_path, runtimes=[RuntimeName.OPENVINO]) / "best")
    assert best.precision == "int8"
    assert best.graph.source_lengths == (16, 24)
    assert "one-product" in best.variant.rewrites


@pytest.mark.usefixtures("stand_in")
def test_rewrites_that_each_help_are_found_together(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, Bench(student), runtimes=[RuntimeName.ONNX]) is not None
    assert {"one-product", "fused-attention"} <= {
        *read_artifact(answer_of(student, tmp_path, runtimes=[RuntimeName.ONNX]) / "best").variant.rewrites
    }


@pytest.mark.usefixtures("stand_in")
def test_it_may_answer_keep_fp32(student: Path, profile: Profile, tmp_path: Path) -> None:
    def slower(*asked: object) -> tuple[float, float]:
        return (100.0 if asked[1] == "fp32" else 200.0), 0.0

    assert search(student, profile, tmp_path, Bench(student, slower)) is not None
    answer = answer_of(student, tmp_path)
    assert read_artifact(answer / "best").precision == "fp32"
    assert "Keep fp32: nothing that is known to answer right is faster here" in (answer / "TUNE.md").read_text()


@pytest.mark.usefixtures("stand_in")
def test_nothing_reaches_a_floor_above_all(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, Bench(student), floor="student-0") is not None
    out, bench, above = tmp_path / "strict", Bench(student), Floor(reference="student", points=-5.0)
    assert tune([student], profile, floor=above, budget_s=60, out=out, run=bench.run, time=bench.time) is None
    answer = answer_folder(out, [student], above, ())
    assert not (answer / "best").exists()
    assert "Nothing that was tried reaches the floor" in (answer / "TUNE.md").read_text()


@pytest.mark.usefixtures("stand_in")
def test_a_killed_search_goes_on_and_what_was_best_stands(student: Path, profile: Profile, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    bench, answer = Bench(student), answer_of(student, tmp_path)

    def time(model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        if (answer / "best").exists():
            raise KilledError
        return bench.time(model, rows)

    with pytest.raises(KilledError):
        tune([student], profile, floor=parse("student-1"), budget_s=600, out=tmp_path, run=bench.run, time=time)
    first = read_artifact(answer / "best")
    verify(answer / "best", first)
    judged = len([entry for entry in Ledger(tmp_path).entries if entry.kind == "judged"])
    assert judged

    again = Bench(student)
    assert search(student, profile, tmp_path, again) is not None
    made_again = [entry for entry in Ledger(tmp_path).entries if entry.kind == "made"]
    assert len({entry.key for entry in made_again}) == len(made_again)  # nothing is made twice
    whole = search(student, profile, tmp_path / "whole", Bench(student))
    assert whole is not None
    whole_best = read_artifact(answer_of(student, tmp_path / "whole") / "best")
    assert read_artifact(answer / "best").variant == whole_best.variant


def test_what_was_stopped_is_made_another_time(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = 'variant["runtime"] == "onnx" and os.kill(os.getpid(), signal.SIGKILL)'
    stops = STAND_IN.replace("path = ", f"{stop}\npath = ", 1)
    made = []
    for program in (stops, STAND_IN):
        monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", program))
        assert search(student, profile, tmp_path, Bench(student)) is not None
        made.append({path.name for path in tmp_path.glob("models/*/onnx-*")})
    assert not made[0]
    assert {"onnx-fp32", "onnx-int8"} <= made[1]


@pytest.mark.usefixtures("stand_in")
def test_what_was_killed_while_it_was_checked_is_named_and_tried_again(
    student: Path, profile: Profile, tmp_path: Path
) -> None:
    bench, answer = Bench(student), answer_of(student, tmp_path, runtimes=[RuntimeName.ONNX])

    def run(model: Model, tokens: Tokens) -> Outputs:
        if json.loads((model.folder / model.graph.file).read_text())[1] == "int8":
            raise UnfinishedError("the worker was ended by SIGKILL")
        return bench.run(model, tokens)

    floor, only = parse("student-1"), [RuntimeName.ONNX]
    assert tune([student], profile, floor=floor, budget_s=60, out=tmp_path, run=run, time=bench.time, runtimes=only)
    said = "student onnx-int8 could not be made: the worker was ended by SIGKILL."
    assert said in (answer / "TUNE.md").read_text()
    assert search(student, profile, tmp_path, Bench(student), runtimes=only) is not None
    assert read_artifact(answer / "best").precision == "int8"
    assert said not in (answer / "TUNE.md").read_text()


@pytest.mark.usefixtures("stand_in")
def test_one_that_cannot_be_timed_does_not_stop_the_others(student: Path, profile: Profile, tmp_path: Path) -> None:
    bench = Bench(student)

    def time(model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        if model.runtime == "tflite":
            raise WorkerError("the worker was killed by SIGSEGV")
        return bench.time(model, rows)

    assert tune([student], profile, floor=parse("student-1"), budget_s=600, out=tmp_path, run=bench.run, time=time)
    assert read_artifact(answer_of(student, tmp_path) / "best").runtime == "openvino"
    failures = [entry.found["failure"] for entry in Ledger(tmp_path).entries if entry.kind == "timed"]
    assert "the worker was killed by SIGSEGV" in failures


@pytest.mark.usefixtures("stand_in")
def test_another_question_leaves_an_answer_as_it_is(student: Path, profile: Profile, tmp_path: Path) -> None:
    bench = Bench(student)
    assert search(student, profile, tmp_path, bench) is not None
    answer = answer_of(student, tmp_path)
    before = {path: path.read_bytes() for path in answer.rglob("*") if path.is_file()}
    made = len([entry for entry in Ledger(tmp_path).entries if entry.kind == "made"])
    above = Floor(reference="student", points=-5.0)
    assert tune([student], profile, floor=above, budget_s=60, out=tmp_path, run=bench.run, time=bench.time) is None
    assert search(student, profile, tmp_path, bench, floor="student-0") is not None
    assert search(student, profile, tmp_path, bench, runtimes=[RuntimeName.ONNX]) is not None
    assert {path: path.read_bytes() for path in answer.rglob("*") if path.is_file()} == before
    assert {path.parent.name for path in tmp_path.glob("*/best")} == {
        "student-student-1",
        "student-student-0",
        "student-student-1-onnx",
    }
    # What was made for one floor is found for the other.
    assert len([entry for entry in Ledger(tmp_path).entries if entry.kind == "made"]) < 2 * made


@pytest.mark.usefixtures("stand_in")
def test_a_shorter_search_does_not_replace_a_faster_answer(student: Path, profile: Profile, tmp_path: Path) -> None:
    bench, answer = Bench(student), answer_of(student, tmp_path)
    assert search(student, profile, tmp_path, bench) is not None
    best = read_artifact(answer / "best")
    floor = parse("student-1")
    winner = tune([student], profile, floor=floor, budget_s=1e-9, out=tmp_path, run=bench.run, time=bench.time)
    assert winner is not None
    assert read_artifact(answer / "best") == best
    assert winner.candidate.artifact.variant == best.variant
    assert best.variant.name in (answer / "TUNE.md").read_text()


@pytest.mark.usefixtures("stand_in")
def test_a_faster_answer_replaces_an_earlier_one(student: Path, profile: Profile, tmp_path: Path) -> None:
    floor, answer = parse("student-1"), answer_of(student, tmp_path)
    slow = Bench(student, lambda *asked: (200.0 if asked[1] == "int8" else 100.0, 0.0))
    assert tune([student], profile, floor=floor, budget_s=1e-9, out=tmp_path, run=slow.run, time=slow.time)
    assert read_artifact(answer / "best").precision == "fp32"
    assert search(student, profile, tmp_path, Bench(student)) is not None
    assert read_artifact(answer / "best").precision == "int8"


@pytest.mark.usefixtures("stand_in")
def test_an_answer_whose_model_is_gone_is_put_aside(student: Path, profile: Profile, tmp_path: Path) -> None:
    answer = answer_of(student, tmp_path)
    assert search(student, profile, tmp_path, Bench(student)) is not None
    best = read_artifact(answer / "best")
    shutil.rmtree(tmp_path / "models")
    (tmp_path / "ledger.jsonl").unlink()
    assert search(student, profile, tmp_path, Bench(student), runtimes=()) is not None
    aside = answer / f"best-{best.key[:8]}"
    verify(aside, read_artifact(aside))
    assert (answer / "best").exists()


@pytest.mark.usefixtures("stand_in")
def test_an_answer_of_another_student_of_the_same_name_is_left(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path / "out", Bench(student)) is not None
    other = tmp_path / "again" / "student"
    shutil.copytree(student, other)
    _change(other / "student.json", "seed", 5)
    with pytest.raises(
        InputError, match="best: was made from a different student or for another device: choose another --out"
    ):
        search(other, profile, tmp_path / "out", Bench(other))


@pytest.mark.usefixtures("stand_in")
def test_a_finished_folder_is_no_place_to_work_in(student: Path, profile: Profile) -> None:
    before = sorted(student.iterdir())
    with pytest.raises(InputError, match=r"is a finished folder \(student\.json\): choose another --out"):
        search(student, profile, student, Bench(student))
    assert sorted(student.iterdir()) == before


@pytest.mark.usefixtures("stand_in")
def test_a_student_that_time_did_not_allow_is_named(student: Path, profile: Profile, tmp_path: Path) -> None:
    other, floor, bench = tmp_path / "other", parse("80"), Bench(student)
    shutil.copytree(student, other)
    out = tmp_path / "out"
    both = [student, other]
    assert tune(both, profile, floor=floor, budget_s=1e-9, out=out, run=bench.run, time=bench.time)
    page = (answer_folder(out, both, floor, ()) / "TUNE.md").read_text()
    assert "Nothing was made or timed of other." in page


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("metric", "expected"), [("f1_macro", "f1_macro"), ("", "accuracy")])
def test_the_floor_is_of_the_recipes_metric(
    student: Path, profile: Profile, tmp_path: Path, metric: str, expected: str
) -> None:
    own = tmp_path / "own"
    shutil.copytree(student, own)
    _change(own / "student.json", "recipe", {"metric": metric})
    winner = search(own, profile, tmp_path / "out", Bench(own), runtimes=[RuntimeName.ONNX])
    assert winner is not None
    assert winner.search is not None
    assert winner.search.metric == expected
    best = read_artifact(answer_of(own, tmp_path / "out", runtimes=[RuntimeName.ONNX]) / "best")
    assert best.quality.metric == expected
    assert best.quality.value.value == best.quality.student


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("metric", "sentences"), [("accuracy", 20), ("f1_macro", 40)])
def test_what_is_surely_wrong_is_asked_no_more_where_the_metric_is_a_share(
    student: Path, profile: Profile, tmp_path: Path, metric: str, sentences: int
) -> None:
    def wrong(*asked: object) -> tuple[float, float]:
        return (100.0, 0.0) if asked[1] == "fp32" else (50.0, 100.0)

    own = tmp_path / "own"
    shutil.copytree(student, own)
    _change(own / "student.json", "recipe", {"metric": metric})
    assert search(own, profile, tmp_path / "out", Bench(own, wrong), runtimes=[RuntimeName.ONNX]) is not None
    judged = [entry for entry in Ledger(tmp_path / "out").entries if entry.kind == "judged"]
    asked = {entry.found["sentences"] for entry in judged if entry.found["outcome"] == "missed"}
    assert asked == {sentences}


@pytest.mark.usefixtures("stand_in")
def test_tags_are_judged_by_their_spans(tagger: Path, profile: Profile, tmp_path: Path) -> None:
    winner = search(tagger, profile, tmp_path, Bench(tagger), runtimes=[RuntimeName.ONNX])
    assert winner is not None
    assert winner.search is not None
    assert (winner.search.metric, winner.search.score) == ("f1", 1.0)
    best = read_artifact(answer_of(tagger, tmp_path, runtimes=[RuntimeName.ONNX]) / "best")
    assert best.variant.reads == "all"
    assert "first-token" not in best.variant.rewrites


@pytest.mark.usefixtures("stand_in")
def test_a_search_without_time_still_answers(student: Path, profile: Profile, tmp_path: Path) -> None:
    bench = Bench(student)
    floor = parse("student-1")
    assert tune([student], profile, floor=floor, budget_s=1e-9, out=tmp_path, run=bench.run, time=bench.time)
    assert len([entry for entry in Ledger(tmp_path).entries if entry.kind == "made"]) <= 3
    assert "The budget is spent" in (answer_of(student, tmp_path) / "TUNE.md").read_text()


@pytest.mark.usefixtures("stand_in")
def test_nothing_that_runs_is_an_error_of_one_line(student: Path, profile: Profile, tmp_path: Path) -> None:
    def time(model: Model, _rows: tuple[int, ...]) -> tuple[int, ...]:
        raise WorkerError(f"{model.folder.name} was killed by SIGSEGV")

    with pytest.raises(WorkerError, match=r"no model could be timed \(.* was killed by SIGSEGV\)"):
        tune([student], profile, floor=parse("80"), budget_s=60, out=tmp_path, run=Bench(student).run, time=time)


@pytest.mark.usefixtures("stand_in")
def test_what_another_version_found_is_asked_again(student: Path, profile: Profile, tmp_path: Path) -> None:
    first = search(student, profile, tmp_path, Bench(student), runtimes=[RuntimeName.ONNX])
    ledger = tmp_path / "ledger.jsonl"
    before = ledger.read_text(encoding="utf-8")
    other = before.replace('"sentences":', '"rows":')
    assert other != before
    ledger.write_text(other, encoding="utf-8")
    again = search(student, profile, tmp_path, Bench(student), runtimes=[RuntimeName.ONNX])
    assert first is not None
    assert again is not None
    assert again.search == first.search
    asked = ledger.read_text(encoding="utf-8").removeprefix(other)
    assert '"kind":"judged"' in asked


@pytest.mark.parametrize("place", ["student-student-1/best/thesis.txt", "ledger.jsonl"])
def test_what_is_not_its_own_is_left_alone(student: Path, profile: Profile, tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")
    with pytest.raises(InputError, match="choose another --out"):
        search(student, profile, tmp_path, Bench(student))
    assert path.read_text() == "mine\n"


def test_students_that_cannot_be_compared_are_refused(student: Path, profile: Profile, tmp_path: Path) -> None:
    bench = Bench(student)
    for floor, message in (("student-1", "is another for each student"), ("80", "two students are called student")):
        with pytest.raises(InputError, match=message):
            tune(
                [student, student],
                profile,
                floor=parse(floor),
                budget_s=60,
                out=tmp_path,
                run=bench.run,
                time=bench.time,
            )
