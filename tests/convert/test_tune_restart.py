"""Searches that are killed, repeated, or run for another question in the same folder."""

import shutil
from pathlib import Path

import pytest

from contract.errors import InputError
from contract.folder import verify
from convert.tune.floor import Floor
from infer.folders.artifact import read_artifact
from infer.folders.model import Model
from targets.profile import Profile, RuntimeName
from tests.convert.tuning import FakeWorker, answer_of, change, ledger_entries, page_of, search, tune

ONNX = [RuntimeName.ONNX]


def test_a_killed_search_continues_and_its_best_model_remains(student: Path, profile: Profile, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    worker, answer = FakeWorker(student), answer_of(student, tmp_path)

    def time(model: Model, rows: tuple[int, ...]) -> tuple[int, ...]:
        if (answer / "best").exists():
            raise KilledError
        return worker.time(model, rows)

    with pytest.raises(KilledError):
        search(student, profile, tmp_path, time=time)
    verify(answer / "best", read_artifact(answer / "best"))
    assert ledger_entries(tmp_path, "judged")

    assert search(student, profile, tmp_path) is not None
    converted = [entry.key for entry in ledger_entries(tmp_path, "made")]
    assert len(set(converted)) == len(converted)  # nothing is converted twice
    assert search(student, profile, tmp_path / "whole") is not None
    uninterrupted = read_artifact(answer_of(student, tmp_path / "whole") / "best")
    assert read_artifact(answer / "best").variant == uninterrupted.variant


def test_a_question_does_not_change_other_answers(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path) is not None
    answer = answer_of(student, tmp_path)
    before = {path: path.read_bytes() for path in answer.rglob("*") if path.is_file()}
    converted = len(ledger_entries(tmp_path, "made"))
    worker, above = FakeWorker(student), Floor(reference="student", points=-5.0)
    assert tune([student], profile, floor=above, budget_s=60, out=tmp_path, run=worker.run, time=worker.time) is None
    assert search(student, profile, tmp_path, floor="student-0") is not None
    assert search(student, profile, tmp_path, runtimes=ONNX) is not None
    assert {path: path.read_bytes() for path in answer.rglob("*") if path.is_file()} == before
    assert {path.parent.name for path in tmp_path.glob("*/best")} == {
        "student-student-1",
        "student-student-0",
        "student-student-1-onnx",
    }
    # Models of one question are reused for the others.
    assert len(ledger_entries(tmp_path, "made")) < 2 * converted


def test_a_shorter_search_does_not_replace_a_faster_answer(student: Path, profile: Profile, tmp_path: Path) -> None:
    answer = answer_of(student, tmp_path)
    assert search(student, profile, tmp_path) is not None
    best = read_artifact(answer / "best")
    winner = search(student, profile, tmp_path, budget_s=1e-9)
    assert winner is not None
    assert read_artifact(answer / "best") == best
    assert winner.candidate.artifact.variant == best.variant
    assert best.variant.name in page_of(answer)


def test_results_of_an_earlier_search_are_used_without_time(student: Path, profile: Profile, tmp_path: Path) -> None:
    assert search(student, profile, tmp_path, runtimes=ONNX) is not None
    assert search(student, profile, tmp_path, runtimes=ONNX, budget_s=1e-9) is not None
    assert "| not evaluated |" not in page_of(answer_of(student, tmp_path, runtimes=ONNX))


def test_a_faster_answer_replaces_an_earlier_one(student: Path, profile: Profile, tmp_path: Path) -> None:
    def rule(_runtime: str, precision: str, *_: object) -> tuple[float, float]:
        return (200.0 if precision == "int8" else 100.0), 0.0

    answer = answer_of(student, tmp_path)
    assert search(student, profile, tmp_path, rule=rule, budget_s=1e-9)
    assert read_artifact(answer / "best").precision == "fp32"
    assert search(student, profile, tmp_path) is not None
    assert read_artifact(answer / "best").precision == "int8"


def test_an_answer_without_its_model_is_set_aside(
    student: Path, profile: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = answer_of(student, tmp_path)
    assert search(student, profile, tmp_path) is not None
    best = read_artifact(answer / "best")
    shutil.rmtree(tmp_path / "models")
    (tmp_path / "ledger.jsonl").unlink()
    assert search(student, profile, tmp_path) is not None
    aside = answer / f"best-{best.key[:8]}"
    verify(aside, read_artifact(aside))
    assert (answer / "best").exists()
    assert (
        f"{answer / 'best'}: an earlier answer that misses the floor or cannot be compared, renamed to {aside.name}\n"
    ) in capsys.readouterr().err


def test_the_answer_of_another_student_with_the_same_name_is_kept(
    student: Path, profile: Profile, tmp_path: Path
) -> None:
    assert search(student, profile, tmp_path / "out") is not None
    other = tmp_path / "again" / "student"
    shutil.copytree(student, other)
    change(other / "student.json", "seed", 5)
    with pytest.raises(
        InputError, match="best: was made from a different student or for another device: choose another --out"
    ):
        search(other, profile, tmp_path / "out")


def test_results_of_another_version_are_evaluated_again(student: Path, profile: Profile, tmp_path: Path) -> None:
    first = search(student, profile, tmp_path, runtimes=ONNX)
    ledger = tmp_path / "ledger.jsonl"
    before = ledger.read_text(encoding="utf-8")
    other = before.replace('"sentences":', '"rows":')
    assert other != before
    ledger.write_text(other, encoding="utf-8")
    again = search(student, profile, tmp_path, runtimes=ONNX)
    assert first is not None
    assert again is not None
    assert again.search == first.search
    assert '"kind":"judged"' in ledger.read_text(encoding="utf-8").removeprefix(other)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "student-student-1/best/thesis.txt",
            "student-student-1/best: not an artifact, so not from an earlier search: choose another --out",
        ),
        ("ledger.jsonl", "ledger.jsonl: not a ledger of this version of tinybert tune: choose another --out"),
    ],
)
def test_other_files_are_not_replaced(student: Path, profile: Profile, tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")
    with pytest.raises(InputError) as caught:
        search(student, profile, tmp_path)
    assert str(caught.value) == f"{tmp_path}/{message}"
    assert path.read_text() == "mine\n"


def test_a_finished_folder_is_rejected_as_output(student: Path, profile: Profile) -> None:
    before = sorted(student.iterdir())
    with pytest.raises(InputError, match=r"is a finished folder \(student\.json\): choose another --out"):
        search(student, profile, student)
    assert sorted(student.iterdir()) == before
