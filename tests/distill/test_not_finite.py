"""A training that diverges: nothing that is not finite reaches the weights or the disk."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from contract.errors import InputError
from distill import losses
from distill.distil import distil
from distill.prepare import prepare
from distill.training import loop
from distill.training.loop import fit
from distill.training.sentence_trainer import SentenceTrainer

pytestmark = pytest.mark.usefixtures("teachers")


def _distil(recipe: Path, data: Path, out: Path, *changes: str) -> Path:
    return distil(*prepare(str(recipe), data, None, None, list(changes)), out)[1]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a loss, or only its gradient, not finite in some of its calls; the first call is the preflight's."""

    def break_it(steps: range, value: float, *, gradient: bool = False) -> None:
        calls, original = iter(range(1_000)), losses.attention_scores

        def changed(*arguments: Tensor) -> Tensor:
            loss = original(*arguments)
            if next(calls) not in steps:
                return loss
            if gradient:
                loss.register_hook(lambda grad: grad * value)
                return loss
            return loss * value

        monkeypatch.setattr(losses, "attention_scores", changed)

    return break_it


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("gradient", [False, True], ids=["loss", "gradient"])
def test_a_step_that_is_not_finite_stops_the_training_and_is_left_out_on_demand(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    broken: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    value: float,
    gradient: bool,
) -> None:
    recipe, data, out = recipe_file(), sentences_file(), tmp_path / "out"
    broken(range(7, 8), value, gradient=gradient)
    with pytest.raises(InputError, match=r"stage 'layers', step 7 of 16: the loss is .*not_finite = \"skip\""):
        _distil(recipe, data, out)
    (work,) = out.glob(".student-*.work/stage-0")
    kept = sorted(path.name for path in work.glob("checkpoint-*"))
    assert kept == ["checkpoint-4", "checkpoint-6"]
    for path in work.rglob("*.safetensors"):
        assert all(torch.isfinite(weight).all() for weight in load_file(path).values())
    broken(range(0, 1), value, gradient=gradient)
    student = _distil(recipe, data, out, "stages.0.not_finite=skip")
    printed = " ".join(capsys.readouterr().err.split())
    # It was resumed from the last checkpoint, so its first call was in step 7.
    assert "stage 'layers', step 7 of 16: the loss is" in printed
    assert "skipped (1 so far)" in printed
    assert all(torch.isfinite(weight).all() for weight in load_file(student / "model.safetensors").values())


class _StopAtStep8(TrainerCallback):
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: Any
    ) -> None:
        control.should_training_stop = state.global_step >= 8


def _fit_half_of_layers(trainer: SentenceTrainer, title: str, log: Path) -> None:
    if "layers" in title:
        trainer.add_callback(_StopAtStep8())
    fit(trainer, title, log)


def test_a_step_left_out_changes_no_weight(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    broken: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe, data = recipe_file(), sentences_file()
    changes = ["stages.1.epochs=0", 'stages.0.not_finite="skip"']
    broken(range(9, 17), float("nan"))
    second_skipped = load_file(_distil(recipe, data, tmp_path / "out", *changes) / "model.safetensors")
    broken(range(1_000, 1_001), float("nan"))
    # The learning rates of the first eight steps must be the same, so the second epoch is interrupted, not left out.
    monkeypatch.setattr(loop, "fit", _fit_half_of_layers)
    half = load_file(_distil(recipe, data, tmp_path / "half", *changes) / "model.safetensors")
    assert all(torch.equal(half[name], second_skipped[name]) for name in half)


def test_too_many_steps_left_out_stop_the_training(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], broken: Callable[..., None]
) -> None:
    broken(range(3, 100), float("nan"))
    with pytest.raises(InputError, match=r"step 12 of 16: the loss is nan .* as in the 9 steps before it: lower"):
        _distil(recipe_file(), sentences_file(), tmp_path / "out", 'stages.0.not_finite="skip"')


@pytest.mark.parametrize("not_finite", ["stop", "skip"])
def test_a_student_whose_answers_are_no_numbers_is_refused(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], not_finite: str
) -> None:
    """Finite weights that are too large: only the logits show it."""
    changes = ["stages.1.learning_rate=1e25", "stages.1.epochs=0.125", f'stages.1.not_finite="{not_finite}"']
    for _ in range(2):
        with pytest.raises(InputError, match="The student's answers: not all are finite numbers: lower the learning"):
            _distil(recipe_file(), sentences_file(), tmp_path / "out", *changes)
        assert not list((tmp_path / "out").glob("student-*"))


@pytest.mark.parametrize("key", ["teacher", "stages.0"])
def test_an_absurd_learning_rate_is_one_line(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    run_process: Callable[[list[str]], subprocess.CompletedProcess[str]],
    key: str,
) -> None:
    arguments = ["distill", str(recipe_file()), "--data", str(sentences_file()), "--out", str(tmp_path / "out")]
    result = run_process([*arguments, "--set", f"{key}.learning_rate=1e38"])
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "lower its learning_rate" in errors[0]
    assert "Traceback" not in result.stderr
    for path in (tmp_path / "out").rglob("*.safetensors"):
        assert all(torch.isfinite(weight).all() for weight in load_file(path).values())
