"""What is wrong with a command is said before torch and transformers are imported, which takes seconds."""

import json
import subprocess
import sys

import pytest

from tests import tiny

HEAVY = ("torch", "transformers", "datasets")
# One process for all, as each that starts takes a second; whoever imports torch is known by having been the first.
SCRIPT = f"""
import contextlib, io, json, sys
from tinybert_edge.cli import main
said = []
for arguments in json.loads(sys.stdin.read()):
    sys.argv, errors, before = ["tinybert", *arguments], io.StringIO(), set(sys.modules)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        code = end.code
    heavy = [name for name in {HEAVY} if name in sys.modules and name not in before]
    said.append((code, errors.getvalue().splitlines()[-1], heavy))
print(json.dumps(said))
"""
DATA = ("--data", "data")
SST2 = ("sst2", *DATA, "--teacher", "teacher", "--set", "student.layers=[1]")
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "no data": (("distill", "sst2"), "this recipe reads files: give their folder with --data"),
    "no recipe": (("run", "no-such"), "unknown recipe 'no-such'"),
    "no recipe file": (("distill", "no-such.toml"), "no-such.toml: cannot be read as TOML"),
    "no folder of data": (("distill", *SST2, "--data", "none"), "--data none: no such folder"),
    "a file for a folder": (
        ("run", *SST2, "--data", "one.csv"),
        "a file, not a folder: to distil it: tinybert run one",
    ),
    "data for generated": (
        ("run", *DATA),
        "--data data: the sentences of quickstart are generated: leave it out, or di",
    ),
    "no file in a folder": (("distill", "sst2", "--data", "teacher"), "teacher/train.tsv: no such file: check --data"),
    "a folder that is not there": (("run", "data/trec"), "data/trec: no such file or folder: give data that is there"),
    "a folder of other files": (
        ("run", "."),
        ".: no file named train (it has: one.csv, other.csv): name the file itse",
    ),
    "a folder of no data": (("run", "texts"), "texts: no file named train (it has: train.txt): save the data with one"),
    "a folder of folders": (("run", "deep"), "deep: no file named train (it has: no data files): name the folder itse"),
    "an empty folder": (("run", "empty"), "empty: no file named train (it has: no data files): name a data file, or a"),
    "an unknown key": (("run", *SST2, "--set", "teacher.epoch=2"), "--set: unknown key 'teacher.epoch'"),
    "a key without a value": (("run", *SST2, "--set", "seed"), "--set 'seed' has no '='"),
    "missing keys": (("distill", "empty.toml"), "empty.toml: missing keys"),
    "no column": (("distill", *SST2, "--set", "data.text=txt"), "data/train.tsv:1: no column 'txt'"),
    "an unknown label": (
        ("run", *SST2, "--set", 'data.label_names=["a", "b"]', "--set", "data.label=sentence"),
        "data/",
    ),
    "no teacher": (("distill", "sst2", *DATA, "--teacher", "./none"), "./none: no such folder"),
    "an unsupported teacher": (("run", "sst2", *DATA, "--teacher", "decoder"), "decoder: model type 'gpt2' is not"),
    "a teacher without weights": (("run", "sst2", *DATA, "--teacher", "data"), "data: has no model.safetensors"),
    "no layer": (("distill", *SST2, "--set", "student.layers=[7]"), "student.layers"),
    "no preset": (("distill", *SST2, "--set", 'student={preset="x"}'), "unknown preset 'x'"),
    "data that is no task": (("run", "one.csv"), "one.csv: 1 different label"),
    "no data to draft for": (("init", "none.csv"), "none.csv: no such file or folder"),
    "no label to draft for": (("init", "data/train.tsv", "--label", "x"), "data/train.tsv: no column 'x'"),
    "no student": (("convert", "none"), "none: no student.json"),
    "no rows": (("convert", "teacher"), "teacher: no student.json, so not distilled here"),
    "no file of rows": (("convert", "teacher", "--data", "none.csv"), "none.csv: no such file or folder"),
    "no column of rows": (("convert", "teacher", *DATA, "--text", "x"), "data/train.tsv: no column 'x'"),
    "rows of other labels": (("convert", "teacher", "--data", "other.csv"), "other.csv:2: unknown label 'wrong'"),
    "a decoder": (("convert", "decoder", *DATA), "decoder: model type 'gpt2' is not supported"),
    "no target": (("convert", "teacher", *DATA, "--target", "no-such"), "unknown target 'no-such'"),
    "no runtime": (
        ("convert", "teacher", *DATA, "--runtime", "x", "--target", "laptop-x86"),
        "target laptop-x86 does not offer runtime 'x'",
    ),
    "no floor": (("tune", "teacher", *DATA, "--floor", "x"), "invalid floor 'x'"),
    "no artifact": (("bench", "none"), "none: holds no artifact.json"),
    "a model to measure": (("bench", "teacher"), "for a model of your own: tinybert convert FOLDER --data dev.csv"),
}


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[str]]]:
    """What each command says, and what it imported."""
    folder = tmp_path_factory.mktemp("early")
    tiny.write_sentences(folder / "data")
    for name in ("teacher", "decoder"):
        tiny.model("classification", ("negative", "positive")).save_pretrained(folder / name)
        tiny.tokenizer().save_pretrained(folder / name)
    config = folder / "decoder" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text(encoding="utf-8")), "model_type": "gpt2"}))
    (folder / "empty.toml").write_text("")
    (folder / "one.csv").write_text("text,label\n" + "a film,same\n" * 20)
    (folder / "other.csv").write_text("text,label\n" + "a film,wrong\na film,right\n" * 20)
    for name in ("texts", "deep", "empty"):
        (folder / name).mkdir()
    (folder / "texts" / "train.txt").write_text("a film")
    tiny.write_sentences(folder / "deep" / "films")
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([arguments for arguments, _ in COMMANDS.values()]),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(COMMANDS, json.loads(result.stdout), strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_refused_at_once(said: dict[str, tuple[int, str, list[str]]], name: str) -> None:
    code, error, heavy = said[name]
    assert error.startswith("error: ")
    assert COMMANDS[name][1] in error
    assert (code, heavy) == (2, [])
