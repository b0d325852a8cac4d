"""A recipe of several tasks, read from TOML: the recipes of the tasks, and the one student they share."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.errors import InputError
from contract.strict import Strict, parse, read_toml
from distill.recipe.change import change
from distill.recipe.stage import Stage
from distill.recipe.student import Seed, StudentRecipe

LAYER_LOSSES = ("embedding", "hidden", "attention", "relation")


class MultitaskRecipe(Strict):
    """A distillation of several teachers, each of its own task, to one encoder.

    Attributes:
        recipes: of the tasks, by name or as files beside this one; their data and teachers count, not their students.
        model: whose layers the student is copied from; by default the model of the first recipe's teacher.
        student: the shared one, copied or at random.
        stages: with prediction and labels losses alone, as each teacher shows another inside.
    """

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[\w-]+$")]
    recipes: Annotated[tuple[str, ...], Field(min_length=2)]
    model: str = ""
    seed: Seed = 0
    student: StudentRecipe
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_shared(self) -> "MultitaskRecipe":
        if self.student.start in ("narrowed", "general"):
            raise ValueError(f"a student of several tasks starts copied or random, not {self.student.start}")
        for stage in self.stages:
            for loss in LAYER_LOSSES:
                if getattr(stage.losses, loss):
                    raise ValueError(
                        f"stage {stage.name!r}: the {loss} loss has no one teacher, use prediction and labels"
                    )
        return self


def read(path: Path, overrides: tuple[str, ...] = ()) -> MultitaskRecipe:
    """Read a recipe of several tasks.

    Args:
        path: a TOML file.
        overrides: `key=value` with a dotted key, as for the recipe of one task.

    Raises:
        InputError: no such file or key (with the near miss), or a value out of its range.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", "give a TOML file with `recipes`, as docs/distillation.md shows")
    recipe = read_toml(path, MultitaskRecipe)
    document = recipe.model_dump(mode="json", exclude_unset=True)
    for override in overrides:
        change(document, override)
    return parse(MultitaskRecipe, document, "--set") if overrides else recipe
