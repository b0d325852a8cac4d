"""What a device installs is enough there: one runtime and the base dependencies, no torch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tinybert_edge import load

ROOT = Path(__file__).parents[1]
LEAN = ("--no-deps", "-r", str(ROOT / "requirements-device.txt"), "onnxruntime", str(ROOT))
PACKAGES = ("contract", "targets", "distill", "convert", "bench")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with what a device needs and ONNX Runtime, from a wheel; return its programs' folder."""
    return _environment(tmp_path_factory.mktemp("device"), *LEAN)


def _environment(folder: Path, *packages: str) -> Path:
    """Make an environment with some packages; return its programs' folder."""
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    programs = environment / ("Scripts" if sys.platform == "win32" else "bin")
    install = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if packages:
        subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), *packages], check=True)
    return programs


def _run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)


def test_bench_needs_one_runtime_only(
    device: Path, finished: tuple[Path, subprocess.CompletedProcess[str], list[str]], tmp_path: Path
) -> None:
    artifact = next(finished[0].glob("artifacts/*/*/onnx-int8"))
    result = _run(device / "tinybert", "bench", artifact, "--blocks", 1, "--sentences", 4, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("results/*/*.json"))) == 1
    assert _run(device / "python", "-c", "import torch", folder=tmp_path).returncode == 1


def test_what_is_missing_is_named(device: Path, tmp_path: Path) -> None:
    result = _run(device / "tinybert", "distill", "quickstart", folder=tmp_path)
    assert result.returncode == 2
    assert "pip install -c constraints.txt '.[" in result.stderr
    assert not list(tmp_path.iterdir())


def test_the_wheel_holds_every_package_and_its_data(device: Path, tmp_path: Path) -> None:
    code = f"import tinybert_edge, {', '.join(PACKAGES)}; from pathlib import Path; "
    code += f"print({{Path(it.__file__).parents[1] for it in ({', '.join(PACKAGES)})}})"
    assert _run(device / "python", "-c", code, folder=tmp_path).stdout.count("PosixPath") == 1
    assert "raspberry-pi-5" in _run(device / "tinybert", "targets", "--json", folder=tmp_path).stdout


def test_the_doctor_runs_the_one_runtime(device: Path, tmp_path: Path) -> None:
    """The wheel holds its models, which nothing but a runtime is needed for."""
    result = _run(device / "tinybert", "doctor", "--json", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    states = {entry["runtime"]: entry["state"] for entry in json.loads(result.stdout)["runtimes"]}
    assert states == {"onnx": "works", "openvino": "not installed", "tflite": "not installed"}


ANSWER = "import sys; from tinybert_edge import load; print(load(sys.argv[1])('ba de').scores)"


def test_an_answer_needs_one_runtime_only(device: Path, artifacts: Path, tmp_path: Path) -> None:
    answer = _run(device / "python", "-c", ANSWER, artifacts / "onnx-int8", folder=tmp_path)
    assert answer.stdout == f"{load(artifacts / 'onnx-int8')('ba de').scores}\n", answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnx", "openvino", "tflite"])
def test_an_environment_with_one_runtime_answers(artifacts: Path, tmp_path: Path, runtime: str) -> None:
    programs = _environment(tmp_path, f"{ROOT}[{runtime}]")
    artifact = artifacts / f"{runtime}-int8"
    answer = _run(programs / "python", "-c", ANSWER, artifact, folder=tmp_path)
    assert answer.stdout == f"{load(artifact)('ba de').scores}\n", answer.stderr
    for command in (("verify", artifact), ("bench", artifact, "--blocks", 1, "--sentences", 4)):
        result = _run(programs / "tinybert", *command, folder=tmp_path)
        assert result.returncode == 0, result.stderr
    assert _run(programs / "python", "-c", "import torch", folder=tmp_path).returncode == 1


@pytest.mark.slow
def test_the_readmes_three_commands_lead_from_a_file_to_an_answer(tmp_path: Path, encoder_folder: Path) -> None:
    """On a bare machine: in an environment with nothing in it but pip."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Use it on your own task")[2]
    install, run, predict = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0].splitlines()
    programs = _environment(tmp_path)
    rows = [f"a {tiny.subject(row)} {'good' if row % 2 else 'bad'},{'yes' if row % 2 else 'no'}" for row in range(200)]
    (tmp_path / "reviews.csv").write_text("\n".join(["review,liked", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "my-teacher").symlink_to(encoder_folder)
    # The teacher of these tests knows nothing yet, and learns it in more epochs than a real one.
    quick = "--set teacher.epochs=6 --set teacher.learning_rate=3e-3 --blocks 1 --sentences 4"
    run = run.partition("  #")[0] + f" {quick}"
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def done(command: str, folder: Path) -> str:
        call = ["bash", "-c", command]
        result = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    done(install, ROOT)
    done(run, tmp_path)
    assert done(predict.replace("a wonderful", "a good"), tmp_path).startswith("yes\t")
