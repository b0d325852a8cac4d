"""The recipe of a multitask distillation, read from TOML: the tasks' recipes, and the student they share."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.errors import InputError
from contract.strict import Slug, Strict, parse, read_toml
from distill.recipe.override import apply_override
from distill.recipe.stage import Stage
from distill.recipe.student import Seed, StudentRecipe

LAYER_LOSSES = ("embedding", "hidden", "attention", "relation")


class MultitaskRecipe(Strict):
    """A distillation of the teachers of several tasks into one encoder.

    Attributes:
        recipes: names or files (relative to this recipe) of the tasks' recipes; their students are ignored.
        model: model to copy the student's layers from; by default the model of the first recipe's teacher.
        student: the shared student, with a copied or random start.
        stages: stages with prediction and labels losses only, since the teachers' layers differ.
    """

    schema_version: Literal[1]
    name: Slug
    recipes: Annotated[tuple[str, ...], Field(min_length=2)]
    model: str = ""
    seed: Seed = 0
    student: StudentRecipe
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_shared(self) -> "MultitaskRecipe":
        if self.student.start in ("narrowed", "general"):
            raise ValueError(f"a multitask student needs start 'copied' or 'random', not {self.student.start!r}")
        for stage in self.stages:
            for loss in LAYER_LOSSES:
                if getattr(stage.losses, loss):
                    raise ValueError(
                        f"stage {stage.name!r}: the {loss} loss needs a single teacher, use prediction and labels"
                    )
        return self


def read(path: Path, overrides: tuple[str, ...] = ()) -> MultitaskRecipe:
    """Read the recipe of a multitask distillation.

    Args:
        path: TOML file.
        overrides: `key=value` with a dotted key, as for the recipe of a single task.

    Raises:
        InputError: no such file, unknown key (with the nearest name), or a value out of range.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", "give a TOML file with `recipes`, as docs/distillation.md shows")
    recipe = read_toml(path, MultitaskRecipe)
    document = recipe.model_dump(mode="json", exclude_unset=True)
    for override in overrides:
        apply_override(document, override)
    return parse(MultitaskRecipe, document, "--set") if overrides else recipe
