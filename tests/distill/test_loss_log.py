"""The loss log of a training: its losses by name and step, kept after the run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from distill.distil import distil
from distill.prepare import prepare
from distill.training import loop
from distill.training.loop import fit
from distill.training.loss_log import log_folder
from distill.training.sentence_trainer import SentenceTrainer

LOSSES = {
    "teacher-*": ["loss"],
    "student-*-1-layers": ["attention_loss", "embedding_loss", "hidden_loss", "loss"],
    "student-*-2-prediction": ["labels_loss", "loss", "prediction_loss"],
}


class _Interrupted(TrainerCallback):
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: object
    ) -> None:
        if state.global_step == 7:
            raise KeyboardInterrupt


def _fit_interrupted(trainer: SentenceTrainer, title: str, log: Path) -> None:
    if "layers" in title:
        trainer.add_callback(_Interrupted())
    fit(trainer, title, log)


def curves(folder: Path) -> dict[str, dict[int, float]]:
    """The losses by name and step."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag.removeprefix("train/"): {event.step: event.value for event in events.Scalars(tag)}
        for tag in sorted(events.Tags()["scalars"])
        if tag.endswith("loss") and tag != "train/train_loss"
    }


def test_every_loss_is_recorded_by_name_and_an_interruption_leaves_no_trace(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe, data, out = recipe_file(), sentences_file(), tmp_path / "out"

    def run(folder: Path) -> Path:
        return distil(*prepare(str(recipe), data, None, None, None), folder)[1]

    with monkeypatch.context() as patch:
        patch.setattr(loop, "fit", _fit_interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(out)
    run(out)
    run(tmp_path / "whole")
    assert sorted(path.name for path in (out / "logs").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole" / "logs").iterdir()
    )
    for pattern, names in LOSSES.items():
        (log,), (whole,) = (out / "logs").glob(pattern), (tmp_path / "whole" / "logs").glob(pattern)
        assert list(curves(log)) == names
        assert curves(log) == curves(whole)
    (log,) = (out / "logs").glob("student-*-2-prediction")
    prediction = curves(log)
    for step, loss in prediction["loss"].items():
        expected = prediction["prediction_loss"][step] + 0.5 * prediction["labels_loss"][step]
        assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("stage", "expected"), [("", "teacher-1a2b"), ("1-a/b c", "teacher-1a2b-1-a_b_c"), ("2-..", "teacher-1a2b-2-..")]
)
def test_a_stage_of_any_name_has_a_folder(tmp_path: Path, stage: str, expected: str) -> None:
    assert log_folder(tmp_path / ".teacher-1a2b.work", stage) == tmp_path / "logs" / expected
