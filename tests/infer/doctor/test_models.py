"""The tiny models that are shipped are whole, small, and what their script makes."""

import shutil
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from contract.digest import sha256_of_file
from contract.errors import InputError
from infer.doctor import expected
from infer.doctor.expected import EXPECTED, MODELS, TinyModel, models_of, read_expected, unpacked
from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
from infer.worker.client import outputs_of
from results.benchmarks import doctor_models
from targets.profile import Precision, RuntimeName, read


def shipped() -> dict[str, TinyModel]:
    profiles = [read("laptop-x86"), read("raspberry-pi-os-32-bit"), None]
    models = [model for profile in profiles for runtime in RuntimeName for model in models_of(runtime, profile)]
    return {model.name: model for model in models}


def test_all_that_is_shipped_is_used_and_small() -> None:
    files = {path.relative_to(MODELS).as_posix(): path.stat().st_size for path in MODELS.rglob("*") if path.is_file()}
    assert set(files) == {EXPECTED, *(f"{name}.zip" for name in read_expected().models)}
    assert set(read_expected().models) == set(shipped())
    assert sum(files.values()) < 200 * 1024


@pytest.mark.parametrize("model", shipped().values(), ids=lambda model: model.name)
def test_a_model_is_an_artifact_with_known_answers(model: TinyModel) -> None:
    with unpacked(model) as (folder, artifact):
        assert model.name == f"{artifact.target}/{artifact.runtime}-{artifact.precision}"
        assert artifact == read_artifact(folder)
        logits_NC = outputs_of(artifact.model(folder)).logits.values
    np.testing.assert_allclose(logits_NC, model.logits_NC, atol=max(1e-5, 3 * model.error))
    assert (model.error > 0) == (model.precision is Precision.INT8)
    assert model.logits_NC.std() > 0.1  # the answers are not all the same


def test_a_profile_for_tflite_runtime_has_models_for_it() -> None:
    names = [model.name for model in models_of(RuntimeName("tflite"), read("raspberry-pi-os-32-bit"))]
    assert names == ["laptop-x86/tflite-fp32", "raspberry-pi-os-32-bit/tflite-int8"]


def test_a_changed_installation_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fp32, int8 = models_of(RuntimeName("onnx"), None)
    monkeypatch.setattr(expected, "MODELS", tmp_path)
    (tmp_path / fp32.name).parent.mkdir()
    shutil.copy(MODELS / f"{int8.name}.zip", tmp_path / f"{fp32.name}.zip")
    with pytest.raises(InputError, match=r"onnx-fp32\.zip: is not the one of expected\.json: install"), unpacked(fp32):
        pass


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "runtime", ["onnx", *(pytest.param(name, marks=pytest.mark.slow) for name in ("openvino", "tflite"))]
)
def test_the_script_makes_the_models(runtime: str, tmp_path: Path) -> None:
    made = tmp_path / "models"
    doctor_models.make(tmp_path / "scratch", made, (runtime,))
    folders = [path.parent for path in sorted(made.glob(f"*/*/{ARTIFACT_MANIFEST}"))]
    assert folders
    for folder in folders:
        name = folder.relative_to(made).as_posix()
        artifact = read_artifact(folder)
        logits_NC = outputs_of(artifact.model(folder)).logits.values
        model = shipped()[name]
        np.testing.assert_allclose(logits_NC, model.logits_NC, atol=max(1e-5, 3 * model.error))
        _check_bytes(folder, name, tmp_path / "shipped" / name)


def _check_bytes(made: Path, name: str, shipped_folder: Path) -> None:
    """Compare model files, where the same versions made them and nothing was measured, which processors round."""
    with ZipFile(MODELS / f"{name}.zip") as archive:
        archive.extractall(shipped_folder)
    versions = [read_artifact(folder).tool_versions for folder in (made, shipped_folder)]
    if versions[0] != versions[1] or name.endswith("openvino-int8"):
        return
    for path in made.glob("model.*"):
        assert sha256_of_file(path) == sha256_of_file(shipped_folder / path.name)
