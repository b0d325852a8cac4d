"""Functions shared by the tasks, to check what a fine-tuned model's configuration says of its outputs."""

from typing import Any

from contract.errors import InputError

SHOWN_NUMBERS = 5


def label_names_of(config: Any, name: str) -> list[str]:
    """Return a model's labels in the order of its outputs.

    Args:
        config: configuration of a fine-tuned model.
        name: name of the model, for error messages.

    Raises:
        InputError: the labels are not numbered from 0.
    """
    numbers = sorted(config.id2label)
    if numbers != list(range(len(numbers))):
        shown = ", ".join(map(str, numbers[:SHOWN_NUMBERS])) + (", …" if len(numbers) > SHOWN_NUMBERS else "")
        raise InputError(
            f"teacher {name} numbers its labels {shown} in id2label, not from 0",
            "correct its config.json, in the order of the model's outputs",
        )
    return [str(config.id2label[number]) for number in numbers]


def check_problem_type(config: Any, expected: str, name: str) -> None:
    """Check that a fine-tuned model was not trained for another kind of output, such as several labels for a text.

    Args:
        config: configuration of a fine-tuned model.
        expected: problem_type of the task.
        name: name of the model, for error messages.

    Raises:
        InputError: it was.
    """
    if config.problem_type not in (None, expected):
        raise InputError(
            f"teacher {name} was trained for {config.problem_type}, not {expected}",
            "use a teacher for this task, or a pretrained model without a head",
        )
