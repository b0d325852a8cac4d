"""Locate the sources of candidates that a recipe names."""

from pathlib import Path

from contract.errors import InputError
from distill.model import source
from distill.model.source import Encoder
from distill.recipe.augmentation import TEACHER, Augmentation


def locate_sources(settings: Augmentation, teacher: Encoder) -> tuple[Path | None, Path | None]:
    """Return the folder of the masked LM and the file of neighbours; None for each that the settings leave empty.

    Args:
        settings: the recipe's [augmentation] section.
        teacher: pretrained encoder of the teacher; a fine-tuned teacher no longer has its masked-LM head.

    Raises:
        InputError: one of them does not exist.
    """
    folder = None
    if settings.masked_lm:
        folder = teacher.folder if settings.masked_lm == TEACHER else source.locate(settings.masked_lm).folder
    if not settings.neighbours:
        return folder, None
    neighbours = Path(settings.neighbours)
    if not neighbours.is_file():
        raise InputError(f"augmentation.neighbours: no file {neighbours}", "give a file of word vectors or word pairs")
    return folder, neighbours
