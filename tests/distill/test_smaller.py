"""Students smaller than copied layers, from recipe to folder: the saved model gives the outputs that were evaluated."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from contract.errors import InputError
from distill.distil import distil
from distill.prepare import prepare
from infer.folders.student import read_evaluation

ALL_LAYERS = "layers = [0, 1]"
NARROW = "shape = { layers = 2, width = 16, heads = 2, feed_forward_width = 32 }\nstart = 'narrowed'"
HIDDEN_ONLY = ["stages.0.losses.attention=0"]


@pytest.mark.parametrize(
    ("student", "changes", "model_type"),
    [
        (f"{ALL_LAYERS}\nvocabulary = {{ minimum_count = 1 }}", [], "bert"),
        (f"{ALL_LAYERS}\nvocabulary = {{ rows = 12 }}", ["stages.0.cache_layers=true"], "bert"),
        (f"{ALL_LAYERS}\nembedding_width = 8\nvocabulary = {{}}", [], "electra"),
        (f"{ALL_LAYERS}\nconvolution_layers = [0]\npooled_after = [0]", HIDDEN_ONLY, "slim_bert"),
        (NARROW, HIDDEN_ONLY, "bert"),
        (f"{ALL_LAYERS}\nvocabulary = {{}}\ncut_positions = true", [], "bert"),
    ],
    ids=["vocabulary", "few rows, cached layers", "factorised", "slim", "narrowed", "cut positions"],
)
def test_a_smaller_student_learns_and_answers_as_evaluated(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    student: str,
    changes: list[str],
    model_type: str,
) -> None:
    data = sentences_file()
    prepared = prepare(str(recipe_file(student=student)), data, None, None, changes)
    teacher, folder = distil(*prepared, tmp_path / "out")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.config.model_type == model_type
    evaluation = read_evaluation(folder)
    assert (evaluation.student.logits.values.argmax(axis=1) == evaluation.labels.values).mean() >= 0.75
    texts = [line.split("\t")[0] for line in (data / "dev.tsv").read_text().splitlines()[1:]]
    for saved, expected_NC in ((folder, evaluation.student.logits.values), (teacher, evaluation.teacher.logits.values)):
        tokenizer = AutoTokenizer.from_pretrained(saved)
        loaded = AutoModelForSequenceClassification.from_pretrained(saved)
        loaded.train(False)
        with torch.no_grad():
            logits_NC = loaded(**tokenizer(texts, return_tensors="pt", padding=True)).logits.numpy()
        np.testing.assert_allclose(logits_NC, expected_NC, atol=1e-4)


@pytest.mark.parametrize(
    ("student", "changes", "message"),
    [
        (f"{ALL_LAYERS}\nconvolution_layers = [0]", [], "layer 0 of the student has no attention over all tokens"),
        (f"{ALL_LAYERS}\nconvolution_layers = [0, 1]", [], "leaves no attention"),
        (f"{ALL_LAYERS}\npooled_after = [1]", HIDDEN_ONLY, "names a layer that does not exist"),
        (
            f"{ALL_LAYERS}\nembedding_width = 99",
            [],
            "an embedding of width 32 cannot be factorised to width 99",
        ),
        (f"{ALL_LAYERS}\nvocabulary = {{ rows = 3 }}", [], "a vocabulary of 3 rows has no room"),
        (f"{ALL_LAYERS}\nvocabulary = {{ corpus = 'none.txt' }}", [], "none.txt: no such corpus"),
    ],
)
def test_what_cannot_be_is_refused_before_a_teacher_is_made(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    student: str,
    changes: list[str],
    message: str,
) -> None:
    prepared = prepare(str(recipe_file(student=student)), sentences_file(), None, None, changes)
    with pytest.raises(InputError, match=message):
        distil(*prepared, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


UNTRAINED = ["teacher.epochs=0", "teacher.floor=0", "stages.0.epochs=0", "stages.1.epochs=0"]


def test_a_student_is_another_one_by_what_its_corpus_holds(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    first, moved, other = (tmp_path / name for name in ("first.txt", "moved.txt.gz", "other.txt"))
    first.write_text("fine\npoor\n")
    moved.write_bytes(gzip.compress(b"fine\npoor"))
    other.write_text("fine\nfine\n")
    recipe, data = recipe_file(student=ALL_LAYERS), sentences_file()

    def folder(vocabulary: str) -> Path:
        change = f"student.vocabulary={vocabulary}"
        return distil(*prepare(str(recipe), data, None, None, [*UNTRAINED, change]), tmp_path / "out")[1]

    kept = folder(f"{{ corpus = '{first}' }}")
    assert {"fine", "poor"} <= set(AutoTokenizer.from_pretrained(kept).get_vocab())
    assert folder(f"{{ corpus = '{moved}' }}") == kept
    assert folder(f"{{ corpus = '{other}' }}") != kept
