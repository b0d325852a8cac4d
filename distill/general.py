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
from distill.model.encoder import Encoder, locate
from distill.recipe import Recipe
from distill.recipe.general import General
from distill.student.initialise import initialise
from distill.training import processes, stages, training
from distill.training.cache import TeacherCache, cache_folder
from distill.training.compare import check_shapes

MANIFEST = "general.json"
REVISION = 1  # bump when the same recipe would give another general student


class GeneralStudent(Manifest):
    """general.json: an encoder that knows language and no task yet.

    Attributes:
        source: the teacher's name.
        shape: in words.
        tokens: how many it was trained on.
    """

    source: str
    shape: str
    tokens: int


def make(recipe: Recipe, encoder: Encoder, out: Path) -> Path:
    """Make the general student of a recipe, or find it finished.

    Args:
        recipe: with a section [general]; what it says of the task does not matter.
        encoder: the teacher before it is fine-tuned; the section may name another one.
        out: the folder to make `general-…` in.

    Returns:
        The folder: an encoder in Hugging Face layout, and general.json.

    Raises:
        InputError: the corpus cannot be used, the student cannot learn from the encoder as the recipe says, or the
            encoder has other word pieces than the teacher.
    """
    section = recipe.general
    assert section is not None, "the recipe checks it"
    encoder, tokens = read(recipe, encoder, out)
    key = _key(recipe, section, encoder, tokens)
    folder = out / f"general-{key[:8]}"
    if not processes.broadcast_from_main(lambda: is_finished(folder / MANIFEST, GeneralStudent, key)):
        _make(recipe, section, encoder, tokens, folder, key)
        processes.wait()
    return folder


def read(recipe: Recipe, encoder: Encoder, out: Path) -> tuple[Encoder, Tokens]:
    """Return the encoder that teaches, and the corpus in its word pieces, kept in `cache`; raises as `make` does."""
    section = recipe.general
    assert section is not None, "the recipe checks it"
    own = encoder_of(section, encoder)
    return own, processes.main_process_first(lambda: _corpus(section, own, out))


def encoder_of(section: General, encoder: Encoder) -> Encoder:
    """Return the encoder that teaches: the section's own, or else the teacher's model.

    Raises:
        InputError: it is not there, or has other word pieces than the teacher.
    """
    if not section.model:
        return encoder
    own = locate(section.model)
    if load_tokenizer(own.folder).get_vocab() != load_tokenizer(encoder.folder).get_vocab():
        raise InputError(
            f"general.model {own.name} has other word pieces than the teacher {encoder.name}",
            "give the encoder that the teacher was fine-tuned from",
        )
    return own


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


def _make(recipe: Recipe, section: General, encoder: Encoder, tokens: Tokens, folder: Path, key: str) -> None:
    # Its head is new and of no use: what it shows inside is all that it teaches.
    encoder_model = teacher.load(encoder.folder, recipe.task, {})
    from_nothing = recipe.model_copy(
        update={"student": recipe.student.model_copy(update={"start": "random", "seed": None})}
    )
    start = initialise(encoder_model, from_nothing)
    check_shapes(start, encoder_model, section)
    work = training.work_folder(folder)
    cache = _cache(encoder_model, encoder, tokens, folder.parent)
    lesson = stages.TrainingSet(
        teacher=encoder_model,
        logit_cache=cache,
        state_cache=cache,
        tokens=tokens,
        teacher_ids_V=np.arange(encoder_model.config.vocab_size),
        labels=None,
        seed=recipe.seed,
        work=work,
    )
    stages.train(start, (section,), lesson)
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
    training.forget(work)


def _base(model: PreTrainedModel) -> PreTrainedModel:
    """Return a classifier without its head."""
    base = model.base_model
    assert isinstance(base, PreTrainedModel)
    return base


def _cache(model: PreTrainedModel, encoder: Encoder, tokens: Tokens, out: Path) -> TeacherCache:
    bf16, _ = training.bf16_choice()
    place = cache_folder(out, encoder.sha256, tokens, bf16=bf16)
    return TeacherCache(folder=place, model=lambda: model, tokens=tokens, bf16=bf16)
