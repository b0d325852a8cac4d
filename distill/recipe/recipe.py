"""A recipe: the data, the teacher, the student and the training stages of one distillation. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from contract.errors import near_miss
from contract.strict import Slug, Strict
from distill import tasks
from distill.recipe.augmentation import Augmentation
from distill.recipe.data import Data
from distill.recipe.expected import Expected
from distill.recipe.general import General
from distill.recipe.search import Search
from distill.recipe.soup import Soup
from distill.recipe.stage import DEFAULT_STAGES, Stage
from distill.recipe.student import Seed, StudentRecipe
from distill.recipe.teacher import TeacherRecipe
from distill.tasks.protocol import RelabellingTask
from infer.tasks import MODULES, Name, TaskSettings
from infer.tasks import get as get_task
from infer.tasks import settings as task_settings


class Recipe(Strict):
    """All settings of one distillation.

    Attributes:
        schema_version: version of the recipe's layout.
        name: name of the recipe, and of its folder in runs/; by default that of the file.
        task: kind of task.
        metric: main metric of teacher and student; by default the task's first metric.
        seed: seed of everything that is random.
        max_length_tokens: length in tokens at which texts are cut.
        calibration_sentences: number of training sentences kept to calibrate int8.
        data: the task's sentences.
        teacher: the model to learn from.
        student: the model to make.
        general: general distillation before the task's, if the student is to start from it.
        augmentation: new training texts, if more are to be made.
        stages: training stages, one after the other; by default `layers` and `prediction`.
        soup: several students to average, if there is to be more than one.
        search: keys that `--search` changes; by default the learning rates.
        expected: the student's score when the recipe was written, if it was measured.
    """

    schema_version: Literal[1] = 1
    name: Annotated[Slug, Field(examples=['"reviews"'])]
    task: Annotated[Name, Field(examples=[f'"{next(iter(MODULES))}"'])]
    metric: str = ""
    seed: Seed = 0
    max_length_tokens: Annotated[int, Field(ge=8, le=512)] = 128
    calibration_sentences: Annotated[int, Field(ge=1)] = 128
    data: Data
    teacher: TeacherRecipe
    student: StudentRecipe
    general: General | None = None
    augmentation: Augmentation | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = DEFAULT_STAGES
    soup: Soup | None = None
    search: Search | None = None
    expected: Expected | None = None

    @property
    def main_metric(self) -> str:
        """The metric that teacher and student are judged by."""
        return self.metric or get_task(self.task).METRICS[0].name

    @property
    def settings(self) -> TaskSettings:
        """The task settings that a device needs."""
        return task_settings(self.task, self.data.label_names)

    @model_validator(mode="after")
    def _fits_task(self) -> "Recipe":
        known = [metric.name for metric in get_task(self.task).METRICS if metric.higher_is_better]
        if self.metric and self.metric not in known:
            hint = near_miss(self.metric, known) or f", known: {', '.join(known)}"
            raise ValueError(f"unknown metric {self.metric!r} for {self.task}{hint}")
        task = tasks.get(self.task)
        task.check_recipe(self)
        if self.augmentation is not None and not isinstance(task, RelabellingTask):
            raise ValueError(f"{self.task} does not support augmentation")
        return self

    @property
    def student_seed(self) -> int:
        """The student's seed."""
        return self.seed if self.student.seed is None else self.student.seed

    @property
    def start(self) -> str:
        """How the student starts, with the default resolved."""
        if self.student.start is not None:
            return self.student.start
        if not (self.student.preset or self.student.shape):
            return "copied"
        return "general" if self.general else "random"

    @model_validator(mode="after")
    def _has_general(self) -> "Recipe":
        if self.student.start == "general" and self.general is None:
            raise ValueError('student.start = "general" needs a section [general]')
        return self

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError("use letters, digits, '-' and '_' only")
        return name
