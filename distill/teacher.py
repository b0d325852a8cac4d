"""The teacher: loaded, fine-tuned unless it is trained for the task already, and checked before a student is made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    PreTrainedModel,
    set_seed,
)

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.folder import building, inventory, is_finished, write_manifest
from contract.ragged import Ragged
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import tasks
from distill.data.rows import Splits
from distill.data.tokenise import Tokenised, tokenise_splits
from distill.model import layout
from distill.model import load as model_load
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
        InputError: `check` raises it, or the teacher's score is below the recipe's floor.
    """
    folder, key = _folder(recipe, encoder, splits, out)
    if not _is_finished(folder, key):
        _build(recipe, encoder, splits, folder, key)
        processes.wait()
    check_floor(read_teacher(folder).validation_scores, recipe, encoder.name)
    return folder


def check_unless_built(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> None:
    """Check a teacher's model, by its configuration alone if the teacher is finished.

    Args:
        recipe, encoder, splits, out: as for `build`.

    Raises:
        InputError: as for `check`.
    """
    check_config(recipe, encoder)
    if not _is_finished(*_folder(recipe, encoder, splits, out)):
        check(recipe, encoder, splits)


def check(recipe: Recipe, encoder: Encoder, splits: Splits) -> Tokenised:
    """Check all that can be known of a teacher's model before it is trained; of its weights, names and shapes.

    Args:
        recipe: recipe of the distillation.
        encoder: the teacher's model.
        splits: the task's data.

    Returns:
        Both splits as the model's token ids.

    Raises:
        InputError: `check_config` raises it, a token id or type has no embedding, or the weights are not the model's.
    """
    config = check_config(recipe, encoder)
    tokens = tokenise_splits(encoder.folder, splits, recipe.max_length_tokens)
    check_tokens(config, (tokens.train, tokens.validation), encoder.name)
    load_for(recipe, encoder.folder, name=encoder.name, device_map="meta")
    return tokens


def check_config(recipe: Recipe, encoder: Encoder) -> Any:
    """Check a teacher's model by its configuration alone, and return that.

    Raises:
        InputError: the configuration cannot be used, the student cannot be made from it, or its labels differ from the
            data's.
    """
    config = read_config(encoder.folder, encoder.name)
    check_fit(config, recipe, encoder.name)
    task = tasks.get(recipe.task)
    if task.is_fine_tuned(config):
        task.check_head(config, recipe.data.label_names, encoder.name)
    return config


def read_config(folder: Path, name: str | None = None) -> Any:
    """Read the configuration of a model that can be distilled; code in the folder is never run.

    Args:
        folder: folder of the model, in Hugging Face layout.
        name: name of the model, for error messages; by default its folder.

    Raises:
        InputError: there is no configuration, it cannot be used, or its model type is not supported.
    """
    name = name or str(folder)
    layout.check(folder, name)
    with model_load.refusing(f"{name}: its config.json cannot be used", model_load.CURE):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    layout.check_type(config.model_type, name)
    return config


def load_for(recipe: Recipe, folder: Path, *, name: str | None = None, **options: Any) -> PreTrainedModel:
    """Load a model with the head of a recipe's task, in fp32; a new head is random.

    Args:
        recipe: recipe with the task and its labels.
        folder: folder of the model, in Hugging Face layout.
        name, options: as for `load`.

    Raises:
        InputError: as for `load`.
    """
    head = tasks.get(recipe.task).head_config(recipe.data.label_names)
    return load(folder, recipe.task, head, name=name, **options)


def load(
    folder: Path, task: str, head: Mapping[str, Any], *, name: str | None = None, **options: Any
) -> PreTrainedModel:
    """Load a model with a head for a kind of task, in fp32; a new head is random.

    Args:
        folder: folder of the model, in Hugging Face layout.
        task: kind of task.
        head: configuration of the head's outputs.
        name: name of the model, for error messages; by default its folder.
        options: as for `distill.model.load.load`.

    Raises:
        InputError: the model cannot be loaded, or its files do not hold its weights.
    """
    half, name = tasks.get(task), name or str(folder)
    model = model_load.load(
        half.model_class(),
        folder,
        name=name,
        purpose=f"for {task}",
        new_head=not half.is_fine_tuned(read_config(folder, name)),
        dtype="float32",
        **head,
        **options,
    )
    tasks.set_problem_type(model.config, task)
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


def _folder(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> tuple[Path, str]:
    """Return the teacher's folder, finished or not, and its key."""
    key = _key(recipe, encoder, splits)
    return out / f"teacher-{key[:8]}", key


def _is_finished(folder: Path, key: str) -> bool:
    return processes.broadcast_from_main(lambda: is_finished(folder / TEACHER_MANIFEST, Teacher, key))


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
    tokens = check(recipe, encoder, splits)
    task = tasks.get(recipe.task)
    ready = task.is_fine_tuned(read_config(encoder.folder, encoder.name))
    set_seed(recipe.seed)
    model = load_for(recipe, encoder.folder, name=encoder.name)
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


def check_tokens(config: Any, splits: Sequence[Tokens], name: str) -> None:
    """Check that a model has an embedding for each token id and token type.

    Args:
        config: configuration of the model.
        splits: token ids of its tokenizer.
        name: name of the model, for error messages.

    Raises:
        InputError: it has none for one of them.
    """
    for kind, largest, rows in (
        ("token id", max(int(split.ids_T.max()) for split in splits), config.vocab_size),
        ("token type", max(int(split.types_T.max()) for split in splits), config.type_vocab_size),
    ):
        if largest >= rows:
            raise InputError(
                f"{name}: its tokenizer gives {kind} {largest}, but its embedding has {rows} row{'s' * (rows != 1)}",
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
