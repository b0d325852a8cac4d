"""General distillation: a new student learns from the encoder itself on plain text (TinyBERT, section 3.2)."""

from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.folder import Manifest, building, inventory, is_finished, write_manifest
from contract.tokens import Tokens
from contract.versions import versions_of
from distill import teacher
from distill.data import corpus
from distill.data.tokenise import load_tokenizer
from distill.model.source import Encoder, locate
from distill.recipe import Recipe
from distill.recipe.general import General
from distill.student.initialise import initialise
from distill.training import checkpoints, processes, stages
from distill.training.cache import teacher_cache
from distill.training.layer_losses import check_shapes

MANIFEST = "general.json"
REVISION = 1  # bump when the same recipe would give another general student


class GeneralStudent(Manifest):
    """general.json: an encoder that knows language but no task yet.

    Attributes:
        source: the teacher's name.
        shape: shape of the student, in words.
        tokens: number of tokens it was trained on.
    """

    source: str
    shape: str
    tokens: int


def build(recipe: Recipe, encoder: Encoder, out: Path) -> Path:
    """Build the general student of a recipe, or return its folder if it is finished.

    Args:
        recipe: recipe with a section [general]; what it says about the task does not matter.
        encoder: the teacher before it is fine-tuned; the section may name another encoder.
        out: parent folder of `general-…`.

    Returns:
        The folder: an encoder in Hugging Face layout, and general.json.

    Raises:
        InputError: the corpus cannot be used, the student cannot learn from the encoder as the recipe says, or the
            encoder has other word pieces than the teacher.
    """
    section = recipe.general
    assert section is not None, "the recipe checks it"
    encoder, tokens = read_corpus(recipe, encoder, out)
    key = _key(recipe, section, encoder, tokens)
    folder = out / f"general-{key[:8]}"
    if not processes.broadcast_from_main(lambda: is_finished(folder / MANIFEST, GeneralStudent, key)):
        _build(recipe, section, encoder, tokens, folder, key)
        processes.wait()
    return folder


def read_corpus(recipe: Recipe, encoder: Encoder, out: Path) -> tuple[Encoder, Tokens]:
    """Return the encoder that teaches, and the corpus in its word pieces, which is kept in `cache`.

    Args:
        recipe, encoder, out: as for `build`.

    Raises:
        InputError: the corpus or the encoder cannot be used.
    """
    section = recipe.general
    assert section is not None, "the recipe checks it"
    general_encoder = encoder_of(section, encoder)
    return general_encoder, processes.main_process_first(lambda: _corpus(section, general_encoder, out))


def encoder_of(section: General, encoder: Encoder) -> Encoder:
    """Return the encoder that teaches: the section's, or else the teacher's model.

    Raises:
        InputError: there is no such encoder, or it has other word pieces than the teacher.
    """
    if not section.model:
        return encoder
    general_encoder = locate(section.model)
    if load_tokenizer(general_encoder.folder).get_vocab() != load_tokenizer(encoder.folder).get_vocab():
        raise InputError(
            f"general.model {general_encoder.name} has other word pieces than the teacher {encoder.name}",
            "give the encoder that the teacher was fine-tuned from",
        )
    return general_encoder


def _corpus(section: General, encoder: Encoder, out: Path) -> Tokens:
    return corpus.read(
        Path(section.corpus),
        load_tokenizer(encoder.folder),
        tokens=section.tokens,
        length_tokens=section.length_tokens,
        cache=out / "cache",
        tokenizer_key=encoder.sha256,
    )


def _key(recipe: Recipe, section: General, encoder: Encoder, tokens: Tokens) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "encoder": encoder.sha256,
            "tokens": tokens.key(),
            "student": recipe.student.model_dump(include={"preset", "shape", "mapping"}),
            "general": section.model_dump(exclude={"model", "corpus", "tokens", "not_finite", "fake_quantize"}),
            "seed": recipe.seed,
        }
    )


def _build(recipe: Recipe, section: General, encoder: Encoder, tokens: Tokens, folder: Path, key: str) -> None:
    # Its head is new and not used: only its states are learned.
    encoder_model = teacher.load(encoder.folder, recipe.task, {}, name=encoder.name)
    random_student = recipe.student.model_copy(update={"start": "random", "seed": None})
    start = initialise(encoder_model, recipe.model_copy(update={"student": random_student}))
    check_shapes(start, encoder_model, section)
    work = checkpoints.work_folder(folder)
    cache = teacher_cache(folder.parent, encoder.sha256, lambda: encoder_model, tokens)
    training_set = stages.TrainingSet(
        teacher=encoder_model,
        logit_cache=cache,
        state_cache=cache,
        tokens=tokens,
        teacher_ids_V=np.arange(encoder_model.config.vocab_size),
        labels=None,
        seed=recipe.seed,
        work=work,
    )
    stages.train(start, (section,), training_set)
    if not processes.is_main():
        return
    with building(folder) as scratch:
        _base(start.model).save_pretrained(scratch)
        load_tokenizer(encoder.folder).save_pretrained(scratch)
        manifest = GeneralStudent(
            schema_version=1,
            key=key,
            files=inventory(scratch),
            parents={"encoder": encoder.sha256},
            tool_versions=versions_of(*teacher.LIBRARIES),
            source=encoder.name,
            shape=start.shape,
            tokens=len(tokens.ids_T),
        )
        write_manifest(scratch / MANIFEST, manifest)
    checkpoints.remove(work)


def _base(model: PreTrainedModel) -> PreTrainedModel:
    """Return a classifier without its head."""
    base = model.base_model
    assert isinstance(base, PreTrainedModel)
    return base
