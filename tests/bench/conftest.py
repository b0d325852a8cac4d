"""Models to measure: a real one, and sessions of scripted ones in real processes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.schedule import Schedule, make_schedule
from bench.settings import Settings
from targets.profile import Precision
from tests.models import of_script


@pytest.fixture
def onnx_artifact(artifact_of: Callable[..., Path], model_of: Callable[[str], Any]) -> Path:
    return artifact_of(model=model_of("onnx").folder / "model.onnx")


@pytest.fixture
def two_scripts(artifact_of: Callable[..., Path]) -> list[Path]:
    """An int8 and an fp32 model of the scripted runtime."""
    return [artifact_of("{}", Precision.INT8), artifact_of('{"load_ns": 3}', Precision.FP32)]


@pytest.fixture
def scripted_session() -> Callable[..., Schedule]:
    """Make the schedule of a session of scripted models."""

    def make(folders: Sequence[Path], blocks: int = 1, sentences: int = 2) -> Schedule:
        settings = Settings(blocks=blocks, sentences_per_block=sentences)
        schedule = make_schedule(folders, target=None, student=None, settings=settings)
        for measurement in schedule.measurements:
            measurement.folder = replace(measurement.folder, model=of_script(measurement.folder.model))
        return schedule

    return make
