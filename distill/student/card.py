"""The model card in a student folder."""

from distill import tasks
from distill.recipe import Recipe
from distill.student.doubts import find_doubts
from infer import tasks as infer_tasks
from infer.folders.student import Evaluation
from infer.metrics.metric import Interval
from infer.tasks import TaskSettings, constant, evaluate


def markdown(recipe: Recipe, shape: str, evaluation: Evaluation) -> str:
    """Return the card, with the scores of student and teacher on the validation split and what speaks against them.

    Args:
        recipe: recipe of the student.
        shape: shape of the student, in words.
        evaluation: outputs of both.
    """
    labels = ", ".join(recipe.data.label_names) or "one score"
    return f"""---
pipeline_tag: {tasks.get(recipe.task).PIPELINE_TAG}
library_name: transformers
tags: [distillation, tinybert]
---

# {recipe.name} student

{shape}; distilled by tinybert-edge from {recipe.teacher.model} with seed {recipe.seed}.
Labels: {labels}. Texts are cut at {recipe.max_length_tokens} tokens.

On the {len(evaluation.labels)} sentences of the validation split (95 % interval over the sentences):

{_table(recipe, evaluation)}

{_doubts(recipe, evaluation)}{_loading(recipe)}
Limits: texts unlike those of the validation split were not measured. For a device, convert it: `tinybert convert .`
`evaluation.npz` and `calibration.npz` contain sentences of the validation and training splits as token ids, which can
be read back as text: mind that before you give this folder away.

Licence: the terms of the teacher, of its data and of the training data apply; this project adds none. How it was made,
with the hashes of its parents: `student.json`.
"""


def _table(recipe: Recipe, evaluation: Evaluation) -> str:
    intervals = scores(recipe.settings, evaluation, recipe.main_metric)
    always_same = constant.values(recipe.settings, evaluation.labels)
    rows = [
        f"| {name} | {student.value:.3f} ({student.low:.3f} to {student.high:.3f}) | {teacher.value:.3f} "
        f"| {always_same[name]:.3f} |"
        for name, (student, teacher) in intervals.items()
    ]
    heading = f"| metric | student | teacher | always {infer_tasks.get(recipe.task).CONSTANT} |"
    return "\n".join([heading, "|---|---|---|---|", *rows])


def _doubts(recipe: Recipe, evaluation: Evaluation) -> str:
    """Say what speaks against these scores, with those on the sentences that are not training sentences."""
    lines = find_doubts(recipe.settings, evaluation, recipe.main_metric)
    parts = [f"**Note**: {line}." for line in lines]
    new = evaluation.without_training()
    if 0 < len(new.labels) < len(evaluation.labels):
        parts += [f"On the {len(new.labels)} sentences that are not training sentences:", _table(recipe, new)]
    return "".join(f"{part}\n\n" for part in parts)


def _loading(recipe: Recipe) -> str:
    """Show how to use the student, and how to load one that transformers does not know."""
    snippet = """```python
from tinybert_edge import load

model = load(".")  # this folder; needs tinybert-edge[distill]
model("a text")
```
"""
    if not (recipe.student.convolution_layers or recipe.student.pooled_after):
        return f"{snippet}\nOr by transformers, as any model of its folder.\n"
    return f"{snippet}\nOr by transformers, after `import distill.slim`, which makes it known there.\n"


def scores(task: TaskSettings, evaluation: Evaluation, main_metric: str) -> dict[str, tuple[Interval, Interval]]:
    """Return the scores of student and teacher by metric, the main metric first."""
    student, teacher = (
        evaluate.intervals(task, outputs, evaluation.labels) for outputs in (evaluation.student, evaluation.teacher)
    )
    names = sorted(student, key=lambda name: name != main_metric)
    return {name: (student[name], teacher[name]) for name in names}
