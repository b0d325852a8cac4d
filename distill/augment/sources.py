"""Where the candidates come from, by the names in a recipe."""

from pathlib import Path

from contract.errors import InputError
from distill.model import source
from distill.model.source import Encoder
from distill.recipe.augmentation import TEACHER, Augmentation


def sources(settings: Augmentation, teacher: Encoder) -> tuple[Path | None, Path | None]:
    """Return the folder of the masked LM and the file of neighbours that the settings name.

    Args:
        settings: the recipe's section.
        teacher: the encoder the teacher was made from; a fine-tuned teacher has its masked-LM head no more.

    Raises:
        InputError: one of them is not there.
    """
    folder = None
    if settings.masked_lm:
        folder = teacher.folder if settings.masked_lm == TEACHER else source.locate(settings.masked_lm).folder
    if not settings.neighbours:
        return folder, None
    neighbours = Path(settings.neighbours)
    if not neighbours.is_file():
        raise InputError(
            f"augmentation.neighbours: no file {neighbours}", "give word vectors, or a list of pairs of words"
        )
    return folder, neighbours
