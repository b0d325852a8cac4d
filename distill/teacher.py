"""The teacher: found, fine-tuned when it is not yet of the task, and checked before anything is spent on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    set_seed,
)
from transformers.utils import logging

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.folder import building, inventory, is_finished, write_manifest
from contract.ragged import Ragged
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import tasks
from distill.data.dataset import Splits
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.encoder import Encoder
from distill.model.predict import predict
from distill.recipe import Recipe
from distill.student.initialise import check_fit, parameters
from distill.training import processes, training
from distill.training.batches import Sentences, collate
from distill.training.compact import compact
from distill.training.record import record_folder
from infer.folders.student import EVALUATION, SCHEMA, TEACHER_MANIFEST, Teacher, read_teacher
from infer.tasks import judge

REVISION = 2  # bump when the same recipe would give another teacher
# Keys of a recipe's teacher that change nothing of how it is trained.
NOT_TRAINING = ("model", "floor", "also", "fusion", "weights", "not_finite")
LIBRARIES = ("torch", "transformers", "accelerate", "datasets", "tokenizers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenised:
    """Both splits as token ids."""

    tokenizer: PreTrainedTokenizerFast
    train: Tokens
    validation: Tokens


def tokenise_splits(folder: Path, splits: Splits, max_length_tokens: int) -> Tokenised:
    """Tokenise both splits with the tokenizer of a model folder."""
    return tokenise_by(load_tokenizer(folder), splits, max_length_tokens)


def tokenise_by(tokenizer: PreTrainedTokenizerFast, splits: Splits, max_length_tokens: int) -> Tokenised:
    """Tokenise both splits."""
    return Tokenised(
        tokenizer=tokenizer,
        train=tokenise(tokenizer, splits.train, max_length_tokens),
        validation=tokenise(tokenizer, splits.validation, max_length_tokens),
    )


def make(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> Path:
    """Make the teacher folder, or find it finished.

    Args:
        recipe: the distillation.
        encoder: the model it names.
        splits: the task's data.
        out: the folder to make `teacher-…` in.

    Returns:
        The teacher folder: Hugging Face layout, teacher.json, evaluation.npz (tokens only).

    Raises:
        InputError: other labels than the data, or a score below the recipe's floor.
    """
    key = _key(recipe, encoder, splits)
    folder = out / f"teacher-{key[:8]}"
    if not processes.broadcast_from_main(lambda: is_finished(folder / TEACHER_MANIFEST, Teacher, key)):
        _make(recipe, encoder, splits, folder, key)
        processes.wait()
    check_floor(read_teacher(folder).validation_scores, recipe, encoder.name)
    return folder


def read_config(folder: Path) -> Any:
    """Read a model's configuration; code of its own is never run.

    Raises:
        InputError: there is none, or none that transformers knows.
    """
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{folder}: its config.json cannot be used ({reason})", "give a BERT-like model in Hugging Face layout"
        ) from error


def load_for(recipe: Recipe, folder: Path) -> PreTrainedModel:
    """Load a model with the head of a recipe's task, in fp32; a new head starts at random.

    Args:
        recipe: names the task and its labels.
        folder: where the model lies, in Hugging Face layout.

    Raises:
        InputError: it cannot be loaded.
    """
    return load(folder, recipe.task, tasks.get(recipe.task).head_config(recipe.data.label_names))


def load(folder: Path, task: str, head: Mapping[str, Any]) -> PreTrainedModel:
    """Load a model with a head of a kind of task, in fp32; a new head starts at random.

    Args:
        folder: where the model lies, in Hugging Face layout.
        task: its kind.
        head: what its configuration must say of its outputs.

    Raises:
        InputError: it cannot be loaded.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model: PreTrainedModel = (
            tasks.get(task)
            .model_class()
            .from_pretrained(
                folder,
                **head,
                use_safetensors=True,
                trust_remote_code=False,
                dtype="float32",
            )
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{folder}: cannot be loaded for {task} ({reason})", "give a BERT-like model") from error
    return model


def check_floor(scores: Mapping[str, float], recipe: Recipe, name: str) -> None:
    """Check a teacher by the recipe's metric on the validation split.

    Raises:
        InputError: it is below the floor.
    """
    metric, floor = recipe.main_metric, recipe.teacher.floor
    if scores[metric] < floor:
        raise InputError(
            f"teacher {name}: validation {metric} {scores[metric]:.3f} is below the floor of {floor:.3f}",
            "train it longer, choose a better one, or lower teacher.floor",
        )


def _key(recipe: Recipe, encoder: Encoder, splits: Splits) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "task": recipe.task,
            "encoder": encoder.sha256,
            "data": [splits.train.key(), splits.validation.key()],
            "labels": recipe.data.label_names,
            "training": recipe.teacher.model_dump(exclude=set(NOT_TRAINING)),
            "max_length_tokens": recipe.max_length_tokens,
            "seed": recipe.seed,
        }
    )


def _make(recipe: Recipe, encoder: Encoder, splits: Splits, folder: Path, key: str) -> None:
    config = read_config(encoder.folder)
    check_fit(config, recipe)
    task, label_names = tasks.get(recipe.task), recipe.data.label_names
    ready = task.is_fine_tuned(config)
    if ready:
        task.check_head(config, label_names, encoder.name)
    tokens = tokenise_splits(encoder.folder, splits, recipe.max_length_tokens)
    _check_vocabulary(config, tokens, encoder.name)
    set_seed(recipe.seed)
    model = load_for(recipe, encoder.folder)
    if not ready:
        _fine_tune(model, recipe, tokens, task.labels(splits.train, tokens.tokenizer, recipe.max_length_tokens), folder)
    if not processes.is_main():
        return
    outputs = predict(model, tokens.validation, f"The answers of {encoder.name}")
    labels = task.labels(splits.validation, tokens.tokenizer, recipe.max_length_tokens)
    scores = judge.values(recipe.settings, outputs, labels)
    if ready:
        task.check_answers(labels, outputs, recipe.main_metric, recipe.teacher.floor, encoder.name)
        check_floor(scores, recipe, encoder.name)
    with building(folder) as scratch:
        model.save_pretrained(scratch)
        tokens.tokenizer.save_pretrained(scratch)
        write_tokens(scratch / EVALUATION, tokens.validation)
        manifest = Teacher(
            schema_version=SCHEMA,
            key=key,
            files=inventory(scratch),
            parents={"encoder": encoder.sha256},
            tool_versions=versions_of(*LIBRARIES),
            name=recipe.name,
            task=recipe.settings,
            max_length_tokens=recipe.max_length_tokens,
            parameters=parameters(model),
            seed=recipe.seed,
            source=encoder.name,
            validation_scores=scores,
        )
        write_manifest(scratch / TEACHER_MANIFEST, manifest)
    training.forget(training.work_folder(folder))


def _check_vocabulary(config: Any, tokens: Tokenised, name: str) -> None:
    largest = max(int(split.ids_T.max()) for split in (tokens.train, tokens.validation))
    if largest >= config.vocab_size:
        raise InputError(
            f"{name}: its tokenizer gives the token id {largest}, its embedding has {config.vocab_size} rows",
            "give the model with its own tokenizer",
        )


def _fine_tune(model: PreTrainedModel, recipe: Recipe, tokens: Tokenised, labels: Ragged, folder: Path) -> None:
    work = training.work_folder(folder)
    arguments = training.arguments(recipe.teacher, work, sentences=len(tokens.train), seed=recipe.seed)
    with compact(model, tokens.train) as (compact_tokens, _):
        trainer = training.SentenceTrainer(
            training=recipe.teacher,
            what="the teacher's fine-tuning",
            model=model,
            args=arguments,
            train_dataset=Sentences(compact_tokens),
            data_collator=collate(compact_tokens, {"labels": labels}),
        )
        training.fit(trainer, "Fine-tuning the teacher", record_folder(work))
