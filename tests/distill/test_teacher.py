"""A teacher is refused before any time is spent on it, and nothing is written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import InputError, MissingExtraError
from distill.distil import distil
from distill.model import source
from distill.prepare import prepare

NEGATIVE_FIRST = ("negative", "positive")


def _distil(recipe: Path, data: Path, out: Path) -> tuple[Path, Path]:
    return distil(*prepare(str(recipe), data, None, None, None), out)


def test_a_ready_classifier_is_taken_as_it_is(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    classifier_folder: Callable[..., Path],
) -> None:
    ready = classifier_folder(NEGATIVE_FIRST)
    teacher, _ = _distil(recipe_file(ready), sentences_file(), tmp_path / "out")
    assert (teacher / "model.safetensors").read_bytes() == (ready / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("labels", "right", "message"),
    [
        (("positive", "negative"), True, "has positive, negative, the data negative, positive"),
        (("a", "b", "c"), True, "has 3 labels (a, b, c), the data has 2"),
        (NEGATIVE_FIRST, False, "differs from the data: accuracy is"),
    ],
)
def test_a_classifier_of_other_labels_is_refused(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    classifier_folder: Callable[..., Path],
    labels: tuple[str, ...],
    right: bool,
    message: str,
) -> None:
    ready = classifier_folder(labels, right=right)
    with pytest.raises(InputError) as error:
        _distil(recipe_file(ready), sentences_file(), tmp_path / "out")
    assert message in str(error.value)
    assert not list(tmp_path.glob("out/*"))


def test_a_teacher_below_the_floor_is_refused(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data = sentences_file()
    (data / "dev.tsv").write_text("sentence\tlabel\n" + "a film was good\t0\na film was good\t1\n" * 8)
    with pytest.raises(InputError, match=r"validation accuracy 0\.500 is below the floor of 0\.900"):
        _distil(recipe_file(), data, tmp_path / "out")
    assert not list((tmp_path / "out").glob("student-*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("student.layers=[9]", "names a layer the teacher lacks: its layers are 0 to 1"),
        ('student={preset="tinybert-4l-312d"}', "a student with 4 layers cannot learn from a teacher with 2 layers"),
        (
            "max_length_tokens=128",
            "max_length_tokens 128 is more than the teacher's 64 positions",
        ),
    ],
)
def test_a_student_that_cannot_be_made_is_refused_before_the_teacher_is_trained(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], change: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        distil(*prepare(str(recipe_file()), sentences_file(), None, None, [change]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _without_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def _like_gpt2(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 8}')


def _with_code(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "custom", "auto_map": {"AutoConfig": "custom.Config"}}')
    (folder / "custom.py").write_text("raise SystemExit('code of the model was run')")


def _truncated(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])


def _small_embedding(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"vocab_size": 15', '"vocab_size": 9'))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_tokenizer, "no tokenizer.json: use a model folder that includes its tokenizer"),
        (_like_gpt2, "model: model type 'gpt2' is not supported: supported: bert, camembert, "),
        (_with_code, "model: model type 'custom' is not supported: supported: bert, camembert, "),
        (_truncated, "cannot be loaded for classification"),
        (
            _small_embedding,
            "but its embedding has 9 rows: give the model with its own tokenizer",
        ),
    ],
)
def test_a_model_that_cannot_be_a_teacher_is_refused(
    tmp_path: Path,
    encoder_folder: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    spoil: Callable[[Path], None],
    message: str,
) -> None:
    shutil.copytree(encoder_folder, tmp_path / "model")
    spoil(tmp_path / "model")
    with pytest.raises(InputError) as error:
        _distil(recipe_file(tmp_path / "model"), sentences_file(), tmp_path / "out")
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


def test_another_tokenizer_makes_another_teacher(tmp_path: Path, encoder_folder: Path) -> None:
    shutil.copytree(encoder_folder, tmp_path / "model")
    before = source.locate(str(tmp_path / "model")).sha256
    config = tmp_path / "model" / "tokenizer_config.json"
    config.write_text(config.read_text() + "\n")
    assert source.locate(str(tmp_path / "model")).sha256 != before


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match=r"has no model\.safetensors: only safetensors are read"):
        source.locate(str(tmp_path))


def test_a_packages_weights_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "changed_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model" / "model.safetensors").write_bytes(b"changed")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(source.PACKAGES, "changed", ("changed_weights", "53aa5117"))
    with pytest.raises(InputError, match="they were changed; reinstall the package"):
        source.locate("package:changed")


def test_a_package_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(source.PACKAGES, "absent", ("no_such_module_here", ""))
    with pytest.raises(MissingExtraError, match=r"pip install -c constraints.txt '.\[quickstart\]'"):
        source.locate("package:absent")


def test_a_hub_name_is_loaded_from_the_hubs_cache(
    tmp_path: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's cache, filled by hand: how a name is resolved without a network."""
    from huggingface_hub import constants

    repository = tmp_path / "models--some-user--some-model"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for path in encoder_folder.iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert source.locate("some-user/some-model").folder == snapshot
