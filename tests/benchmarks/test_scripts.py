"""The scripts that made numbers in results/ can still be run."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from distill.data import generated

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "results" / "benchmarks"
# Only scripts have an argument parser.
SCRIPTS = [path for path in FOLDER.rglob("*.py") if "ArgumentParser(" in path.read_text(encoding="utf-8")]
NAMES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__") for path in SCRIPTS)
HEAVY = {"nncf", "onnx", "onnxruntime", "openvino", "optimum", "pandas", "textbrewer", "torch", "transformers"}
COMMAND = re.compile(r"^ {4}python -m (results\.[\w.]+)", re.MULTILINE)


def test_there_are_scripts() -> None:
    assert "results.benchmarks.peers" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_help_imports_nothing_slow(name: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", name, "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "usage:" in run.stdout
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("path", [*SCRIPTS, ROOT / "results" / "LOG.md"], ids=lambda path: path.parent.name + path.stem)
def test_quoted_commands_name_a_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "python results/" not in text
    modules = COMMAND.findall(text)
    assert modules
    assert set(modules) <= set(NAMES)


def test_augmentation_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    words = (*generated.SUBJECTS, *generated.PARTS, *generated.GOOD, *generated.BAD, "the", "of", "this", "was")
    vocabulary, texts = tmp_path / "vocab.txt", tmp_path / "train.tsv"
    vocabulary.write_text("\n".join(dict.fromkeys((*special, *words))), encoding="utf-8")
    sentences = generated.generate({"train": 4}, seed=0)["train"].texts
    texts.write_text("\n".join(["sentence", *sentences]), encoding="utf-8")
    shape = ["--layers", "1", "--width", "16", "--heads", "2", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["augment", "--vocabulary", str(vocabulary), "--texts", str(texts), *shape])
    monkeypatch.syspath_prepend(ROOT)
    runpy.run_module("results.benchmarks.augment", run_name="__main__")
    assert "| authors' way |" in capsys.readouterr().out
