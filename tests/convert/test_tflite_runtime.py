"""tflite-runtime, the only runtime of 32-bit systems, in a separate environment, as it needs NumPy 1."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record import Record
from contract.strict import read_json
from convert.build import convert_student
from targets.profile import read

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or sys.version_info >= (3, 12), reason="tflite-runtime has no wheel for this Python"
    ),
]

ROOT = Path(__file__).parents[2]

PRECISIONS = {"fp32", "fp16", "int8", "int8-static", "int8-weight"}

Measure = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def tinybert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as installed with tinybert-edge[tflite-runtime]."""
    environment = tmp_path_factory.mktemp("device") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    install = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"{ROOT}[tflite-runtime]"], check=True)
    return environment / "bin" / "tinybert"


@pytest.fixture(scope="module")
def measure(student: Path, tinybert: Path) -> Measure:
    """Run `tinybert bench` there."""

    def bench(folder: Path, *artifacts: Path) -> subprocess.CompletedProcess[str]:
        command = [tinybert, "bench", *artifacts, "--student", student]
        command += ["--blocks", "1", "--sentences", "4", "--out", folder]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)

    return bench


def test_models_converted_for_it_match_the_student(measure: Measure, student: Path, tmp_path: Path) -> None:
    folders = convert_student(
        student,
        read("raspberry-pi-os-32-bit"),
        out=tmp_path / "artifacts",
        precisions=sorted(PRECISIONS),
    )
    result = measure(tmp_path / "results", *folders)
    assert result.returncode == 0, result.stderr
    records = [read_json(path, Record) for path in tmp_path.glob("results/*/*.json")]
    assert {record.precision for record in records} == PRECISIONS
    assert {record.runtime_version for record in records} == {"tflite-runtime 2.14.0"}
    for record in records:
        assert record.agreement["student"] > 0.9, record.precision


def test_models_that_it_computes_wrongly_are_rejected(measure: Measure, artifacts: Path, tmp_path: Path) -> None:
    result = measure(tmp_path / "results", artifacts / "tflite-int8")
    assert result.returncode == 2
    assert "tflite-runtime computes EMBEDDING_LOOKUP with a scale per channel wrongly" in result.stderr
    assert "raspberry-pi-os-32-bit" in result.stderr
    assert not list(tmp_path.glob("results/*/*.json"))


@pytest.mark.parametrize(("target", "works"), [("raspberry-pi-os-32-bit", True), ("laptop-x86", False)])
def test_the_doctor_tries_models_converted_for_it_where_it_is_required(
    tinybert: Path, tmp_path: Path, target: str, *, works: bool
) -> None:
    command = [str(tinybert), "doctor", "--target", target, "--json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == (0 if works else 4), result.stderr
    (runtime,) = [entry for entry in json.loads(result.stdout)["runtimes"] if entry["models"]]
    assert runtime["version"] == "tflite-runtime 2.14.0"
    assert [model["works"] for model in runtime["models"]] == [True, works]
