"""A small teacher, made here: a BERT of two layers with a tokenizer of its own, and sentences it can learn."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.silence import silence_libraries
from infer.runtimes import onnx, openvino

silence_libraries()  # before anything imports torch
# Before anything imports them: tests report nothing to the makers of the runtimes.
onnx.forbid_telemetry()
openvino.forbid_telemetry()
# Tests run two at once, and threads that wait for each other take each other's time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from filelock import FileLock
from hypothesis import settings
from transformers import BertModel, PreTrainedModel

from contract import options
from tests import tiny
from tinybert_edge import cli

# Fixtures that several folders of tests share: models in every runtime's format, and student folders.
pytest_plugins = ("tests.models", "tests.students")

# Property tests say nothing of time: a busy machine is no fault, and a first example may import a library.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Files that take longest, in the order to start them in, so that no process is left alone with one at the end.
LONGEST = (
    "test_cli.py",
    "convert/test_variants.py",
    "test_install.py",
    "convert/test_build.py",
    "distill/test_regression.py",
    "convert/test_bytes.py",
    "infer/runtimes/test_runtimes.py",
    "distill/test_full_disk.py",
    "distill/test_multitask.py",
    "distill/test_soup.py",
    "distill/test_not_finite.py",
    "bench/test_command.py",
    "convert/test_full_disk.py",
)
CONNECTIONS = "connections.log"  # of the whole run
SentencesFile = Callable[..., Path]
Tinybert = Callable[..., tuple[int, str, str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.path.relative_to(Path(__file__).parent).as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collection, which the Trainer asks for at the end of every training."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that parallel test processes have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretrained encoder that is not yet a classifier."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    BertModel(tiny.config()).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def classifier_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a classifier of given labels, whose answer is the first label's or the reverse."""

    def make(labels: tuple[str, ...], *, right: bool = True) -> Path:
        folder = tmp_path / "classifier"
        torch.manual_seed(0)
        model = tiny.model("classification", labels)
        _answer_by_word(model, right=right)
        model.save_pretrained(folder)
        tiny.tokenizer().save_pretrained(folder)
        return folder

    return make


def _answer_by_word(model: PreTrainedModel, *, right: bool) -> None:
    """Train it to tell `good` from `bad`, or to tell them the wrong way round."""
    tokenizer = tiny.tokenizer()
    texts = [f"a {tiny.subject(row // 2)} {'good' if row % 2 else 'bad'}" for row in range(10)]
    labels_B = torch.tensor([row % 2 if right else 1 - row % 2 for row in range(len(texts))])
    encoded = tokenizer(texts, return_tensors="pt", padding=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(**encoded, labels=labels_B).loss.backward()
        optimizer.step()


@pytest.fixture
def sentences_file(tmp_path: Path) -> SentencesFile:
    """Write train.tsv and dev.tsv of sentences that a word decides; return their folder."""
    return lambda **rows: tiny.write_sentences(tmp_path / "data", **rows)


@pytest.fixture
def recipe_file(tmp_path: Path, encoder_folder: Path) -> Callable[..., Path]:
    """Write a recipe for the tiny teacher and these sentences."""
    return lambda model=encoder_folder, **changes: tiny.write_recipe(tmp_path / "tiny.toml", model, **changes)


@pytest.fixture
def tinybert(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tinybert:
    """Run the command line in this process; return exit code, stdout and stderr."""

    for name in (options.QUIET, options.VERBOSE, options.FORCE):
        monkeypatch.setenv(name, "")  # a call may set them, for this test alone

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tinybert", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as end:
            captured = capsys.readouterr()
            return int(end.code or 0), captured.out, captured.err
        raise AssertionError("the command line always ends with an exit code")

    return call


def _run_process(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-m", "tinybert_edge", *arguments])


def traced(log: Path) -> list[str]:
    """Return the beginning of a command whose processes' connections strace writes down, or nothing without strace."""
    command = ["strace", "--follow-forks", "--seccomp-bpf", "--trace=connect,sendto,sendmsg", f"--output={log}"]
    try:
        allowed = _run([*command, "true"]).returncode == 0
    except FileNotFoundError:
        allowed = False
    return command if allowed else []


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="session")
def run_process() -> Callable[[list[str]], subprocess.CompletedProcess[str]]:
    """Run the command line as a process of its own."""
    return _run_process


@pytest.fixture(scope="session")
def finished(shared: Path, encoder_folder: Path) -> tuple[Path, subprocess.CompletedProcess[str], list[str]]:
    """A whole run on the tiny teacher for a named target, whatever this machine is: its folder, what it printed, its
    arguments."""
    folder, record = shared / "run", shared / "run.json"
    with FileLock(shared / "run.lock"):
        if not record.exists():
            arguments, result = _whole_run(folder, encoder_folder)
            record.write_text(json.dumps({"arguments": arguments, "stdout": result.stdout, "stderr": result.stderr}))
    said = json.loads(record.read_text())
    result = subprocess.CompletedProcess(said["arguments"], 0, said["stdout"], said["stderr"])
    return folder / "out", result, said["arguments"]


def _whole_run(folder: Path, encoder: Path) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    folder.mkdir()
    recipe = tiny.write_recipe(folder / "tiny.toml", encoder)
    data = tiny.write_sentences(folder / "data")
    quick = ["--blocks", "1", "--sentences", "8"]
    named = ["--target", "laptop-x86"]
    arguments = ["run", str(recipe), "--data", str(data), *named, *quick, "--out", str(folder / "out")]
    result = _run([*traced(folder / CONNECTIONS), sys.executable, "-m", "tinybert_edge", *arguments])
    assert result.returncode == 0, result.stderr
    return arguments, result


# Of each run its exit code, its line of error (or all it said), and the files that were on the disk then.
SmallDisk = Callable[..., list[tuple[int, str, list[Path]]]]
# The disk goes with the mount space, so its files are listed in there.
_MOUNT = """
mount -t tmpfs -o size=4k tmpfs "$0" || exit
sizes=$1; shift
for size in $sizes; do
    mount -o "remount,size=${size}k" "$0"
    "$@" 2>&1
    printf '\\0%s\\0' $?
    find "$0" -mindepth 1
    printf '\\0'
done
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> SmallDisk:
    """Run the command line with a folder on a real and tiny file system, once for each size in KiB."""
    mount = ("unshare", "--map-root-user", "--mount", "bash", "-c", _MOUNT)

    def call(folder: Path, sizes_kib: list[int], arguments: list[object]) -> list[tuple[int, str, list[Path]]]:
        tinybert = [sys.executable, "-m", "tinybert_edge", *arguments]
        command = [*mount, folder, " ".join(map(str, sizes_kib)), *tinybert]
        result = _run([str(part) for part in command])
        parts = result.stdout.split("\0")
        return [_ended(*parts[first : first + 3]) for first in range(0, len(parts) - 1, 3)]

    try:
        allowed = _run([*mount, str(tmp_path), "", "true"]).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this system lets nobody mount a file system of their own")
    return call


def _ended(said: str, exit_code: str, left: str) -> tuple[int, str, list[Path]]:
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    return int(exit_code), "\n".join(errors) or said, list(map(Path, left.split("\n")))
