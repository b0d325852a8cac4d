"""Train a student through the stages of a recipe; each stage can be resumed."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, set_seed

from contract import ragged
from contract.progress import note
from contract.ragged import Ragged
from contract.tokens import Tokens
from distill.model.dropout import dropout
from distill.recipe.stage import Stage
from distill.student.initialise import Start
from distill.training import loop, processes
from distill.training.batches import Sentences, collate
from distill.training.cache import LOGITS, TeacherCache
from distill.training.compact_embedding import compact_embedding
from distill.training.fake_quantize import fake_quantized
from distill.training.forward import LiveTeacher, ProjectedStudent
from distill.training.heads import HEAD, Head
from distill.training.layer_losses import required_states
from distill.training.loss_log import log_folder
from distill.training.precision import bf16_choice
from distill.training.trainer import TEACHER_LOGITS, TEACHER_STATE, DistillationTrainer


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSet:
    """What the stages train on.

    Attributes:
        teacher: model that the student learns from.
        logit_cache: teacher's logits for the training sentences, read in its own word pieces.
        state_cache: teacher's states when it reads the sentences in the student's word pieces, token by token.
        teacher_logits_NC: logits to learn in place of this teacher's, such as several teachers' together; else None.
        tokens: N training sentences, with the student's token ids.
        teacher_ids_V: teacher's token id of each token id of the student.
        labels: labels of the sentences or of their tokens; None without a task.
        heads: heads of the student, one per task; empty without a task.
        heads_N: number of each sentence's head; None for a single task.
        seed: seed for order and dropout.
        work: folder for unfinished work.
    """

    teacher: PreTrainedModel
    logit_cache: TeacherCache
    state_cache: TeacherCache
    teacher_logits_NC: NDArray[np.float32] | None = None
    tokens: Tokens
    teacher_ids_V: NDArray[np.int64]
    labels: Ragged | None
    heads: tuple[Head, ...] = ()
    heads_N: NDArray[np.int64] | None = None
    seed: int
    work: Path


def train(start: Start, stages: tuple[Stage, ...], training_set: TrainingSet, student: str = "") -> None:
    """Train a student through all stages, in place.

    Args:
        start: the student and the layers it learns from.
        stages: stages of the recipe.
        training_set: what they train on.
        student: the student's name, if several are trained on the same set.
    """
    training_set.teacher.eval().requires_grad_(False)
    bf16, reason = bf16_choice()
    note(f"Training in {'bfloat16' if bf16 else 'float32'}: {reason}")
    with compact_embedding(start.model, training_set.tokens) as (tokens, ids_R):
        sentences = _Compact(tokens=tokens, ids_R=ids_R)
        projected = ProjectedStudent(start.model, training_set.teacher.config.hidden_size, start.pairs)
        for number, stage in enumerate(stages):
            title = f"Distilling {student}".rstrip() + f", stage {number + 1} of {len(stages)}: {stage.name}"
            work = training_set.work / student / f"stage-{number}"
            log = log_folder(training_set.work, "-".join(filter(None, (student, f"{number + 1}-{stage.name}"))))
            _train_or_load(projected, stage, training_set, sentences, _Output(work, log, title))
    start.model.eval()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compact:
    """The training sentences with compact token ids.

    Attributes:
        tokens: the sentences.
        ids_R: student's token id of each compact id.
    """

    tokens: Tokens
    ids_R: NDArray[np.int64]


class _Output(NamedTuple):
    """The folders of a stage's unfinished work and of its log, and the title of its progress bar."""

    work: Path
    log: Path
    title: str


def _train_or_load(
    projected: ProjectedStudent, stage: Stage, training_set: TrainingSet, sentences: _Compact, output: _Output
) -> None:
    """Train one stage and load its final weights; a finished stage is not trained again."""
    finished = output.work / "finished.safetensors"
    if not processes.broadcast_from_main(finished.is_file):
        reads_all = training_set.logit_cache.of_tokens
        with (
            dropout(projected, stage.dropout),
            fake_quantized(projected.student, stage.fake_quantize, reads_all=reads_all),
        ):
            _train(projected, stage, training_set, sentences, output)
        if processes.is_main():
            _save(projected, finished)
        processes.wait()
    projected.load_state_dict(load_file(finished))


def _save(projected: ProjectedStudent, finished: Path) -> None:
    partial = finished.with_suffix(".partial")
    save_file(projected.state_dict(), partial)
    partial.replace(finished)
    for checkpoint in finished.parent.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def _train(
    projected: ProjectedStudent, stage: Stage, training_set: TrainingSet, sentences: _Compact, output: _Output
) -> None:
    projected.state_names, teacher_states = required_states(stage.losses, projected.projections.pairs)
    live = bool(teacher_states) and not stage.cache_layers
    cached = processes.main_process_first(lambda: _cached(stage, teacher_states, training_set))
    row_arrays, token_arrays = _arrays(stage, training_set, cached)
    ids_R = torch.from_numpy(training_set.teacher_ids_V[sentences.ids_R])
    set_seed(training_set.seed)
    trainer = DistillationTrainer(
        model=projected,
        teacher=LiveTeacher(model=training_set.teacher, names=teacher_states, ids_R=ids_R) if live else None,
        teacher_heads=training_set.teacher.config.num_attention_heads,
        stage=stage,
        heads=training_set.heads,
        of_tokens=training_set.logit_cache.of_tokens,
        args=loop.arguments(stage, output.work, sentences=len(sentences.tokens), seed=training_set.seed),
        train_dataset=Sentences(sentences.tokens),
        data_collator=collate(sentences.tokens, row_arrays, token_arrays),
    )
    if not processes.broadcast_from_main(lambda: any(output.work.glob("checkpoint-*"))):
        trainer.preflight()
    loop.fit(trainer, output.title, output.log)


def _arrays(
    stage: Stage, training_set: TrainingSet, cached: dict[str, NDArray[Any]]
) -> tuple[dict[str, Ragged], dict[str, NDArray[Any]]]:
    """Return the arrays of the sentences, and the teacher's arrays of all tokens, by their names in a batch."""
    row_arrays: dict[str, Ragged] = {}
    token_arrays = {TEACHER_STATE + name: array for name, array in cached.items() if name != LOGITS}
    if training_set.labels is not None:
        row_arrays["labels"] = training_set.labels
    if training_set.heads_N is not None:
        row_arrays[HEAD] = ragged.single(training_set.heads_N)
    if stage.losses.prediction and training_set.teacher_logits_NC is not None:
        row_arrays[TEACHER_LOGITS] = ragged.single(training_set.teacher_logits_NC)
    elif LOGITS in cached and training_set.logit_cache.of_tokens:
        token_arrays[TEACHER_LOGITS] = cached[LOGITS]
    elif LOGITS in cached:
        row_arrays[TEACHER_LOGITS] = ragged.single(cached[LOGITS])
    return row_arrays, token_arrays


def _cached(stage: Stage, states: tuple[str, ...], training_set: TrainingSet) -> dict[str, NDArray[Any]]:
    """Return what a stage reads from the caches: nothing that a live teacher computes anyway."""
    names = states if stage.cache_layers else ()
    live = bool(states) and not stage.cache_layers
    needs_logits = stage.losses.prediction and training_set.teacher_logits_NC is None and not live
    logits = (LOGITS,) if needs_logits else ()
    if training_set.logit_cache.folder == training_set.state_cache.folder:
        return training_set.logit_cache.read([*logits, *names])
    return training_set.logit_cache.read(logits) | training_set.state_cache.read(names)
