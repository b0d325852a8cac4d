"""New rows: how they are made, relabelled, cached and trained on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.errors import InputError
from contract.strict import parse
from distill.augment import masked_lm
from distill.augment.augment import augment
from distill.augment.locate import locate_sources
from distill.data.rows import Rows, labelled
from distill.distil import distil
from distill.model.source import Encoder
from distill.prepare import prepare
from distill.recipe.augmentation import Augmentation
from distill.tasks import classification, regression
from infer.outputs import of_logits

# Also in conftest.py, but parameters of a test cannot come from a fixture.
TEXTS = ("The film was good , very good !", "dull story", "walking 7 fine music", "这电影很好", "bad " * 30)


def rows_of(*texts: str, pairs: tuple[str, ...] | None = None, dtype: Any = np.int64) -> Rows:
    return labelled(texts, pairs, np.arange(len(texts)).astype(dtype))


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
@pytest.mark.parametrize("pairs", [None, tuple(reversed(TEXTS))])
def test_new_rows(
    lm_folder: Path,
    tmp_path: Path,
    pairs_file: Path,
    pairs: tuple[str, ...] | None,
    dtype: Any,
    augmentation: Augmentation,
) -> None:
    rows = rows_of(*TEXTS, pairs=pairs, dtype=dtype)

    def make(seed: int, folder: str) -> Rows:
        return augment(
            rows, augmentation, masked_lm=lm_folder, neighbours=pairs_file, seed=seed, cache=tmp_path / folder
        )

    new, again, other = make(1, "first"), make(1, "second"), make(2, "first")
    assert new.key() == again.key()
    assert new.key() != other.key()
    assert new.labels_N.dtype == dtype
    contents = list(zip(new.texts, new.pairs or (None,) * len(new), strict=True))
    originals = set(zip(TEXTS, pairs or (None,) * len(TEXTS), strict=True))
    assert len(contents) == len(set(contents)) > 20
    assert not set(contents) & originals
    assert len(contents) <= len(TEXTS) * augmentation.samples_per_sentence * (2 if pairs else 1)
    assert all(
        len(text.split()) == len(TEXTS[int(label)].split()) for text, label in zip(new.texts, new.labels_N, strict=True)
    )


def test_rows_are_cached(
    lm_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    augmentation: Augmentation,
) -> None:
    def make(settings: Augmentation = augmentation, texts: tuple[str, ...] = TEXTS) -> Rows:
        return augment(rows_of(*texts), settings, masked_lm=lm_folder, neighbours=None, seed=0, cache=tmp_path)

    first = make()
    shown = capsys.readouterr().err
    assert f"{len(first)} new rows from 5" in shown
    assert shown.count(" -> ") == 20
    (file,) = tmp_path.glob("augmented-*.jsonl")
    with monkeypatch.context() as patch:
        patch.setattr(masked_lm, "load", lambda folder: pytest.fail("the masked LM was loaded again"))
        assert make().key() == first.key()
        assert make(augmentation.model_copy(update={"batch_size": 1})).key() == first.key()
    assert capsys.readouterr().err.count(" -> ") == 40
    make(augmentation.model_copy(update={"replace_probability": 0.5}))
    make(texts=TEXTS[:3])
    assert len(list(tmp_path.iterdir())) == 3
    file.write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read: delete it and run again"):
        make()


def test_without_a_masked_lm(tmp_path: Path, pairs_file: Path) -> None:
    settings = Augmentation(masked_lm="", neighbours=str(pairs_file), replace_probability=1.0)
    new = augment(
        rows_of("A Good film", "nothing known"), settings, masked_lm=None, neighbours=pairs_file, seed=0, cache=tmp_path
    )
    assert set(new.texts) == {"A Great movie", "A Fine movie"}
    assert set(new.labels_N) == {0}


def test_no_candidates(tmp_path: Path, pairs_file: Path, augmentation: Augmentation) -> None:
    with pytest.raises(InputError, match="no word of the training texts has a replacement candidate: set augmentation"):
        augment(rows_of("7 !"), augmentation, masked_lm=None, neighbours=pairs_file, seed=0, cache=tmp_path)


def test_the_teacher_relabels() -> None:
    logits_NC = np.array([[0.1, 0.9], [0.2, 0.8]], dtype=np.float32)
    relabelled = classification.relabel(rows_of("a", "b"), of_logits(logits_NC))
    assert relabelled.labels_N.tolist() == [1, 1]
    scores = rows_of("a", "b", dtype=np.float32)
    fractional = regression.relabel(scores, of_logits(logits_NC[:, :1])).labels_N
    assert fractional.dtype == np.float32
    assert fractional.tolist() == pytest.approx([0.1, 0.2])


def test_sources_are_located(tmp_path: Path, lm_folder: Path, pairs_file: Path) -> None:
    teacher = Encoder(name="teacher", folder=tmp_path, sha256="")
    assert locate_sources(Augmentation(), teacher) == (tmp_path, None)
    assert locate_sources(Augmentation(masked_lm=str(lm_folder)), teacher) == (lm_folder, None)
    assert locate_sources(Augmentation(masked_lm="", neighbours=str(pairs_file)), teacher) == (None, pairs_file)
    with pytest.raises(InputError, match=r"augmentation.neighbours: no file absent.tsv"):
        locate_sources(Augmentation(neighbours="absent.tsv"), teacher)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"replace_probability": 0}, "replace_probability"),
        ({"replace_probability": 1.1}, "replace_probability"),
        ({"samples_per_sentence": 0}, "samples_per_sentence"),
        ({"candidates": 0}, "candidates"),
        ({"unit": "letter"}, "unit"),
        ({"masked_lm": ""}, "give masked_lm or neighbours"),
        ({"masked_ml": "x"}, "did you mean 'masked_lm'"),
    ],
)
def test_settings_out_of_range(document: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        parse(Augmentation, document, "recipe.toml")


def test_a_student_learns_from_new_rows_too(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("word1\tword2\nfilm\tthe\ngood\tfine\nbad\tpoor\n")
    change = f'augmentation={{masked_lm="", neighbours="{pairs}", samples_per_sentence=2}}'
    prepared = prepare(str(recipe_file()), sentences_file(), None, None, [change])
    _, student = distil(*prepared, tmp_path / "out")
    _, plain = distil(*prepare(str(recipe_file()), sentences_file(), None, None, []), tmp_path / "out")
    assert student != plain
    (file,) = (tmp_path / "out" / "cache").glob("augmented-*.jsonl")
    assert len(file.read_text().splitlines()) > 10
    assert len(list((tmp_path / "out" / "cache").glob("*/logits.npy"))) >= 2
