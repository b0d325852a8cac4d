"""What a recipe names beside its teacher and its data: it must be there before anything is trained."""

from pathlib import Path

from contract.errors import InputError
from distill import general, tasks, teacher
from distill.augment.locate import locate_sources
from distill.model.encoder import Encoder, locate
from distill.recipe import Recipe
from distill.student.initialise import longest_of


def check(recipe: Recipe, encoder: Encoder) -> None:
    """Look for other teachers, the masked LM and the neighbours of an augmentation, and a corpus with its encoder.

    Args:
        recipe: the distillation.
        encoder: the teacher's model.

    Raises:
        InputError: one of them is not there, or cannot be used with the teacher.
    """
    for name in recipe.teacher.also:
        other = locate(name)
        config = teacher.read_config(other.folder)
        task = tasks.get(recipe.task)
        if task.is_fine_tuned(config):
            task.check_head(config, recipe.data.label_names, other.name)
    if recipe.augmentation is not None:
        locate_sources(recipe.augmentation, encoder)
    if recipe.start == "general":
        assert recipe.general is not None, "the recipe checks it"
        own = general.encoder_of(recipe.general, encoder)
        longest = longest_of(teacher.read_config(own.folder))
        if recipe.general.length_tokens > longest:
            raise InputError(
                f"general.length_tokens {recipe.general.length_tokens} is over the encoder's {longest} positions",
                "lower general.length_tokens",
            )
        if not Path(recipe.general.corpus).is_file():
            raise InputError(f"general.corpus: no file {recipe.general.corpus}", "give a text file, plain or .gz")
