"""Both halves of every kind of task pass the same tests, and nothing else knows a kind by name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import contract as root
from contract.ragged import Ragged, single
from contract.strict import parse
from distill import tasks as training
from distill.tasks.protocol import TrainingTask
from infer import tasks
from infer.outputs import UNLABELLED, Outputs, of_logits
from infer.tasks import constant, evaluate
from infer.tasks.protocol import Task
from tests import tiny

HOUSE = Path(root.__file__).parent.parent
NAMES = tuple(tasks.MODULES)
# mypy checks that each module is a task.
HALVES: tuple[tuple[Task, TrainingTask], ...] = tuple((tasks.get(name), training.get(name)) for name in NAMES)


def settings(name: str) -> tasks.TaskSettings:
    return tasks.settings(name, () if training.get(name).IS_SCORE else ("O", "B-X", "I-X"))


def answers(name: str, seed: int = 0, examples: int = 40) -> tuple[Outputs, Ragged]:
    """Outputs that are often right, and the labels they are judged by."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(3, 9, size=examples) if training.get(name).PER_TOKEN else np.ones(examples, int)
    entries = int(lengths.sum())
    if training.get(name).IS_SCORE:
        right: NDArray[Any] = generator.normal(size=entries).astype(np.float32)
        logits = (right + generator.normal(size=entries) / 3).astype(np.float32)[:, None]
    else:
        right = generator.integers(0, 3, size=entries)
        logits = (np.eye(3)[right] * 2 + generator.normal(size=(entries, 3))).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    labels = right.copy()
    if training.get(name).PER_TOKEN:
        labels[offsets[:-1]] = labels[offsets[1:] - 1] = UNLABELLED
    return of_logits(Ragged(values=logits, offsets=offsets)), Ragged(values=labels, offsets=offsets)


@pytest.mark.parametrize("name", NAMES)
def test_settings_survive_their_way_through_a_manifest(name: str) -> None:
    task = settings(name)
    assert parse(type(task), task.model_dump(mode="json"), "a manifest") == task
    assert task.kind == name
    assert task.columns == max(1, len(task.names))


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_has_statistics_of_each_example(name: str) -> None:
    outputs, labels = answers(name)
    by_metric = evaluate.statistics(settings(name), outputs, labels)
    assert set(by_metric) <= {metric.name for metric in tasks.get(name).METRICS}
    assert evaluate.default_metric(name) in by_metric
    for statistics_NK in by_metric.values():
        assert statistics_NK.shape[0] == len(outputs)
        assert np.isfinite(statistics_NK).all()


@pytest.mark.parametrize("name", NAMES)
def test_statistics_of_some_examples_are_those_of_a_part(name: str) -> None:
    """So that intervals, paired drops and sequential tests may take them apart; ranks are of each sample."""
    outputs, labels = answers(name)
    rows = np.arange(0, len(outputs), 3)
    whole = evaluate.statistics(settings(name), outputs, labels)
    part = evaluate.statistics(settings(name), outputs.take(rows), labels.take(rows))
    for metric in tasks.get(name).METRICS:
        if metric.name in whole:
            assert metric.value(whole[metric.name][rows]) == pytest.approx(metric.value(part[metric.name]))


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_agrees_with_itself_at_no_distance(name: str) -> None:
    (outputs, labels), (other, _) = answers(name), answers(name, seed=1)
    task = tasks.get(name)
    assert task.agree(outputs, outputs, labels).all()
    assert task.distance(outputs, outputs, labels) == pytest.approx(0, abs=1e-9)
    if len(other.logits.values) == len(outputs.logits.values):
        assert not task.agree(other, outputs, labels).all()
        assert task.distance(other, outputs, labels) > 0
    drop = evaluate.drop(settings(name), evaluate.default_metric(name), outputs, outputs, labels)
    assert drop.value == 0
    assert drop.low <= 0 <= drop.high


@pytest.mark.parametrize("name", NAMES)
def test_the_head_of_a_task_makes_a_model_that_is_ready_for_it(name: str) -> None:
    from transformers import BertConfig

    half = training.get(name)
    model = tiny.model(name, settings(name).names)
    model.config.architectures = [type(model).__name__]
    assert half.is_fine_tuned(model.config)
    assert model.config.num_labels == settings(name).columns
    half.check_head(model.config, settings(name).names, "a model")
    recognised = training.of_config(model.config)
    assert recognised is not None
    assert recognised.model_class() is half.model_class()
    assert training.of_config(BertConfig(architectures=["BertModel"])) is None


def sources() -> Iterator[Path]:
    for folder in ("contract", "targets", "infer", "distill", "convert", "bench", "tinybert_edge"):
        yield from (path for path in (HOUSE / folder).rglob("*.py") if path.parent.name != "tasks")


@pytest.mark.parametrize("name", NAMES)
def test_no_other_module_knows_a_task_by_name(name: str) -> None:
    """Other stages read what they need from a task's two halves, so a new task does not change them."""
    known = re.compile(rf'["\']{name}["\']|\b{name.upper()}\b|tasks\.{name}\b|tasks import .*\b{name}\b')
    mentions = [
        f"{path.relative_to(HOUSE)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if known.search(line)
    ]
    assert mentions == []


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_always_answers_the_same_is_known_by_its_metrics(name: str) -> None:
    outputs, labels = answers(name)
    task = tasks.get(name)
    found = constant.values(settings(name), labels)
    outputs_of_constant = task.constant(labels, settings(name))
    assert len(np.unique(outputs_of_constant.logits.values, axis=0)) == 1
    assert found == evaluate.values(settings(name), outputs_of_constant, labels)
    useful, useless = (evaluate.intervals(settings(name), each, labels) for each in (outputs, outputs_of_constant))
    for metric, value in found.items():
        assert constant.describe_no_better("it", name, metric, useful[metric], value) == ""
        line = constant.describe_no_better("it", name, metric, useless[metric], value)
        assert f", is not shown to be better than always giving {task.CONSTANT}, at " in line


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("classification", [0, 1, 1], {"accuracy": 2 / 3, "matthews": 0.0, "f1_macro": (0 + 4 / 5) / 2}),
        ("classification", [2, 2, 2], {"accuracy": 1.0, "matthews": 0.0, "f1_macro": 1.0}),
        ("regression", [1.0, 2.0, 6.0], {"pearson": 0.0, "spearman": 0.0, "rmse": (14 / 3) ** 0.5}),
        ("token_classification", [0, 0, 1], {"f1": 0.0, "precision": 0.0, "recall": 0.0}),
    ],
)
def test_a_constant_answer_by_hand(name: str, labels: list[float], expected: dict[str, float]) -> None:
    found = constant.values(settings(name), single(np.asarray(labels)))
    assert found == {metric: pytest.approx(value, abs=1e-6) for metric, value in expected.items()}
