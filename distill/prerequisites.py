"""Check for the models and files that a recipe names besides its teacher and data, before anything is trained."""

from pathlib import Path

from contract.errors import InputError
from distill import general, teacher
from distill.augment.locate import locate_sources
from distill.model.source import Encoder, locate
from distill.recipe import Recipe
from distill.student.initialise import longest_of


def check(recipe: Recipe, encoder: Encoder) -> None:
    """Check for further teachers, the masked LM and neighbours of an augmentation, and a corpus with its encoder.

    Args:
        recipe: recipe of the distillation.
        encoder: the teacher's model.

    Raises:
        InputError: a model or file is missing, or cannot be used with the teacher.
    """
    for name in recipe.teacher.also:
        teacher.check_config(recipe, locate(name))
    if recipe.augmentation is not None:
        locate_sources(recipe.augmentation, encoder)
    if recipe.start == "general":
        assert recipe.general is not None, "the recipe checks it"
        general_encoder = general.encoder_of(recipe.general, encoder)
        longest = longest_of(teacher.read_config(general_encoder.folder, general_encoder.name), general_encoder.name)
        if recipe.general.length_tokens > longest:
            raise InputError(
                f"general.length_tokens {recipe.general.length_tokens} is more than the encoder's {longest} positions",
                "lower general.length_tokens",
            )
        teacher.load(general_encoder.folder, recipe.task, {}, name=general_encoder.name, device_map="meta")
        if not Path(recipe.general.corpus).is_file():
            raise InputError(f"general.corpus: no file {recipe.general.corpus}", "give a text file, plain or .gz")
