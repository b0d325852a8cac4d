"""Render a dry run's report as tables or as JSON."""

from dataclasses import asdict
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from distill.dry_run.dry_run import DryRunReport, TrainingCost
from distill.dry_run.duration import roughly
from infer.tasks import constant

MIB = 2**20
LABELS_SHOWN = 20


def as_json(report: DryRunReport) -> dict[str, Any]:
    """Return a report as a JSON object, with totals."""
    document: dict[str, Any] = asdict(report)
    for name, model in (("teacher", report.teacher), ("student", report.student)):
        document[name]["shape"] = model.shape.model_dump()
        document[name]["parameters"]["total"] = model.parameters.total
    for entry, training in zip(document["trainings"], report.trainings, strict=True):
        entry["memory"]["total"] = training.memory.total
    return document


def show(report: DryRunReport) -> None:
    """Print a report as tables, and below them what is probably wrong."""
    Console().print(Group(_data(report), _layers(report), _models(report), _trainings(report), _memory(report)))
    for warning in report.data.warnings:
        Console(highlight=False).print(f"warning: {warning}", markup=False, soft_wrap=True)


def _data(report: DryRunReport) -> RenderableType:
    data, splits = report.data, (report.data.train, report.data.validation)
    table = Table("", "training", "validation", title="data")
    table.add_row("sentences", *(f"{split.rows:,}" for split in splits))
    for name in list(data.train.label_counts)[:LABELS_SHOWN]:
        table.add_row(f"- {name}", *(f"{split.label_counts[name]:,}" for split in splits))
    if len(data.train.label_counts) > LABELS_SHOWN:
        table.add_row(f"- {len(data.train.label_counts) - LABELS_SHOWN} more labels", "", "")
    table.add_row("also training sentences", "", f"{data.in_training:,}")
    table.add_row("unknown tokens", *(f"{split.unknown_share:.1%}" for split in splits))
    table.add_row(f"cut at {data.max_length_tokens} tokens", *(f"{split.cut_share:.1%}" for split in splits))
    return Group(table, Text(constant.describe(data.task, data.metric, data.constant)))


def _layers(report: DryRunReport) -> Table:
    title = f"{report.recipe}: layers, counted from 0"
    table = Table("student layer", "learns from teacher layer", "starts as", title=title)
    teacher_layers = dict(report.pairs)
    for layer in range(report.student.shape.layers):
        teacher_layer = teacher_layers.get(layer)
        start = f"teacher layer {report.copied_layers[layer]}" if report.copied_layers else report.start
        if report.copied_layers and report.start != "copied":
            start += f", {report.start}"
        table.add_row(str(layer), "none" if teacher_layer is None else str(teacher_layer), start)
    return table


def _models(report: DryRunReport) -> Table:
    table = Table("", "teacher", "student", "ratio", title="models", caption="FLOP per sentence")
    both = report.teacher, report.student
    table.add_row("shape", *(str(model.shape) for model in both), "")
    counts = [model.parameters for model in both]
    for name, numbers in (
        ("parameters", [count.total for count in counts]),
        ("- embedding", [count.embedding for count in counts]),
        ("- encoder", [count.encoder for count in counts]),
        ("- head", [count.head for count in counts]),
        (f"FLOP, {report.typical_length_tokens} tokens (median)", [model.typical_flops for model in both]),
        (f"FLOP, {report.maximal_length_tokens} tokens (longest)", [model.maximal_flops for model in both]),
    ):
        teacher, student = numbers
        table.add_row(name, f"{teacher:,}", f"{student:,}", f"{student / teacher:.1%}")
    return table


def _trainings(report: DryRunReport) -> RenderableType:
    table = Table("training", "steps", "time", title="trainings")
    for training in report.trainings:
        table.add_row(_name(training), f"{training.steps:,}", roughly(training.estimated_s))
    total_s = sum(training.estimated_s for training in report.trainings)
    lines = [f"{roughly(total_s)} in all: an estimate for this machine from one layer that was timed now"]
    if report.new_rows:
        lines.append(f"including at most {report.new_rows:,} new rows from augmentation")
    return Group(table, *map(Text, lines))


def _memory(report: DryRunReport) -> Table:
    columns = ("training", "parameters", "gradients", "AdamW", "activations", "sum")
    table = Table(*columns, title="memory in MiB with a batch of the longest sentences")
    for training in report.trainings:
        memory = training.memory
        parts = (memory.parameters, memory.gradients, memory.moments, memory.activations, memory.total)
        table.add_row(_name(training), *(f"{part / MIB:,.0f}" for part in parts))
    return table


def _name(training: TrainingCost) -> str:
    return f"{training.name}, fake-quantised ({training.fake_quantize})" if training.fake_quantize else training.name
