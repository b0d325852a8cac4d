"""A classifier that was not distilled here is converted with labelled rows, and answers as in transformers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import pipeline

from bench.record import read_record
from infer import load
from infer.folders.artifact import read_artifact
from infer.folders.student import STUDENT_MANIFEST, read_calibration, read_evaluation, read_student
from tests import tiny

Tinybert = Callable[..., tuple[int, str, str]]
TEXTS = [f"a {'film ' * (row % 7)}{tiny.subject(row)} {'good' if row % 2 else 'bad'}" for row in range(70)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_rows(path: Path, labels: Sequence[object] = ("BAD", "good"), texts: Sequence[str] = TEXTS) -> Path:
    lines = [f"{text},{labels[row % len(labels)]}" for row, text in enumerate(texts)]
    path.write_text("\n".join(["review,label", *lines]) + "\n", encoding="utf-8")
    return path


def save(folder: Path, task: str, names: Sequence[str] = (), **changes: Any) -> Path:
    tiny.model(task, names, **changes).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.mark.usefixtures("in_process")
def test_its_artifact_answers_as_transformers_does(
    tinybert: Tinybert, here: Path, classifier_folder: Callable[..., Path]
) -> None:
    model = classifier_folder(("bad", "good"))
    write_rows(here / "dev.csv")
    options = ("--runtime", "onnx", "--precision", "fp32", "--precision", "int8", "--target", "laptop-x86-vnni")
    code, out, err = tinybert("convert", model, "--data", "dev.csv", *options)
    assert code == 0, err
    (student,) = (here / "runs" / "classifier").glob("student-*")
    assert "texts are cut at 32 tokens, the longest here has" in err
    assert f"as a student folder: {student.relative_to(here)}" in err
    assert f"judged on {len(read_evaluation(student).tokens)} rows of dev.csv, " in err
    assert "In PyTorch: " in out
    assert "eacher" not in out

    artifacts = Path(out.splitlines()[-1])
    assert artifacts.is_relative_to(here / "runs" / "classifier" / "artifacts")
    classify = pipeline("text-classification", model=str(model))
    with load.load(artifacts / "onnx-fp32") as predict:
        for text, expected in zip(TEXTS, classify(TEXTS), strict=True):
            answer = predict(text)
            assert (answer.label, answer.score) == (expected["label"], pytest.approx(expected["score"], abs=1e-4))
    artifact = read_artifact(artifacts / "onnx-fp32")
    assert artifact.quality.value.value == artifact.quality.student == artifact.quality.teacher
    assert artifact.quality.drop.value == 0
    assert "teacher" not in artifact.parents

    before = (student / STUDENT_MANIFEST).stat().st_mtime_ns
    assert tinybert("convert", model, "--data", "dev.csv", *options)[0] == 0
    assert (student / STUDENT_MANIFEST).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("bad", "good"), ("bad", "good")),
        (("bad", "good"), ("0", "1")),
        (("Bad", "Good"), ("BAD", "good")),
        (("LABEL_0", "LABEL_1"), ("0", "1")),
    ],
)
def test_labels_are_the_models(
    tinybert: Tinybert,
    here: Path,
    classifier_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, str],
    labels: tuple[str, str],
) -> None:
    student = adopt(tinybert, monkeypatch, classifier_folder(names), write_rows(here / "dev.csv", labels))
    evaluation = read_evaluation(student)
    assert read_student(student).task.names == names
    assert set(evaluation.labels.values.tolist()) == {0, 1}
    assert (evaluation.student.logits.values.argmax(axis=1) == evaluation.labels.values).mean() > 0.9


def adopt(tinybert: Tinybert, monkeypatch: pytest.MonkeyPatch, model: Path, data: Path, *options: object) -> Path:
    """Return the student folder of a classifier without converting it."""
    found: list[Path] = []

    def convert_student(student: Path, *_: object, **__: object) -> list[Path]:
        found.append(student)
        return []

    monkeypatch.setattr("convert.build.convert_student", convert_student)
    monkeypatch.setattr("convert.command.show", lambda *_, **__: None)
    code, _, err = tinybert("convert", model, "--data", data, *options)
    assert code == 0, err
    return found[0]


def test_no_row_both_calibrates_and_is_judged(
    tinybert: Tinybert, here: Path, classifier_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = classifier_folder(("bad", "good")), here / "data"
    data.mkdir()
    for name, others in (("dev.csv", False), ("train.csv", True)):
        write_rows(data / name, texts=[f"the {text}" for text in TEXTS] if others else TEXTS)
    for given, judged in ((data / "dev.csv", None), (data, len(TEXTS)), (data / "train.csv", len(TEXTS))):
        student = adopt(tinybert, monkeypatch, model, given)
        evaluation, calibration = read_evaluation(student).tokens, read_calibration(student)
        rows = [{tokens.row_ids(row).tobytes() for row in range(len(tokens))} for tokens in (evaluation, calibration)]
        assert not rows[0] & rows[1]
        assert rows[1]
        assert judged in (None, len(evaluation))


@pytest.mark.parametrize("task", ["regression", "token_classification"])
def test_scores_and_tags(tinybert: Tinybert, here: Path, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    if task == "regression":
        model, data = save(here / "scorer", task), write_rows(here / "dev.csv", [0.5, 1.5, 2.0])
    else:
        model, data = save(here / "tagger", task, ("O", "B-PER")), here / "dev.conll"
        sentences = [["the O", "good B-PER", *["was O"] * (row % 9), ""] for row in range(20)]
        data.write_text("\n".join("\n".join(lines) for lines in sentences), encoding="utf-8")
    student = adopt(tinybert, monkeypatch, model, data, "--max-length-tokens", 16)
    manifest, evaluation = read_student(student), read_evaluation(student)
    assert (manifest.task.kind, manifest.max_length_tokens) == (task, 16)
    assert np.array_equal(evaluation.teacher.logits.values, evaluation.student.logits.values)
    if task == "token_classification":
        assert manifest.task.names == ("O", "B-PER")


def _untrained(folder: Path) -> None:
    change_config(folder, architectures=["BertModel"])


def _several(folder: Path) -> None:
    change_config(folder, problem_type="multi_label_classification")


def _decoder(folder: Path) -> None:
    change_config(folder, model_type="gpt2")


@pytest.mark.parametrize(
    ("spoil", "labels", "options", "message"),
    [
        (None, ("bad", "fine"), [], "dev.csv:3: unknown label 'fine': known: 0 bad, 1 good"),
        (None, ("0", "2"), [], "dev.csv:3: unknown label '2'"),
        (None, ("bad", "good"), ["--label", "lable"], "dev.csv: no column 'lable', did you mean 'label'?"),
        (None, ("bad", "good"), ["--text", "txt"], "dev.csv: no column 'txt'"),
        (None, ("bad", "good"), ["--max-length-tokens", 500], "--max-length-tokens 500 is more than the 64 positions"),
        (_untrained, ("bad", "good"), [], "classifier: is no classifier (architectures in its config.json: BertModel)"),
        (_several, ("bad", "good"), [], "classifier: was trained for multi_label_classification, not single_label"),
        (_decoder, ("bad", "good"), [], "classifier: model type 'gpt2' is not supported: supported: bert, "),
    ],
)
def test_what_is_refused_before_anything_is_written(
    tinybert: Tinybert,
    here: Path,
    classifier_folder: Callable[..., Path],
    spoil: Callable[[Path], None] | None,
    labels: tuple[str, str],
    options: list[object],
    message: str,
) -> None:
    model = classifier_folder(("bad", "good"))
    write_rows(here / "dev.csv", labels)
    if spoil is not None:
        spoil(model)
    for command in ("convert", "tune"):
        code, out, err = tinybert(command, "classifier", "--data", "dev.csv", "--target", "auto", *options)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].startswith(f"error: {message}")
        assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["classifier"],
            "classifier: no student.json, so not distilled here: to convert it as it is, give labelled rows",
        ),
        (["classifier", "--data", "none.csv"], "none.csv: no such file or folder: name a data file"),
        (["no/such/folder", "--data", "dev.csv"], "no/such/folder: no such folder: give a folder or a Hugging Face"),
        (["classifier", "--text", "review"], "--text, --text-pair, --label and --max-length-tokens describe --data"),
        (
            ["classifier", "--data", "few.csv"],
            "few.csv: 9 rows are too few to judge and to calibrate on: give at least",
        ),
        (
            ["classifier", "--data", "same.csv"],
            "same.csv: all rows have the same texts: give rows with different texts",
        ),
    ],
)
def test_what_is_missing(
    tinybert: Tinybert, here: Path, classifier_folder: Callable[..., Path], arguments: list[str], message: str
) -> None:
    classifier_folder(("bad", "good"))
    write_rows(here / "dev.csv")
    write_rows(here / "few.csv", texts=TEXTS[:9])
    write_rows(here / "same.csv", texts=["a film"] * 20)
    code, _, err = tinybert("convert", *arguments)
    assert code == 2
    assert err.splitlines()[-1].startswith(f"error: {message}")


def test_a_student_folder_has_rows_of_its_own(tinybert: Tinybert, student: Path) -> None:
    code, _, err = tinybert("convert", student, "--data", "dev.csv")
    assert (code, err.splitlines()[-1]) == (2, f"error: {student}: a student folder has its own rows: leave --data out")


@pytest.mark.slow
def test_the_fastest_is_found_and_measured(
    tinybert: Tinybert, here: Path, classifier_folder: Callable[..., Path]
) -> None:
    classifier_folder(("bad", "good"))
    write_rows(here / "dev.csv")
    code, out, err = tinybert(
        "tune", "classifier", "--data", "dev.csv", "--floor", "student-5", "--runtime", "onnx", "--budget", "30s"
    )
    assert code == 0, err
    code, out, err = tinybert("bench", out.splitlines()[-1], "--blocks", 2, "--sentences", 8)
    assert code == 0, err
    (record,) = map(read_record, Path(out.splitlines()[-1]).glob("*.json"))
    assert record.quality is not None
    assert record.quality["accuracy"].value > 0.9
