"""`tinybert predict`: answer texts."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from infer.predict.source import Question
    from infer.predictor import Predictor
    from infer.texts import Example


def predict(
    artifact: Annotated[
        Path, typer.Argument(help="An artifact folder, an archive of tinybert pack, or a student or teacher folder.")
    ],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to answer.", metavar="[TEXT]...")] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="Second text of a pair, for a single TEXT.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Read texts from a .csv, .tsv, .jsonl, .parquet or .txt file, or lines from -."),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="Column of the texts.  \\[default: text, sentence, or the only one]")
    ] = None,
    pair_column: Annotated[str | None, typer.Option("--pair-column", help="Column of the second texts.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the rows with their answers to a .csv, .tsv or .jsonl file.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Threads of one inference.  \\[default: the profile's]"),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Number of texts to infer together.")] = 1,
    all_scores: Annotated[bool, typer.Option("--all-scores", help="Print the score of every label.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per text.")] = False,
) -> None:
    """Answer texts with a converted model, as `tinybert_edge.load` does.

    Examples:

        tinybert predict onnx-int8 "a wonderful film" "a waste of time"

        tinybert predict onnx-int8.zip --file reviews.csv --column review --out answers.csv

        cat reviews.txt | tinybert predict onnx-int8 --file - --json
    """
    from contract.errors import InputError
    from infer.load import load
    from infer.predict import sink, source

    if bool(texts) == (file is not None):
        raise InputError("give either texts or --file", "see tinybert predict --help")
    if pair is not None and len(texts or ()) != 1:
        raise InputError("--pair is the second text of one text", "use --file with --pair-column for several")
    if out is not None:
        sink.check(out)
    questions = source.of_file(file, column, pair_column) if file else source.of_arguments(texts or (), pair)
    with load(artifact, threads=threads) as predictor:
        answered = _answered(predictor, questions, batch_size)
        if out is None:
            sink.show(answered, json=json, all_scores=all_scores)
        else:
            sink.write(answered, out, all_scores=all_scores)
            typer.echo(str(out))
        _note_cut(predictor)


def _answered(
    predictor: "Predictor", questions: Iterator["Question"], batch_size: int
) -> Iterator[tuple["Question", Any]]:
    """Yield each question with its answer."""
    asked: deque[Question] = deque()

    def examples() -> Iterator["Example"]:
        for question in questions:
            asked.append(question)
            yield question.example

    for answer in predictor.stream(examples(), batch_size=batch_size):
        yield asked.popleft(), answer


def _note_cut(predictor: "Predictor") -> None:
    from contract.progress import note

    if predictor.cut:
        were = "was" if predictor.cut == 1 else "were"
        texts = "text" if predictor.answered == 1 else "texts"
        note(f"{predictor.cut} of {predictor.answered} {texts} {were} longer than the model reads, and cut")
