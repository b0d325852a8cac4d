"""The teacher: found, fine-tuned when it is not yet a classifier, and checked before anything is spent on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    set_seed,
)
from transformers.utils import logging

import distill.slim  # noqa: F401  # makes the Auto classes know slim students, which may teach
from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.folder import building, inventory, is_finished, write_manifest
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import training
from distill.batches import Collate, Sentences
from distill.dataset import Splits
from distill.encoder import Encoder
from distill.initialise import check_fit, parameters
from distill.predict import predict
from distill.recipe import Recipe
from distill.student import EVALUATION, SCHEMA, TEACHER_MANIFEST, Teacher, read_teacher
from distill.tasks import classification
from distill.tokenise import load_tokenizer, tokenise

METHOD = 1  # raised when the same recipe would give another teacher
LIBRARIES = ("torch", "transformers", "accelerate", "datasets", "tokenizers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenised:
    """Both splits as token ids."""

    tokenizer: PreTrainedTokenizerFast
    train: Tokens
    validation: Tokens


def tokenise_splits(folder: Path, splits: Splits, max_length_tokens: int) -> Tokenised:
    """Tokenise both splits with the tokenizer of a model folder."""
    tokenizer = load_tokenizer(folder)
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
        InputError: other labels than the data, or an accuracy below the recipe's floor.
    """
    key = _key(recipe, encoder, splits)
    folder = out / f"teacher-{key[:8]}"
    if not is_finished(folder / TEACHER_MANIFEST, Teacher, key):
        _make(recipe, encoder, splits, folder, key)
    check_floor(read_teacher(folder).validation_accuracy, recipe.teacher.floor, encoder.name)
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


def load(folder: Path, labels: tuple[str, ...]) -> PreTrainedModel:
    """Load a model as a classifier of these labels, in fp32; a new head starts at random.

    Raises:
        InputError: it cannot be loaded.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            folder,
            id2label=dict(enumerate(labels)),
            label2id={name: number for number, name in enumerate(labels)},
            use_safetensors=True,
            trust_remote_code=False,
            dtype="float32",
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{folder}: cannot be loaded as a classifier ({reason})", "give a BERT-like model") from error
    return model


def is_classifier(config: Any) -> bool:
    """Tell whether a model's configuration is that of a trained sequence classifier."""
    return any("ForSequenceClassification" in name for name in config.architectures or ())


def check_labels(config: Any, label_names: tuple[str, ...], name: str) -> None:
    """Check that a ready classifier answers with the data's labels, in the data's order.

    Raises:
        InputError: another number of labels, or the same names in another order.
    """
    theirs = [str(config.id2label[number]) for number in range(config.num_labels)]
    if len(theirs) != len(label_names):
        raise InputError(
            f"teacher {name} has {len(theirs)} labels ({', '.join(theirs)}), the data {len(label_names)}",
            "give a teacher of this task, or change data.label_names",
        )
    lower, ours = [label.lower() for label in theirs], [label.lower() for label in label_names]
    if lower != ours and sorted(lower) == sorted(ours):
        raise InputError(
            f"teacher {name} orders its labels {', '.join(theirs)}, the data {', '.join(label_names)}",
            "set data.label_names to the teacher's order and number the data's labels so",
        )


def check_order(labels_N: NDArray[np.int64], logits_NC: NDArray[np.float32], floor: float, name: str) -> None:
    """Check that a ready classifier is not merely right under another numbering of the labels.

    Raises:
        InputError: it is below the floor as it stands, and above it with its labels renumbered.
    """
    from scipy.optimize import linear_sum_assignment

    counts_CC = classification.confusion(labels_N, classification.decode(logits_NC), logits_NC.shape[1])
    accuracy = counts_CC.trace() / counts_CC.sum()
    true, predicted = linear_sum_assignment(counts_CC, maximize=True)
    renumbered = counts_CC[true, predicted].sum() / counts_CC.sum()
    if accuracy < floor <= renumbered:
        order = ", ".join(f"{theirs} is the data's {ours}" for ours, theirs in zip(true, predicted, strict=True))
        raise InputError(
            f"teacher {name} has another label order than the data: accuracy {accuracy:.1%} as numbered, "
            f"{renumbered:.1%} if its label {order}",
            "reorder data.label_names or the data's numbers",
        )


def check_floor(accuracy: float, floor: float, name: str) -> None:
    """Check a teacher's validation accuracy.

    Raises:
        InputError: it is below the floor.
    """
    if accuracy < floor:
        raise InputError(
            f"teacher {name}: validation accuracy {accuracy:.1%} is below the floor of {floor:.1%}",
            "train it longer, choose a better one, or lower teacher.floor",
        )


def _key(recipe: Recipe, encoder: Encoder, splits: Splits) -> str:
    return sha256_of_value(
        {
            "method": METHOD,
            "encoder": encoder.sha256,
            "data": [splits.train.key(), splits.validation.key()],
            "labels": recipe.data.label_names,
            "training": recipe.teacher.model_dump(exclude={"model", "floor"}),
            "max_length_tokens": recipe.max_length_tokens,
            "seed": recipe.seed,
        }
    )


def _make(recipe: Recipe, encoder: Encoder, splits: Splits, folder: Path, key: str) -> None:
    config = read_config(encoder.folder)
    check_fit(config, recipe.student, recipe.max_length_tokens)
    ready = is_classifier(config)
    if ready:
        check_labels(config, recipe.data.label_names, encoder.name)
    tokens = tokenise_splits(encoder.folder, splits, recipe.max_length_tokens)
    _check_vocabulary(config, tokens, encoder.name)
    set_seed(recipe.seed)
    model = load(encoder.folder, recipe.data.label_names)
    if not ready:
        _fine_tune(model, recipe, tokens.train, splits.train.labels_N, folder)
    logits_NC = predict(model, tokens.validation, "Checking the teacher")
    labels_N = splits.validation.labels_N
    accuracy = float((classification.decode(logits_NC) == labels_N).mean())
    if ready:
        check_order(labels_N, logits_NC, recipe.teacher.floor, encoder.name)
        check_floor(accuracy, recipe.teacher.floor, encoder.name)
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
            task=recipe.task,
            label_names=recipe.data.label_names,
            max_length_tokens=recipe.max_length_tokens,
            parameters=parameters(model),
            seed=recipe.seed,
            source=encoder.name,
            validation_accuracy=accuracy,
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


def _fine_tune(
    model: PreTrainedModel, recipe: Recipe, tokens: Tokens, labels_N: NDArray[np.int64], folder: Path
) -> None:
    arguments = training.arguments(
        recipe.teacher, training.work_folder(folder), sentences=len(tokens), seed=recipe.seed
    )
    trainer = training.SentenceTrainer(
        model=model,
        args=arguments,
        train_dataset=Sentences(tokens),
        data_collator=Collate(tokens=tokens, beside={"labels": labels_N}),
    )
    training.fit(trainer, "Fine-tuning the teacher")
