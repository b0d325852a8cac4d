"""The teacher's cache: logits and states are computed once, and the same student is trained from them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from contract.tokens import Tokens, from_rows
from distill.distil import distil
from distill.model.predict import tensors
from distill.prepare import prepare
from distill.training.cache import TeacherCache, cache_folder
from distill.training.forward import forward_with_states

TOKENS = from_rows([[2, 5, 6, 3], [2, 7, 3], [2, 8, 9, 5, 3]], [[0] * 4, [0] * 3, [0] * 5])
NAMES = ("logits", "embedding", "hidden.1", "query.0")


@pytest.fixture
def teacher(encoder_folder: Path) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(encoder_folder)
    model.eval()
    return model


def _never() -> PreTrainedModel:
    raise AssertionError("the teacher ran again")


def _cache(folder: Path, model: Callable[[], PreTrainedModel], tokens: Tokens = TOKENS) -> TeacherCache:
    return TeacherCache(folder=folder, model=model, tokens=tokens, bf16=False)


def test_it_holds_the_teachers_logits_and_states_and_the_teacher_runs_once(
    tmp_path: Path, teacher: PreTrainedModel
) -> None:
    _cache(tmp_path, lambda: teacher).read(NAMES)
    arrays = _cache(tmp_path, _never).read(NAMES)
    for row in range(len(TOKENS)):
        with torch.no_grad():
            expected = forward_with_states(teacher, NAMES[1:], tensors(TOKENS.batch([row])))
        np.testing.assert_allclose(arrays["logits"][row], expected.logits_RC[0].numpy(), atol=1e-5)
        for name in NAMES[1:]:
            np.testing.assert_allclose(
                arrays[name][TOKENS.positions([row])], expected.captured.states[name][0].numpy(), atol=2e-3
            )


@pytest.mark.parametrize("size_bytes", [0, 60, 130])
def test_an_array_that_was_cut_is_made_again(tmp_path: Path, teacher: PreTrainedModel, size_bytes: int) -> None:
    whole = {name: array.copy() for name, array in _cache(tmp_path, lambda: teacher).read(NAMES).items()}
    for path in tmp_path.glob("*.npy"):
        os.truncate(path, size_bytes)
    again = _cache(tmp_path, lambda: teacher).read(NAMES)
    assert all(np.array_equal(again[name], whole[name]) for name in NAMES)


def test_a_run_that_fails_leaves_nothing_that_is_taken_for_whole(tmp_path: Path, teacher: PreTrainedModel) -> None:
    unknown_word = from_rows([[2, 5, 3], [2, 99, 3]], [[0] * 3] * 2)
    with pytest.raises(IndexError):
        _cache(tmp_path, lambda: teacher, unknown_word).read(NAMES)
    assert not list(tmp_path.iterdir())


def test_other_sentences_another_teacher_or_precision_have_another_folder(tmp_path: Path) -> None:
    folders = {
        cache_folder(tmp_path, teacher, tokens, bf16=bf16)
        for teacher in ("a", "b")
        for tokens in (TOKENS, TOKENS.take([0, 1]))
        for bf16 in (True, False)
    }
    assert len(folders) == 8


def test_a_student_learns_the_same_from_the_cache_as_from_a_live_teacher(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    recipe, data = recipe_file(), sentences_file()

    def student(*changes: str) -> dict[str, torch.Tensor]:
        prepared = prepare(str(recipe), data, None, None, list(changes))
        return load_file(distil(*prepared, tmp_path / "out")[1] / "model.safetensors")

    live, cached = student(), student("stages.0.cache_layers=true")
    for name, weights in live.items():
        torch.testing.assert_close(weights, cached[name], atol=5e-3, rtol=0)
    assert list((tmp_path / "out" / "cache").glob("*/hidden.1.npy"))
