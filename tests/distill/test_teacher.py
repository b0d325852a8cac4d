"""A teacher is refused before anything is spent on it, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import InputError, MissingExtraError
from distill import command, encoder
from distill.distil import distil

NEGATIVE_FIRST = ("negative", "positive")


def _distil(recipe: Path, data: Path, out: Path) -> tuple[Path, Path]:
    return distil(*command.prepare(str(recipe), data, None, None, None), out)


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
        (("positive", "negative"), True, "orders its labels positive, negative, the data negative, positive"),
        (("a", "b", "c"), True, "has 3 labels (a, b, c), the data 2"),
        (NEGATIVE_FIRST, False, "has another label order than the data: accuracy"),
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
    (data / "dev.tsv").write_text("sentence\tlabel\n" + "the film was good\t0\nthe film was good\t1\n" * 8)
    with pytest.raises(InputError, match=r"validation accuracy 50.0% is below the floor of 90.0%"):
        _distil(recipe_file(), data, tmp_path / "out")
    assert not list((tmp_path / "out").glob("student-*"))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match=r"has no model\.safetensors: only safetensors are read"):
        encoder.locate(str(tmp_path))


def test_a_packages_weights_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "changed_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model" / "model.safetensors").write_bytes(b"changed")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(encoder.PACKAGES, "changed", ("changed_weights", "53aa5117"))
    with pytest.raises(InputError, match="they were changed; install the package again"):
        encoder.locate("package:changed")


def test_a_package_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoder.PACKAGES, "absent", ("no_such_module_here", ""))
    with pytest.raises(MissingExtraError, match=r"pip install 'tinybert-edge\[quickstart\]'"):
        encoder.locate("package:absent")


def test_a_hub_name_is_loaded_from_the_hubs_cache(
    tmp_path: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's cache layout, filled by hand: what a name resolves to without a network."""
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
    assert encoder.locate("some-user/some-model").folder == snapshot
