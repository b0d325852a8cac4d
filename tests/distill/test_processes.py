"""Training by several processes: the same batches, losses and student as with a single process."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
from distill.training.processes import COUNTED, SHARE, CollateShare, batch_share

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
        CollateShare(collate=collate, lengths=lengths, process=process, processes=processes)(features)
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
    assert batch_share(9) == 3
    with pytest.raises(InputError, match="batch_size 8 cannot be shared by 3 processes: set it to a multiple of 3"):
        batch_share(8)


@pytest.fixture
def launch(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Distil with 57 sentences in batches of 8, so that the last batch is one sentence, and one process has none."""
    recipe, data = recipe_file(student=STUDENT), sentences_file(train_rows=57)
    started: list[subprocess.Popen[str]] = []

    def start(out: Path, *changes: str, launcher: Sequence[str] = ()) -> subprocess.Popen[str]:
        arguments = [sys.executable, *launcher, "-m", "tinybert_edge", "distill", str(recipe), "--data", str(data)]
        settings = [word for change in (*CHANGES, *changes) for word in ("--set", change)]
        process = subprocess.Popen(
            [*arguments, *settings, "--out", str(out)],
            # In bfloat16 a share of a batch is rounded otherwise than the batch, by up to 1 in 256.
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TINYBERT_BF16": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.communicate()


# With another width, so that projections are learned, and with all kinds of losses.
STUDENT = "shape = { layers = 2, width = 16, heads = 4, feed_forward_width = 32 }"
CHANGES = ("stages.0.losses.relation=0.5", "stages.0.relation_heads=4", "stages.0.losses.labels=0.1")


def _curves(out: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The losses by step of each training of a run, by name."""
    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for folder in sorted((out / "logs").iterdir()):
        events = EventAccumulator(str(folder)).Reload()
        tags = [tag for tag in events.Tags()["scalars"] if tag.endswith(("loss", "learning_rate", "grad_norm"))]
        # Left out: a mean over the steps since the training was last resumed.
        names = [tag for tag in tags if tag != "train/train_loss"]
        curves[_unhashed(folder)] = {
            name: [(event.step, event.value) for event in events.Scalars(name)] for name in names
        }
    return curves


def _unhashed(folder: Path) -> str:
    """A folder's name without its key, which depends on the last bits of the teacher's weights."""
    return re.sub("-[0-9a-f]{8}", "", folder.name)


def _assert_same_models(one: Path, two: Path) -> None:
    for expected in sorted(one.glob("*/model.safetensors")):
        weights = load_file(next(two.glob(f"{_unhashed(expected.parent)}-*/{expected.name}")))
        for name, weight in load_file(expected).items():
            # Softmax ignores a key's bias, so its gradient is 0 except for rounding.
            absolute = 1e-3 if name.endswith("key.bias") else 2e-5
            torch.testing.assert_close(weights[name], weight, rtol=1e-3, atol=absolute)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, None], ids=["killed", "undisturbed"])
def test_two_processes_train_as_one_does(
    tmp_path: Path, launch: Callable[..., subprocess.Popen[str]], number: signal.Signals | None
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert launch(one).wait() == 0
    if number is not None:
        process = launch(two, launcher=LAUNCH)
        while not list(two.glob(".teacher-*.work/checkpoint-*/trainer_state.json")):
            assert process.poll() is None, "it ended before it wrote a checkpoint"
            time.sleep(0.05)
        os.killpg(process.pid, number)
        process.communicate()
    process = launch(two, launcher=LAUNCH)
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert printed.count("accuracy") == 1, "both processes print"
    single, shared = _curves(one), _curves(two)
    assert list(single) == list(shared)
    for training, curves in single.items():
        assert curves.keys() == shared[training].keys()
        for name, curve in curves.items():
            where = f"{training}: {name}"
            np.testing.assert_allclose(shared[training][name], curve, rtol=1e-4, atol=1e-6, err_msg=where)
    _assert_same_models(one, two)
    assert sorted(map(_unhashed, one.iterdir())) == sorted(map(_unhashed, two.iterdir()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("teacher.learning_rate=1e38", "lower its learning_rate"),
        ("teacher.batch_size=7", "batch_size 7 cannot be shared by 2 processes: set it to a multiple of 2"),
    ],
)
def test_two_processes_fail_together(
    tmp_path: Path, launch: Callable[..., subprocess.Popen[str]], change: str, message: str
) -> None:
    process = launch(tmp_path / "out", change, launcher=LAUNCH)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert message in errors
    assert not list(tmp_path.glob("out/teacher-*"))
