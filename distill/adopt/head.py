"""What a finished classifier answers, by its config.json alone. Torch-free."""

from dataclasses import dataclass
from pathlib import Path

from contract.errors import InputError
from distill import tasks
from distill.model import layout, outputs
from distill.tasks.head import label_names_of
from infer.tasks import MODULES

CURE = "give a model fine-tuned for classification of texts or of tokens, or distil one: tinybert init DATA"


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a classifier answers.

    Attributes:
        task: kind of task.
        label_names: its labels in the order of its outputs; empty for a score.
    """

    task: str
    label_names: tuple[str, ...]

    @property
    def is_named(self) -> bool:
        """Whether the labels have names of their own, rather than transformers' numbered ones."""
        return not all(name.startswith(outputs.UNNAMED) for name in self.label_names)


def read(folder: Path, name: str) -> Head:
    """Read what a classifier answers.

    Args:
        folder: folder of the model, in Hugging Face layout.
        name: name of the model, for error messages.

    Raises:
        InputError: its config.json is missing, or the model is of a type that is not supported, is no classifier, or
            gives several labels for a text.
    """
    layout.check(folder, name)
    config = outputs.read(folder, name)
    fitting = [task for task in MODULES if tasks.get(task).is_fine_tuned(config)]
    if not fitting:
        architectures = ", ".join(map(str, config.architectures)) or "none"
        raise InputError(f"{name}: is no classifier (architectures in its {layout.CONFIG}: {architectures})", CURE)
    names = tuple(label_names_of(config, name))
    # Scores have a head like that of classes, but with a single output.
    has_one_output = len(names) == 1
    task = next((task for task in fitting if tasks.get(task).IS_SCORE is has_one_output), fitting[0])
    half = tasks.get(task)
    if half.PROBLEM_TYPE is not None and config.problem_type not in (None, half.PROBLEM_TYPE):
        raise InputError(f"{name}: was trained for {config.problem_type}, not {half.PROBLEM_TYPE}", CURE)
    label_names = () if half.IS_SCORE else names
    half.check_head(config, label_names, name)
    return Head(task=task, label_names=label_names)
