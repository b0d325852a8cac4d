"""`tinybert predict`: the answers of `load`, from the command line, files and pipes."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tinybert_edge import load

Tinybert = Callable[..., tuple[int, str, str]]
TEXTS = ["ba de fi", "go", 'bar "fen", gil', "ka lo mu"]
PAIRS = ["te", "bi do", "sa", "ru"]
COMMAND = [sys.executable, "-m", "tinybert_edge"]


@pytest.fixture(scope="module")
def artifact(artifacts: Path) -> Path:
    return artifacts / "onnx-int8"


@pytest.fixture(scope="module")
def answers(artifact: Path) -> list[dict[str, Any]]:
    with load(artifact) as predictor:
        return [{"label": each.label, "score": each.score} for each in predictor(TEXTS)]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format of the path's suffix."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".txt":
        path.write_text("".join(row["text"] + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            dialect: dict[str, Any] = (
                {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None} if path.suffix == ".tsv" else {}
            )
            writer = csv.DictWriter(file, list(rows[0]), **dialect)
            writer.writeheader()
            writer.writerows(rows)
    return path


def test_texts_are_answered_a_line_each(tinybert: Tinybert, artifact: Path, answers: list[dict[str, Any]]) -> None:
    code, out, err = tinybert("predict", artifact, *TEXTS)
    wanted = [f"{each['label']}\t{each['score']:.4f}\t{text}" for each, text in zip(answers, TEXTS, strict=True)]
    assert (code, out.splitlines(), err) == (0, wanted, "")


def test_json_has_all_that_load_gives(tinybert: Tinybert, artifact: Path) -> None:
    code, out, _ = tinybert("predict", artifact, *TEXTS, "--json", "--all-scores")
    with load(artifact) as predictor:
        wanted = [{"text": text, **asdict(predictor(text))} for text in TEXTS]
    assert (code, [json.loads(line) for line in out.splitlines()]) == (0, wanted)


def test_a_pair(tinybert: Tinybert, artifact: Path) -> None:
    _, out, _ = tinybert("predict", artifact, "ba", "--pair", "de", "--json")
    with load(artifact) as predictor:
        answer = predictor(("ba", "de"))
    assert json.loads(out) == {"text": "ba", "text_pair": "de", "label": answer.label, "score": answer.score}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "txt"])
def test_files_are_read(
    tinybert: Tinybert, artifact: Path, answers: list[dict[str, Any]], tmp_path: Path, suffix: str
) -> None:
    path = write(tmp_path / f"in.{suffix}", [{"text": text} for text in TEXTS])
    code, out, _ = tinybert("predict", artifact, "--file", path, "--json")
    rows = [{"text": text, **answer} for text, answer in zip(TEXTS, answers, strict=True)]
    assert (code, [json.loads(line) for line in out.splitlines()]) == (0, rows)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_files_are_written(
    tinybert: Tinybert, artifact: Path, answers: list[dict[str, Any]], tmp_path: Path, suffix: str
) -> None:
    rows = [{"number": str(number), "review": text} for number, text in enumerate(TEXTS)]
    path, out = write(tmp_path / "in.csv", rows), tmp_path / f"out.{suffix}"
    code, said, _ = tinybert("predict", artifact, "--file", path, "--column", "review", "--out", out)
    assert (code, said.splitlines()) == (0, [str(out)])
    wanted = [
        {**row, "predicted_label": answer["label"], "predicted_score": answer["score"]}
        for row, answer in zip(rows, answers, strict=True)
    ]
    assert read(out) == (wanted if suffix == "jsonl" else [{key: str(row[key]) for key in row} for row in wanted])


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    dialect: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if path.suffix == ".tsv" else {}
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, **dialect))


def test_pairs_of_a_file(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    rows = [{"a": text, "b": pair} for text, pair in zip(TEXTS, PAIRS, strict=True)]
    path = write(tmp_path / "in.csv", rows)
    _, out, _ = tinybert("predict", artifact, "--file", path, "--column", "a", "--pair-column", "b", "--json")
    with load(artifact) as predictor:
        wanted = [answer.score for answer in predictor(list(zip(TEXTS, PAIRS, strict=True)))]
    assert [json.loads(line)["score"] for line in out.splitlines()] == wanted


def test_a_pipe_is_answered_as_it_comes(artifact: Path, answers: list[dict[str, Any]]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "predict", str(artifact), "--file", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for text, answer in zip(TEXTS, answers, strict=True):
        process.stdin.write(text + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"text": text, **answer}  # before the next is written
    assert process.communicate()[0] == ""
    assert process.returncode == 0


def test_a_reader_that_goes_is_no_failure(artifact: Path) -> None:
    command = (
        f"yes ba | {sys.executable} -m tinybert_edge predict {artifact} --file - | head -n 1; echo ${{PIPESTATUS[1]}}"
    )
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (len(result.stdout.splitlines()), result.stdout.splitlines()[1], result.stderr) == (2, "141", "")


def test_texts_that_were_cut_are_counted(tinybert: Tinybert, artifact: Path) -> None:
    _, _, err = tinybert("predict", artifact, "ba", " ".join(["ba"] * 100))
    assert err == "1 of 2 texts was longer than the model reads, and cut\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either texts or --file: see tinybert predict --help"),
        (["ba", "--file", "{csv}"], "give either texts or --file: see tinybert predict --help"),
        (["ba", "de", "--pair", "fi"], "--pair is the second text of one text: use --file with --pair-column"),
        (["--file", "{folder}/none.csv"], "{folder}/none.csv: no such file: check the path"),
        (
            ["--file", "{folder}/in.docx"],
            "{folder}/in.docx: unknown format 'docx': known: csv, tsv, jsonl, parquet, txt",
        ),
        (["--file", "{csv}"], "{csv}:2: which column has the texts? There are: a, b: name it with --column"),
        (["--file", "{csv}", "--column", "c"], "{csv}:2: no column 'c': it has: a, b"),
        (["--file", "{empty}", "--column", "a"], "{empty}:3: empty: give it at least one word"),
        (["--file", "{header}"], "{header}: no rows: write one text per row"),
        (
            ["--file", "{numbers}"],
            "{numbers}:1: expected a str or a pair (str, str), got int: write the text as a string",
        ),
        (["ba", "--out", "{folder}/out.xlsx"], "{folder}/out.xlsx: unknown format 'xlsx': known: csv, tsv, jsonl"),
        (["ba", "--out", "{folder}/out.parquet"], "{folder}/out.parquet: cannot be written: name a file with one of:"),
        ([""], "text: empty: give it at least one word"),
    ],
)
def test_what_is_refused(
    tinybert: Tinybert, artifact: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    paths = {
        "folder": tmp_path,
        "csv": write(tmp_path / "in.csv", [{"a": "ba", "b": "de"}]),
        "empty": write(tmp_path / "empty.csv", [{"a": "ba", "b": "de"}, {"a": "", "b": "de"}]),
        "numbers": write(tmp_path / "numbers.jsonl", [{"text": 1}]),
        "header": tmp_path / "header.csv",
    }
    paths["header"].write_text("text\n", encoding="utf-8")
    (tmp_path / "in.docx").touch()
    code, out, err = tinybert("predict", artifact, *(argument.format(**paths) for argument in arguments))
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"error: {message.format(**paths)}")


def test_a_row_that_is_refused_leaves_the_old_file(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", [{"text": "ba"}, {"text": "\0"}])
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")
    code, _, err = tinybert("predict", artifact, "--file", path, "--out", out)
    assert (code, out.read_text(encoding="utf-8")) == (2, "old")
    assert err == f"error: {path}:2: contains a NUL character: decode it as UTF-8 text\n"


def test_a_column_with_the_name_of_an_answer_is_refused(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", [{"text": "ba", "predicted_label": "x"}])
    code, _, err = tinybert("predict", artifact, "--file", path, "--out", tmp_path / "out.csv")
    assert code == 2
    assert err.splitlines()[-1] == "error: the rows already have a column 'predicted_label': rename it"


def test_a_csv_file_drops_no_column(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", [{"text": "ba"}, {"text": "de", "stars": 5}])
    code, _, err = tinybert("predict", artifact, "--file", path, "--out", tmp_path / "out.csv")
    assert code == 2
    wanted = "error: a row has a column that the first does not have: 'stars': write a .jsonl file"
    assert err.splitlines()[-1] == wanted
    assert not (tmp_path / "out.csv").exists()


def test_no_texts_leave_no_csv_file(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("\n", encoding="utf-8")
    code, _, err = tinybert("predict", artifact, "--file", path, "--out", tmp_path / "out.csv")
    assert (code, (tmp_path / "out.csv").exists()) == (2, False)
    assert err.startswith("error: ")


def test_a_key_that_a_row_has_twice_is_refused(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "ba"}\n{"text": "ba", "text": "de"}\n', encoding="utf-8")
    code, _, err = tinybert("predict", artifact, "--file", path)
    assert code == 2
    assert err.splitlines()[-1].startswith(f"error: {path}:2: not valid JSON (duplicate key 'text')")


def test_a_runtime_that_fails_is_one_line(tinybert: Tinybert, artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("\x1b[1mindices element out of data bounds\nat node 3")

    monkeypatch.setattr("infer.predictor.infer", fail)
    code, out, err = tinybert("predict", artifact, "ba")
    assert (code, out) == (4, "")
    assert err.startswith("error: onnx failed (")
    assert err.endswith("indices element out of data bounds): convert the student again\n")
    assert "\x1b" not in err


@pytest.mark.parametrize(("encoding", "shown"), [("cp1252", "\\u4e2d film"), ("utf-8", "中 film")])
def test_what_the_outputs_encoding_lacks_is_escaped(artifact: Path, encoding: str, shown: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    result = subprocess.run(
        [*COMMAND, "predict", artifact, "中 film"], capture_output=True, check=True, env=environment
    )
    assert result.stdout.decode(encoding).rstrip().endswith(f"\t{shown}")
