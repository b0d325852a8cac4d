"""The model card in an artifact folder."""

from infer import tasks
from infer.folders.artifact import Parity, Quality
from infer.folders.student import Student
from infer.folders.variant import Variant
from targets.profile import Profile


def markdown(student: Student, profile: Profile, variant: Variant, parity: Parity, quality: Quality, doubt: str) -> str:
    """Return the card: how to use the model, the metrics measured when it was converted, and its limits.

    Args:
        student: the student's manifest.
        profile: the target device.
        variant: the converted variant.
        parity: differences between the outputs of the model and the student.
        quality: metrics of the model's outputs.
        doubt: what speaks against them, or nothing.
    """
    metric = tasks.metric(student.task.kind, quality.metric)
    rows = "\n".join(
        f"| {tasks.metric(student.task.kind, name).heading} | {value.value:.3f} ({value.low:.3f} to {value.high:.3f}) |"
        for name, value in quality.values.items()
    )
    names = f"Labels: {', '.join(student.task.names)}." if student.task.names else "It answers with a score."
    is_distilled = "teacher" in student.parents
    source = "student" if is_distilled else "PyTorch model"
    note = f"\n**Note**: {doubt}.\n" if doubt else ""
    of_teacher = f"; of the teacher: {quality.teacher:.3f}" if is_distilled else ""
    return f"""# {student.name}: {variant.runtime.value} {variant.precision.value} for {profile.name}

A {source} of {student.shape}, converted by tinybert-edge. {names}

```python
from tinybert_edge import load

model = load(".")  # this folder; needs tinybert-edge[{variant.runtime.value}], no PyTorch
model("a text")
```

or `tinybert predict . "a text"`.

Measured when it was converted, on {parity.sentences} sentences of the {source}'s validation split (95 % intervals):

| metric | value |
|---|---|
{rows}

{metric.heading} in PyTorch: {quality.student:.3f}{of_teacher}. The answers to
{parity.agreement:.1%} of the sentences are the {source}'s. Latency and memory depend on the device: `tinybert bench .`
{note}
Limits: texts are cut at {student.max_length_tokens} tokens. Texts unlike those of the validation split were not
measured, and another processor may round differently. `evaluation.npz` contains that split's sentences as token ids,
which can be read back as text: `tinybert pack` leaves it out.

Licence: the terms of the teacher, of its data and of the training data apply; see the student's card. How it was made,
with the hashes of its parents: `artifact.json`.
"""
