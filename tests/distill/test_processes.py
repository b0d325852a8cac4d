"""Training by several processes: the same batches, the same losses and the same student as by one."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from contract.errors import InputError
from distill.processes import COUNTED, SHARE, Share, share_of

LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=20), processes=st.integers(2, 5))
def test_the_shares_of_a_batch_are_the_batch_and_their_weighted_means_its_mean(
    lengths: list[int], processes: int
) -> None:
    values = np.random.default_rng(len(lengths)).normal(size=len(lengths))

    def collate(features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        return {"rows": torch.tensor([feature["row"] for feature in features])}

    features = [{"row": row} for row in range(len(lengths))]
    shares = [
        Share(collate=collate, lengths=lengths, process=process, processes=processes)(features)
        for process in range(processes)
    ]
    counting = [share["rows"].tolist() for share in shares if share[SHARE].any()]
    assert sorted(row for rows in counting for row in rows) == list(range(len(lengths)))
    assert all(len(share["rows"]) for share in shares)
    for number, counted in enumerate(COUNTED):
        weights = np.asarray(lengths) ** {"sentences": 0, "tokens": 1, "pairs": 2}[counted]
        means = [
            float(share[SHARE][number]) * np.average(values[share["rows"]], weights=weights[share["rows"]])
            for share in shares
        ]
        assert np.mean(means) == pytest.approx(np.average(values, weights=weights), rel=1e-5, abs=1e-6)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert share_of(9) == 3
    with pytest.raises(InputError, match="batch_size 8 cannot be shared by 3 processes: set it to a multiple of 3"):
        share_of(8)


@pytest.fixture
def launch(recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]) -> Callable[..., str]:
    """Distil with 57 sentences in batches of 8, so that the last batch is one sentence and a process has none."""
    recipe, data = recipe_file(student=STUDENT), sentences_file(train_rows=57)

    def run(out: Path, *changes: str, launcher: Sequence[str] = (), check: bool = True) -> str:
        arguments = [sys.executable, *launcher, "-m", "tinybert_edge", "distill", str(recipe), "--data", str(data)]
        settings = [word for change in (*CHANGES, *changes) for word in ("--set", change)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        result = subprocess.run(
            [*arguments, *settings, "--out", str(out)], env=environment, capture_output=True, text=True, check=False
        )
        assert not check or result.returncode == 0, result.stderr
        return result.stdout if check else result.stderr

    return run


# Of another width, so that projections are learned, and with every kind of loss.
STUDENT = "shape = { layers = 2, width = 16, heads = 4, feed_forward_width = 32 }"
CHANGES = ("stages.0.losses.relation=0.5", "stages.0.relation_heads=4", "stages.0.losses.labels=0.1")


def _curves(out: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The losses by step of each training of a run, by name."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for folder in sorted((out / "logs").iterdir()):
        events = EventAccumulator(str(folder)).Reload()
        names = [tag for tag in events.Tags()["scalars"] if tag.endswith(("loss", "learning_rate", "grad_norm"))]
        found[folder.name] = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in names}
    return found


def _assert_same_students(one: Path, two: Path) -> None:
    for expected in sorted(one.glob("*/model.safetensors")):
        found = load_file(two / expected.relative_to(one))
        for name, weight in load_file(expected).items():
            torch.testing.assert_close(found[name], weight, rtol=1e-3, atol=1e-4, msg=f"{expected.parent.name}: {name}")


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path: Path, launch: Callable[..., str]) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    launch(one)
    printed = launch(two, launcher=LAUNCH)
    assert len(re.findall("accuracy", printed)) == 1, "both processes talk"
    single, shared = _curves(one), _curves(two)
    assert list(single) == list(shared)
    for training, curves in single.items():
        assert curves.keys() == shared[training].keys()
        for name, curve in curves.items():
            np.testing.assert_allclose(
                shared[training][name], curve, rtol=2e-3, atol=1e-5, err_msg=f"{training} {name}"
            )
    _assert_same_students(one, two)
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_as_one(tmp_path: Path, launch: Callable[..., str]) -> None:
    """A step that is not finite stops both; one process goes on from the checkpoints of two."""
    one, two = tmp_path / "one", tmp_path / "two"
    errors = launch(two, "stages.1.learning_rate=1e38", launcher=LAUNCH, check=False)
    assert "lower its learning_rate" in errors
    assert not list(two.glob("student-*"))
    refused = launch(two, "stages.1.batch_size=7", launcher=LAUNCH, check=False)
    assert "batch_size 7 cannot be shared by 2 processes" in refused
    launch(two)
    launch(one)
    _assert_same_students(one, two)
