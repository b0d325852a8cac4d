"""Multitask distillation: what the students share, what differs per task, and what is refused."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor
from typer.testing import CliRunner

from contract.errors import InputError
from contract.folder import verify
from distill import recipe
from distill.multitask import recipe as recipes
from distill.training.heads import Head, Rows, mean_by_head
from infer.folders.student import read_evaluation, read_student
from tinybert_edge import cli

pytestmark = pytest.mark.usefixtures("teachers")

TASK = """
schema_version = 1
name = "{name}"
task = "{task}"
seed = 1
max_length_tokens = 32

[data]
format = "tsv"
train = "train.tsv"
validation = "dev.tsv"
text = "sentence"
label = "label"
{label_names}

[teacher]
model = "{model}"
epochs = 12
learning_rate = 3e-3
batch_size = 8
floor = 0.8

[student]
layers = [1]

[[stages]]
name = "prediction"
epochs = 1
learning_rate = 1e-3
losses = {{ prediction = 1.0 }}
"""
TOGETHER = """
schema_version = 1
name = "both"
recipes = ["praise.toml", "length.toml"]

[student]
layers = [0]

[[stages]]
name = "together"
epochs = 20
learning_rate = 3e-3
batch_size = 8
losses = { prediction = 1.0, labels = 0.5 }
"""


@pytest.fixture
def tasks(tmp_path: Path, encoder_folder: Path) -> Path:
    """A task of two labels, a task of scores with other sentences, and the recipe that joins them."""
    kinds: dict[str, tuple[str, str, Callable[[int], float]]] = {
        "praise": ("classification", 'label_names = ["negative", "positive"]', lambda row: row % 2),
        "length": ("regression", "", lambda row: 0.5 * (row % 4)),
    }
    for name, (task, label_names, label) in kinds.items():
        text = TASK.format(name=name, task=task, label_names=label_names, model=encoder_folder)
        (tmp_path / f"{name}.toml").write_text(text)
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for split, first, rows in (("train", "the", 64), ("dev", "a", 16)):
            lines = [
                f"{first} film was {'very ' * (row % 4)}{'good' if row % 2 else 'bad'}\t{label(row)}"
                for row in range(rows)
            ]
            (folder / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *lines]) + "\n")
    (tmp_path / "both.toml").write_text(TOGETHER)
    more = (tmp_path / "length.toml").read_text().replace('"length"', '"more"')
    (tmp_path / "more.toml").write_text(f"{more}\n[augmentation]\n")
    (tmp_path / "data" / "more").symlink_to(tmp_path / "data" / "length")
    return tmp_path


def _run(tasks: Path, *options: str) -> list[Path]:
    out = tasks / "out"
    arguments = ["multitask", str(tasks / "both.toml"), "--data", str(tasks / "data"), "--out", str(out), *options]
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return [max(out.glob(f"{name}/student-*"), key=lambda path: path.stat().st_mtime) for name in ("praise", "length")]


def test_one_encoder_answers_both_tasks(tasks: Path) -> None:
    praise, length = _run(tasks)
    answers = read_evaluation(praise)
    assert (answers.student.logits.values.argmax(axis=1) == answers.labels.values).mean() == 1
    scores = read_evaluation(length)
    assert scores.student.logits.values.shape[1] == 1
    assert np.corrcoef(scores.student.logits.values[:, 0], scores.labels.values)[0, 1] > 0.9
    weights = [load_file(folder / "model.safetensors") for folder in (praise, length)]
    shared = [name for name in weights[0] if not name.startswith("classifier")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in shared)
    assert [len(state["classifier.bias"]) for state in weights] == [2, 1]
    for folder in (praise, length):
        verify(folder, read_student(folder))
        assert len(read_student(folder).parents) == 2

    written = [path.stat().st_mtime_ns for path in (praise / "student.json", length / "student.json")]
    assert _run(tasks) == [praise, length]
    assert [path.stat().st_mtime_ns for path in (praise / "student.json", length / "student.json")] == written


def test_a_changed_recipe_makes_another_student_of_the_same_teachers(tasks: Path) -> None:
    few = ["--set", "stages.0.epochs=1"]
    first = _run(tasks, *few)
    second = _run(tasks, *few, "--set", "seed=3", "--set", "student.vocabulary={}", "--set", 'student.start="random"')
    assert set(first).isdisjoint(second)
    assert [len(list((tasks / "out" / name).glob("teacher-*"))) for name in ("praise", "length")] == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("stages.0.losses.hidden=1", "the hidden loss needs a single teacher, use prediction and labels"),
        (
            'student={preset="bert-2l-128d", start="general"}',
            "needs start 'copied' or 'random', not 'general'",
        ),
        ('recipes=["praise.toml"]', "at least 2 items"),
        ("stagse=1", "did you mean 'stages'"),
    ],
)
def test_an_invalid_recipe_is_refused(tasks: Path, change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipes.read(tasks / "both.toml", (change,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--set", 'recipes=["praise.toml", "praise.toml"]'],
            "two recipes have the same name (praise, praise)",
        ),
        (
            ["--set", 'recipes=["praise.toml", "more.toml"]'],
            "more: multitask distillation does not support augmentation",
        ),
        (["--set", "student.layers=[7]"], "student.layers"),
        (["--set", "student.vocabulary.rows=3"], "a vocabulary of 3 rows has no room"),
        (["--set", 'recipes=["praise.toml", "lenght"]'], "unknown recipe 'lenght'"),
    ],
)
def test_errors_come_before_any_training(tasks: Path, options: list[str], message: str) -> None:
    arguments = ["multitask", str(tasks / "both.toml"), "--data", str(tasks / "data"), "--out", str(tasks / "out")]
    result = CliRunner().invoke(cli.app, [*arguments, *options])
    assert message in str(result.exception)
    assert not list(tasks.glob("out/*/teacher-*"))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_the_loss_of_a_batch_is_the_mean_of_its_rows(numbers: list[int]) -> None:
    heads = tuple(Head(first=2 * number, outputs=2, is_score=False) for number in range(3))
    logits_BC = torch.arange(6.0 * len(numbers)).reshape(-1, 6)

    def loss(head: Head, rows: Rows) -> Tensor:
        return head.of(logits_BC[rows]).sum(dim=1).mean()

    of_rows = [logits_BC[row, 2 * number : 2 * number + 2].sum() for row, number in enumerate(numbers)]
    torch.testing.assert_close(mean_by_head(heads, torch.tensor(numbers), loss), torch.stack(of_rows).mean())


def test_the_recipe_in_the_documentation_is_valid(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "distillation.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```toml\n(.*?)```", document, re.DOTALL) if "recipes =" in block]
    path = tmp_path / "pairs.toml"
    path.write_text(block)
    assert set(recipes.read(path).recipes) <= set(recipe.names())
