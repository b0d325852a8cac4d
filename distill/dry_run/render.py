"""Render a dry run's report as tables or as JSON."""

from dataclasses import asdict
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from distill.dry_run.dry_run import DryRunReport

MIB = 2**20


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
    """Print a report as tables."""
    Console().print(Group(_layers(report), _models(report), _trainings(report)))


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


def _trainings(report: DryRunReport) -> Table:
    columns = ("training", "steps", "parameters", "gradients", "AdamW", "activations", "sum")
    caption = f"including at most {report.new_rows:,} new rows from augmentation" if report.new_rows else None
    title = "trainings, memory in MiB with a batch of the longest sentences"
    table = Table(*columns, title=title, caption=caption)
    for training in report.trainings:
        memory = training.memory
        parts = (memory.parameters, memory.gradients, memory.moments, memory.activations, memory.total)
        name = training.name
        if training.fake_quantize:
            name += f", fake-quantised ({training.fake_quantize})"
        table.add_row(name, f"{training.steps:,}", *(f"{part / MIB:,.0f}" for part in parts))
    return table
