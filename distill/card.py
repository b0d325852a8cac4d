"""The model card in a student folder."""

from distill.recipe import Recipe
from distill.student import Evaluation
from distill.tasks import classification


def write(recipe: Recipe, shape: str, evaluation: Evaluation) -> str:
    """Return the card as Markdown, with the scores of student and teacher on the validation split.

    Args:
        recipe: what made the student.
        shape: of the student, in words.
        evaluation: the outputs of both.
    """
    found = scores(evaluation)
    rows = "\n".join(
        f"| {name} | {student.value:.3f} ({student.low:.3f} to {student.high:.3f}) | {teacher.value:.3f} |"
        for name, (student, teacher) in found.items()
    )
    return f"""---
pipeline_tag: text-classification
library_name: transformers
tags: [distillation, tinybert]
---

# {recipe.name} student

{shape}; distilled by tinybert-edge from {recipe.teacher.model} with seed {recipe.seed}.
Labels: {", ".join(recipe.data.label_names)}. Texts are cut at {recipe.max_length_tokens} tokens.

On the {len(evaluation.labels_N)} sentences of the validation split (95 % interval over the sentences):

| metric | student | teacher |
|---|---|---|
{rows}

How it was made, with the hashes of its parents: `student.json`.
"""


def scores(evaluation: Evaluation) -> dict[str, tuple[classification.Score, classification.Score]]:
    """Return each metric's score of the student and of the teacher."""
    classes = evaluation.teacher_logits_NC.shape[1]

    def judged(logits: classification.Logits) -> dict[str, classification.Score]:
        predictions_N = classification.decode(logits)
        return classification.scores(classification.confusion(evaluation.labels_N, predictions_N, classes))

    student, teacher = judged(evaluation.student_logits_NC), judged(evaluation.teacher_logits_NC)
    return {name: (student[name], teacher[name]) for name in student}
