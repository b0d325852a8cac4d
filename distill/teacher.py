"""The teacher: loaded, fine-tuned unless it is trained for the task already, and checked before a student is made."""

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
from distill.data.rows import Splits
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.predict import predict
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.student.initialise import check_fit, count_parameters
from distill.training import checkpoints, loop, processes
from distill.training.batches import Sentences, collate
from distill.training.compact_embedding import compact_embedding
from distill.training.loss_log import log_folder
from distill.training.sentence_trainer import SentenceTrainer
from infer.folders.student import EVALUATION, SCHEMA, TEACHER_MANIFEST, Teacher, read_teacher
from infer.tasks import evaluate

REVISION = 2  # bump when the same recipe would give another teacher
# Keys of section [teacher] that do not change how the teacher is trained.
NOT_TRAINING = ("model", "floor", "also", "fusion", "weights", "not_finite")
LIBRARIES = ("torch", "transformers", "accelerate", "datasets", "tokenizers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenised:
    """Both splits as token ids, and the tokenizer."""

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


def build(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> Path:
    """Build the teacher folder, unless it is finished.

    Args:
        recipe: recipe of the distillation.
        encoder: the teacher's model.
        splits: the task's data.
        out: parent folder of `teacher-…`.

    Returns:
        The teacher folder: Hugging Face layout, teacher.json, evaluation.npz (tokens only).

    Raises:
        InputError: the teacher's labels differ from the data's, or its score is below the recipe's floor.
    """
    key = _key(recipe, encoder, splits)
    folder = out / f"teacher-{key[:8]}"
    if not processes.broadcast_from_main(lambda: is_finished(folder / TEACHER_MANIFEST, Teacher, key)):
        _build(recipe, encoder, splits, folder, key)
        processes.wait()
    check_floor(read_teacher(folder).validation_scores, recipe, encoder.name)
    return folder


def read_config(folder: Path) -> Any:
    """Read a model's configuration; code in the folder is never run.

    Raises:
        InputError: there is no configuration, or transformers does not know the model type.
    """
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{folder}: its config.json cannot be used ({reason})", "give a BERT-like model in Hugging Face layout"
        ) from error


def load_for(recipe: Recipe, folder: Path) -> PreTrainedModel:
    """Load a model with the head of a recipe's task, in fp32; a new head is random.

    Args:
        recipe: recipe with the task and its labels.
        folder: folder of the model, in Hugging Face layout.

    Raises:
        InputError: the model cannot be loaded.
    """
    return load(folder, recipe.task, tasks.get(recipe.task).head_config(recipe.data.label_names))


def load(folder: Path, task: str, head: Mapping[str, Any]) -> PreTrainedModel:
    """Load a model with a head for a kind of task, in fp32; a new head is random.

    Args:
        folder: folder of the model, in Hugging Face layout.
        task: kind of task.
        head: configuration of the head's outputs.

    Raises:
        InputError: the model cannot be loaded.
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
    """Check a teacher's score on the validation split, by the recipe's metric.

    Raises:
        InputError: the score is below the floor.
    """
    metric, floor = recipe.main_metric, recipe.teacher.floor
    if scores[metric] < floor:
        raise InputError(
            f"teacher {name}: validation {metric} {scores[metric]:.3f} is below the floor of {floor:.3f}",
            "train it longer, choose a better teacher, or lower teacher.floor",
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


def _build(recipe: Recipe, encoder: Encoder, splits: Splits, folder: Path, key: str) -> None:
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
    outputs = predict(model, tokens.validation, f"Answers of {encoder.name}")
    labels = task.labels(splits.validation, tokens.tokenizer, recipe.max_length_tokens)
    scores = evaluate.values(recipe.settings, outputs, labels)
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
            parameters=count_parameters(model),
            seed=recipe.seed,
            source=encoder.name,
            validation_scores=scores,
        )
        write_manifest(scratch / TEACHER_MANIFEST, manifest)
    checkpoints.remove(checkpoints.work_folder(folder))


def _check_vocabulary(config: Any, tokens: Tokenised, name: str) -> None:
    largest = max(int(split.ids_T.max()) for split in (tokens.train, tokens.validation))
    if largest >= config.vocab_size:
        raise InputError(
            f"{name}: its tokenizer gives token id {largest}, but its embedding has {config.vocab_size} rows",
            "give the model with its own tokenizer",
        )


def _fine_tune(model: PreTrainedModel, recipe: Recipe, tokens: Tokenised, labels: Ragged, folder: Path) -> None:
    work = checkpoints.work_folder(folder)
    arguments = loop.arguments(recipe.teacher, work, sentences=len(tokens.train), seed=recipe.seed)
    with compact_embedding(model, tokens.train) as (compact_tokens, _):
        trainer = SentenceTrainer(
            training=recipe.teacher,
            what="the teacher's fine-tuning",
            model=model,
            args=arguments,
            train_dataset=Sentences(compact_tokens),
            data_collator=collate(compact_tokens, {"labels": labels}),
        )
        loop.fit(trainer, "Fine-tuning the teacher", log_folder(work))
