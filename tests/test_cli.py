"""The command line as a user meets it: help, errors of one line with exit codes, the whole job on a tiny model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from contract.lock import locked

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "onnxruntime",
    "openvino",
    "ai_edge_litert",
    "altair",
    "sklearn",
    "numpy",
)
COMMANDS = (
    "predict",
    "targets",
    "doctor",
    "target new",
    "distill",
    "multitask",
    "ablate",
    "convert",
    "pack",
    "verify",
    "bench",
    "report",
    "run",
)
Finished = tuple[Path, subprocess.CompletedProcess[str], list[str]]
RunProcess = Callable[[list[str]], subprocess.CompletedProcess[str]]
Tinybert = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(tinybert: Tinybert, command: str) -> None:
    code, out, _ = tinybert(*command.split(), "--help")
    assert code == 0
    assert f"tinybert {command}" in out.split("Examples")[1]


def test_help_imports_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "tinybert_edge", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert all(command.split()[0] in result.stdout for command in COMMANDS)
    assert not imported & {*HEAVY, "pydantic"}


def test_the_version(tinybert: Tinybert) -> None:
    assert tinybert("--version")[:2] == (0, f"tinybert-edge {version('tinybert-edge')}\n")


def test_python_m_is_the_command() -> None:
    command = [sys.executable, "-m", "tinybert_edge", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"tinybert-edge {version('tinybert-edge')}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    script = Path(sys.executable).with_name("tinybert")
    if not script.exists():
        pytest.skip("needs the installed command")
    environment = {
        **os.environ,
        "_TINYBERT_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "tinybert pre",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "tinybert pre",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    result = subprocess.run([script], capture_output=True, text=True, check=False, env=environment)
    assert "predict" in result.stdout


def test_the_worker_imports_neither_torch_nor_transformers() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "infer.worker.main", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert not imported & {"torch", "transformers", "datasets", "pydantic", "typer"}


def test_a_whole_run_reports_six_students_and_the_teacher(
    finished: Finished,
) -> None:
    out, result, _ = finished
    report = out / "report.html"
    assert result.stdout.splitlines()[-1] == str(report)
    records = [json.loads(path.read_text()) for path in out.glob("results/*/*.json")]
    rows = {(record["kind"], record["runtime"], record["precision"]) for record in records}
    students = {
        ("artifact", runtime, precision) for runtime in ("onnx", "openvino", "tflite") for precision in ("fp32", "int8")
    }
    assert rows == {*students, ("teacher", "pytorch", "fp32")}
    for record in records:
        assert (record["metric"], record["examples"]) == ("accuracy", 16)
        if record["kind"] == "artifact" and record["precision"] == "fp32":
            assert record["agreement"]["student"] == 1
    assert "Warning" not in result.stderr


def test_a_second_run_finds_everything(finished: Finished, run_process: RunProcess) -> None:
    out, _, arguments = finished
    stages = [path for path in out.rglob("*.json") if path.name != "report.html"]
    before = {path: path.stat().st_mtime_ns for path in stages}
    result = run_process(arguments)
    assert result.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in stages} == before


@pytest.mark.parametrize("extra", ["onnx", "openvino", "tflite"])
def test_json_and_last_line_of_each_command(tinybert: Tinybert, finished: Finished, tmp_path: Path, extra: str) -> None:
    artifact = next(finished[0].glob(f"artifacts/*/*/{extra}-int8"))
    code, out, _ = tinybert("bench", artifact, "--blocks", 1, "--sentences", 8, "--out", tmp_path / "results")
    assert code == 0
    assert Path(out.splitlines()[-1]).is_relative_to(tmp_path / "results")
    code, out, _ = tinybert("report", tmp_path / "results", "--out", tmp_path / "page.html", "--json")
    assert code == 0
    assert len(json.loads(out)["sessions"][0]["rows"]) == 1


def test_a_device_measured_elsewhere_shows_no_speed(tinybert: Tinybert, finished: Finished, tmp_path: Path) -> None:
    artifact = next(finished[0].glob("artifacts/*/*/onnx-int8"))
    arguments = ("--target", "raspberry-pi-zero-2-w", "--blocks", 1, "--sentences", 4, "--out", tmp_path / "results")
    assert tinybert("bench", artifact, *arguments)[0] == 0
    record = json.loads(next(tmp_path.glob("results/raspberry-pi-zero-2-w/*.json")).read_text())
    assert record["validity"] == "invalid"
    assert "timings from this machine do not apply to raspberry-pi-zero-2-w" in record["causes"][0]
    code, out, _ = tinybert("report", tmp_path / "results", "--out", tmp_path / "page.html", "--json")
    assert code == 0
    assert json.loads(out)["sessions"][0]["rows"][0]["latency_p50_ns"] is None


def _columns(data: Path, recipe: Path) -> None:
    (data / "train.tsv").write_text("text\tlabel\na\t1\nb\t0\n")


def _one_class(data: Path, recipe: Path) -> None:
    (data / "train.tsv").write_text("sentence\tlabel\na\t1\nb\t1\n")


def _empty(data: Path, recipe: Path) -> None:
    (data / "dev.tsv").write_text("")


def _label(data: Path, recipe: Path) -> None:
    (data / "train.tsv").write_text("sentence\tlabel\na\t1\nb\t0\nc\t5\n")


def _key(data: Path, recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("seed = 1", "sead = 1"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_key, "unknown key 'sead', did you mean 'seed'?"),
        (_columns, "train.tsv:1: no column 'sentence' (columns: text, label)"),
        (_one_class, "train.tsv: all 2 rows have the label 'positive'"),
        (_empty, "dev.tsv: empty"),
        (_label, "train.tsv:4: unknown label '5'"),
    ],
)
def test_bad_input_writes_nothing(
    tinybert: Tinybert,
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    spoil: Callable[[Path, Path], None],
    message: str,
) -> None:
    recipe, data = recipe_file(), sentences_file()
    spoil(data, recipe)
    _refused(tinybert("distill", recipe, "--data", data, "--out", tmp_path / "out"), message)
    assert not (tmp_path / "out").exists()


def test_an_unknown_target_writes_nothing(
    tinybert: Tinybert, tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    arguments = (
        "run",
        recipe_file(),
        "--data",
        sentences_file(),
        "--target",
        "raspbery-pi-5",
        "--out",
        tmp_path / "out",
    )
    _refused(tinybert(*arguments), "unknown target 'raspbery-pi-5', did you mean 'raspberry-pi-5'?")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_utf8_is_one_line(tinybert: Tinybert) -> None:
    code, out, err = tinybert("convert", os.fsdecode(b"runs/\xff"))
    assert (code, out) == (2, "")
    assert err == "error: 'runs/\\udcff' is not valid UTF-8: write it as UTF-8, and rename a file or folder\n"


def test_a_teacher_of_other_labels_writes_nothing(
    tinybert: Tinybert,
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    classifier_folder: Callable[..., Path],
) -> None:
    teacher = classifier_folder(("a", "b", "c"))
    arguments = ("distill", recipe_file(), "--data", sentences_file(), "--teacher", teacher, "--out", tmp_path / "out")
    _refused(tinybert(*arguments), "has 3 labels (a, b, c), the data has 2")
    assert not list((tmp_path / "out").glob("*"))


def test_an_output_folder_in_use_names_its_owner(
    tinybert: Tinybert, tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    with locked(tmp_path / "out"):
        arguments = ("distill", recipe_file(), "--data", sentences_file(), "--out", tmp_path / "out")
        _refused(tinybert(*arguments), f"in use by another run (pid {os.getpid()})")


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("datasets", "distill", "distill"),
        ("torch", "distill", "distill"),
        ("nncf", "convert", "convert"),
        ("onnxruntime", "bench", "onnx"),
        ("altair", "report", "report"),
    ],
)
def test_a_missing_extra_names_its_pip_line(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    finished: Finished,
    module: str,
    command: str,
    extra: str,
) -> None:
    inputs: dict[str, list[object]] = {
        "distill": [recipe_file(), "--data", sentences_file()],
        "convert": [next(finished[0].glob("student-*"))],
        "bench": [next(finished[0].glob("artifacts/*/*/onnx-fp32"))],
        "report": [finished[0] / "results"],
    }
    out = tmp_path / "out" / "page.html"
    arguments = ["tinybert", command, *map(str, inputs[command]), "--out", str(out)]
    # A module that is None in sys.modules cannot be imported, as if it were not installed.
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv = {arguments!r}; import tinybert_edge.__main__"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    _refused((result.returncode, result.stdout, result.stderr), f"pip install -c constraints.txt '.[{extra}]'")
    assert not out.parent.exists()


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "tflite"])
def test_an_artifact_changed_by_one_byte_is_refused(
    tinybert: Tinybert, finished: Finished, tmp_path: Path, runtime: str
) -> None:
    artifact = tmp_path / "artifact"
    shutil.copytree(next(finished[0].glob(f"artifacts/*/*/{runtime}-int8")), artifact)
    largest = max(artifact.iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    _refused(tinybert("bench", artifact, "--out", tmp_path / "out"), "its SHA-256 is not the one of its manifest")
    assert not (tmp_path / "out").exists()


def _refused(result: tuple[int, str, str], message: str) -> None:
    code, out, err = result
    assert code == 2, err
    assert out == ""
    *notes, error = err.strip().splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert not any("Traceback" in note for note in notes)
