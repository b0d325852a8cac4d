"""A plan as tables to read."""

from dataclasses import asdict
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from distill.plan.plan import Plan

MIB = 2**20


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it, with the sums."""
    found: dict[str, Any] = asdict(plan)
    for name, model in (("teacher", plan.teacher), ("student", plan.student)):
        found[name]["shape"] = model.shape.model_dump()
        found[name]["parameters"]["total"] = model.parameters.total
    for one, training in zip(found["trainings"], plan.trainings, strict=True):
        one["memory"]["total"] = training.memory.total
    return found


def show(plan: Plan) -> None:
    """Print a plan."""
    Console().print(Group(_layers(plan), _models(plan), _trainings(plan)))


def _layers(plan: Plan) -> Table:
    table = Table("student layer", "learns from teacher layer", "starts as", title=f"{plan.recipe}: layers, from 0")
    learns_from = dict(plan.pairs)
    for layer in range(plan.student.shape.layers):
        theirs = learns_from.get(layer)
        begins = f"teacher layer {plan.copied_layers[layer]}" if plan.copied_layers else plan.start
        if plan.copied_layers and plan.start != "copied":
            begins += f", {plan.start}"
        table.add_row(str(layer), "none" if theirs is None else str(theirs), begins)
    return table


def _models(plan: Plan) -> Table:
    table = Table("", "teacher", "student", "ratio", title="models", caption="FLOP of one sentence")
    both = plan.teacher, plan.student
    table.add_row("shape", *(str(model.shape) for model in both), "")
    counts = [model.parameters for model in both]
    for name, numbers in (
        ("parameters", [count.total for count in counts]),
        ("- embedding", [count.embedding for count in counts]),
        ("- encoder", [count.encoder for count in counts]),
        ("- head", [count.head for count in counts]),
        (f"FLOP, {plan.typical_length_tokens} tokens (median)", [model.typical_flops for model in both]),
        (f"FLOP, {plan.maximal_length_tokens} tokens (longest)", [model.maximal_flops for model in both]),
    ):
        theirs, own = numbers
        table.add_row(name, f"{theirs:,}", f"{own:,}", f"{own / theirs:.1%}")
    return table


def _trainings(plan: Plan) -> Table:
    columns = ("training", "steps", "parameters", "gradients", "AdamW", "activations", "all")
    caption = f"with {plan.new_rows:,} new rows by augmentation, or fewer" if plan.new_rows else None
    title = "trainings, memory in MiB with a batch of the longest sentences"
    table = Table(*columns, title=title, caption=caption)
    for one in plan.trainings:
        memory = one.memory
        parts = (memory.parameters, memory.gradients, memory.moments, memory.activations, memory.total)
        name = f"{one.name}, fake-quantised ({one.fake_quantize})" if one.fake_quantize else one.name
        table.add_row(name, f"{one.steps:,}", *(f"{part / MIB:,.0f}" for part in parts))
    return table
