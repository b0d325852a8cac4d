"""`tinybert bench`: measure artifacts and write records."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.settings import DEFAULT

if TYPE_CHECKING:
    from bench.record import Record

BlocksOption = Annotated[int, typer.Option("--blocks", min=1, help="Fresh processes per model.")]
SentencesOption = Annotated[int, typer.Option("--sentences", min=1, help="Timed sentences per process.")]


def bench(
    artifacts: Annotated[
        list[Path], typer.Argument(help="Artifact folders or archives; teacher and student folders too.")
    ],
    student: Annotated[
        Path | None,
        typer.Option("--student", help="Student folder with the labels.  \\[default: looked for near the artifacts]"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", help="Profile to file the records under.  \\[default: the artifacts' target]"),
    ] = None,
    blocks: BlocksOption = DEFAULT.blocks,
    sentences: SentencesOption = DEFAULT.sentences_per_block,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed for sampling sentences.")] = DEFAULT.seed,
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("results"),
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable output.")] = False,
) -> None:
    """Measure models on this machine: latency, memory and quality, in turn, each in fresh processes.

    Examples:

        tinybert bench runs/quickstart/artifacts/*/*/*

        tinybert bench teacher-1a2b3c4d onnx-int8 tflite-int8 --blocks 20

        tinybert bench onnx-int8.zip --student student-1a2b3c4d --out results
    """
    from bench import packs
    from bench.schedule import make_schedule
    from bench.session import run_schedule
    from bench.settings import Settings
    from contract.lock import locked

    settings = Settings(blocks=blocks, sentences_per_block=sentences, seed=seed)
    with packs.opened(artifacts) as folders:
        schedule = make_schedule(folders, target=target, student=student, settings=settings)
        with locked(out):
            paths = run_schedule(schedule, out)
    _show(paths, json=json)


def _show(paths: list[Path], *, json: bool) -> None:
    """Print the numbers of each record and, last, the folder of the records."""
    from bench.latency import percentile
    from bench.record import read_record
    from contract.text import printable

    records = [read_record(path) for path in paths]
    if json:
        typer.echo(json_module.dumps({"records": [str(path) for path in paths]}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "p50 ms", "p90 ms", "peak MiB", "size MiB", "quality", "validity")
    for record in records:
        p50_ns, p90_ns = percentile(record.infer_ns, 50), percentile(record.infer_ns, 90)
        table.add_row(
            record.label,
            _scaled(p50_ns, 1e6, 2),
            _scaled(p90_ns, 1e6, 2),
            _scaled(record.memory.peak_bytes, 2**20, 1),
            _scaled(record.size_bytes, 2**20, 1),
            _quality(record),
            record.validity,
        )
    console = Console(highlight=False, markup=False)
    console.print(table)
    for record in records:
        if record.causes:
            console.print(f"{record.label} is {record.validity}: {'; '.join(record.causes)}", soft_wrap=True)
        if doubt := _doubt(record):
            console.print(f"warning: {printable(doubt)}", soft_wrap=True)
    typer.echo(str(paths[0].parent))


def _quality(record: "Record") -> str:
    from infer import tasks
    from infer.metrics.format import metric_value

    if record.quality is None:
        return "n/a"
    metric = tasks.metric(record.task.kind, record.metric)
    return metric_value(metric, record.quality[metric.name].value)


def _doubt(record: "Record") -> str:
    """Return why a model is of no use, or an empty text."""
    from infer.tasks import constant

    if record.quality is None or record.constant is None:
        return ""
    kind, metric = record.task.kind, record.metric
    return constant.describe_no_better(record.label, kind, metric, record.quality[metric], record.constant[metric])


def _scaled(value: float | None, unit: float, digits: int) -> str:
    return "n/a" if value is None else f"{value / unit:.{digits}f}"
