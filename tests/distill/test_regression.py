"""Regression: scores instead of labels, from data to report."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification
from typer.testing import CliRunner

from bench.record import Record
from contract.errors import InputError
from contract.strict import read_json
from distill import command
from distill.data.dataset import load
from distill.data.rows import Splits
from distill.distil import distil
from distill.prepare import prepare
from distill.recipe.data import Data
from infer.folders.artifact import read_artifact
from infer.folders.student import read_evaluation, read_student, read_teacher
from infer.tasks import evaluate, regression
from tests.in_process import in_process
from tinybert_edge import cli

ROWS = {"train.tsv": 160, "dev.tsv": 40}


def write_pairs(folder: Path, scale: float = 1.0) -> Path:
    """Write pairs of texts whose score is the number of times `good` occurs in both."""
    chance = random.Random(0)
    folder.mkdir()
    for name, rows in ROWS.items():
        lines = ["sentence1\tsentence2\tscore"]
        for _ in range(rows):
            words = [chance.choice(("good", "bad", "film")) for _ in range(6)]
            lines.append(f"{' '.join(words[:3])}\t{' '.join(words[3:])}\t{scale * words.count('good')}")
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_recipe(path: Path, model: Path, floor: float = 0.9) -> Path:
    path.write_text(
        f"""
schema_version = 1
name = "counting"
task = "regression"
seed = 1
max_length_tokens = 16
calibration_sentences = 32

[data]
format = "tsv"
train = "train.tsv"
validation = "dev.tsv"
text = "sentence1"
text_pair = "sentence2"
label = "score"

[teacher]
model = "{model}"
epochs = 15
learning_rate = 3e-3
batch_size = 8
floor = {floor}

[student]
layers = [1]

[[stages]]
name = "layers"
epochs = 4
learning_rate = 1e-3
batch_size = 8
losses = {{ embedding = 1.0, hidden = 1.0, attention = 1.0 }}

[[stages]]
name = "prediction"
epochs = 10
learning_rate = 2e-3
batch_size = 8
losses = {{ prediction = 1.0, labels = 0.5 }}
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, encoder_folder: Path) -> Path:
    """The folder of a regression that was distilled, converted for ONNX, measured and reported."""
    folder = tmp_path_factory.mktemp("regression")
    recipe = write_recipe(folder / "counting.toml", encoder_folder)
    data = write_pairs(folder / "data")
    teacher, student = distil(*prepare(str(recipe), data, None, None, None), folder / "out")
    onnx = ["--target", "laptop-x86", "--runtime", "onnx", "--out", str(folder / "artifacts")]
    artifacts = [str(folder / "artifacts" / "laptop-x86" / f"onnx-{precision}") for precision in ("fp32", "int8")]
    quick = ["--blocks", "1", "--sentences", "8", "--student", str(student)]
    for arguments in (
        ["convert", str(student), *onnx],
        ["bench", str(teacher), *artifacts, *quick, "--out", str(folder / "results")],
        ["report", str(folder / "results"), "--out", str(folder / "report.html")],
    ):
        with in_process():
            result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
    return folder


def test_a_student_learns_scores(finished: Path) -> None:
    (student,) = finished.glob("out/student-*")
    (teacher,) = finished.glob("out/teacher-*")
    evaluation = read_evaluation(student)
    values = evaluate.values(regression.Settings(), evaluation.student, evaluation.labels)
    assert evaluation.student.logits.values.shape == (ROWS["dev.tsv"], 1)
    assert values["pearson"] > 0.9
    assert values["rmse"] < np.std(evaluation.labels.values) / 2
    assert read_teacher(teacher).validation_scores["pearson"] > 0.9
    model = AutoModelForSequenceClassification.from_pretrained(student)
    assert (model.config.num_labels, model.config.problem_type) == (1, "regression")
    assert read_student(student).task == regression.Settings()
    assert list(command.as_json(student, "spearman")["scores"]) == ["spearman", "pearson", "rmse"]


def test_every_artifact_is_the_student_and_is_judged(finished: Path) -> None:
    records = [read_json(path, Record) for path in finished.glob("results/*/*.json")]
    assert len(records) == 3
    for record in records:
        assert record.quality is not None
        assert set(record.quality) == {"pearson", "spearman", "rmse"}
        assert (record.metric, record.examples) == ("pearson", ROWS["dev.tsv"])
        pearson = record.quality["pearson"]
        assert 0.9 < pearson.low <= pearson.value <= pearson.high
        if record.kind == "teacher":
            assert record.agreement == {"teacher": 1.0}
            assert record.drop is None
        else:
            assert record.agreement["student"] == 1 or record.precision != "fp32"
            assert record.drop is not None
    assert read_artifact(finished / "artifacts" / "laptop-x86" / "onnx-fp32").parity.agreement == 1


def test_the_report_shows_correlations(finished: Path) -> None:
    report = (finished / "REPORT.md").read_text()
    heading = next(line for line in report.splitlines() if line.startswith("| Model | Runtime"))
    assert "| Pearson (95 %) | Drop (of Pearson, 95 %) |" in heading
    assert "Accuracy" not in report
    assert "Pearson against median latency" in report
    assert "0.030 of the teacher (Pearson, the budget of laptop-x86)" in report
    assert "Pearson with 95 % interval" in (finished / "pareto.svg").read_text()


def _load(folder: Path, **changes: str) -> Splits:
    document = {
        "format": "tsv",
        "train": "train.tsv",
        "validation": "dev.tsv",
        "text": "sentence1",
        "text_pair": "sentence2",
        "label": "score",
        **changes,
    }
    return load(Data.model_validate(document), folder, 0, "regression")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a\tb\t1\nc\td\thigh\n", "{file}:3: score 'high' is not a finite number: correct or remove the row"),
        ("a\tb\t1\nc\td\tnan\n", "{file}:3: score 'nan' is not a finite number: correct or remove the row"),
        ("a\tb\t1\nc\td\t\n", "{file}:3: score '' is not a finite number: correct or remove the row"),
        (
            "a\tb\t1.5\nc\td\t1.5\n",
            "{file}: all 2 rows have the score 1.5: a split needs sentences with at least two different scores",
        ),
        ("a\t \t1\nc\td\t2\n", "{file}:2: empty 'sentence2': remove the row or give it a text"),
        ("", "{file}: no rows: a split needs sentences with at least two different scores"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, rows: str, message: str) -> None:
    folder = write_pairs(tmp_path / "data")
    (folder / "train.tsv").write_text("sentence1\tsentence2\tscore\n" + rows, encoding="utf-8")
    with pytest.raises(InputError) as error:
        _load(folder)
    assert str(error.value) == message.format(file=folder / "train.tsv")


@pytest.mark.parametrize(
    ("outputs", "factor", "shift", "message"),
    [
        (2, 1.0, 0.0, "has 2 outputs, regression needs one"),
        (1, -1.0, 0.0, "run opposite to the data: pearson is -"),
        (1, 1.0, 50.0, "are on a different scale than the data: 5"),
    ],
)
def test_a_fine_tuned_model_with_other_scores_is_refused(
    tmp_path: Path, finished: Path, outputs: int, factor: float, shift: float, message: str
) -> None:
    """Reverse or shift the head of the teacher."""
    (teacher,) = finished.glob("out/teacher-*")
    changed = tmp_path / "changed"
    shutil.copytree(teacher, changed)
    model = BertForSequenceClassification.from_pretrained(
        teacher, num_labels=outputs, problem_type=None, ignore_mismatched_sizes=True
    )
    with torch.no_grad():
        model.classifier.weight.mul_(factor)
        model.classifier.bias.mul_(factor).add_(shift)
    model.save_pretrained(changed)
    prepared = prepare(str(finished / "counting.toml"), finished / "data", str(changed), None, None)
    with pytest.raises(InputError) as error:
        distil(*prepared, tmp_path / "other")
    assert message in str(error.value)
    assert not list(tmp_path.glob("other/*"))
