"""Train a student through the stages of a recipe, each of them resumable."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel, set_seed

from contract import ragged
from contract.progress import note
from contract.ragged import Ragged
from contract.tokens import Tokens
from distill.model.dropout import dropout
from distill.recipe.stage import Stage
from distill.student.initialise import Start
from distill.training import processes, training
from distill.training.batches import Sentences, collate
from distill.training.cache import LOGITS, TeacherCache
from distill.training.compact import compact
from distill.training.compare import needed
from distill.training.fake_quantize import Range, fake_quantized
from distill.training.heads import HEAD, Head
from distill.training.record import record_folder
from distill.training.trainer import TEACHER_LOGITS, TEACHER_STATE, DistillationTrainer, LiveTeacher, ProjectedStudent


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSet:
    """What the stages train on.

    Attributes:
        teacher: shows what the student is to become.
        logit_cache: the teacher's logits of the training sentences, read in its own word pieces.
        state_cache: what it shows inside when it reads them in the student's word pieces, token by token.
        teacher_logits_NC: to be learned in place of this teacher's own, as of several teachers together; else None.
        tokens: the training sentences, N of them, with the student's token ids.
        teacher_ids_V: the teacher's token id of each token id of the student.
        labels: one a sentence or one a token; None without a task.
        heads: the student's outputs, by task; none without a task.
        heads_N: the number of each sentence's head; None for one task.
        seed: of order and dropout.
        work: where unfinished work is kept.
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


def train(start: Start, stages: tuple[Stage, ...], lesson: TrainingSet, student: str = "") -> None:
    """Train a student through all stages, in place.

    Args:
        start: the student and the layers it learns from.
        stages: of the recipe.
        lesson: what they train on.
        student: its name, where several are trained on one lesson.
    """
    lesson.teacher.eval().requires_grad_(False)
    bf16, reason = training.bf16_choice()
    note(f"Training in {'bfloat16' if bf16 else 'float32'}: {reason}")
    whole = start.model.get_input_embeddings()
    with compact(start.model, lesson.tokens) as (tokens, ids_R):
        sentences = _Compact(tokens=tokens, ids_R=ids_R, rest=_range_of_others(whole, ids_R))
        pupil = ProjectedStudent(start.model, lesson.teacher.config.hidden_size, start.pairs)
        for number, stage in enumerate(stages):
            title = f"Distilling {student}".rstrip() + f", stage {number + 1} of {len(stages)}: {stage.name}"
            work = lesson.work / student / f"stage-{number}"
            record = record_folder(lesson.work, "-".join(filter(None, (student, f"{number + 1}-{stage.name}"))))
            _train_once(pupil, stage, lesson, sentences, _Place(work, record, title))
    start.model.eval()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compact:
    """The training sentences with compact token ids.

    Attributes:
        tokens: the sentences.
        ids_R: the student's id of each compact one.
        rest: least and largest number of the embedding rows of all other ids.
    """

    tokens: Tokens
    ids_R: NDArray[np.int64]
    rest: Range


def _range_of_others(whole: nn.Module, ids_R: NDArray[np.int64]) -> Range:
    assert isinstance(whole, nn.Embedding)
    others_V = torch.ones(whole.num_embeddings, dtype=torch.bool)
    others_V[torch.from_numpy(ids_R)] = False
    if not others_V.any():
        return 0.0, 0.0
    low, high = whole.weight.detach()[others_V.to(whole.weight.device)].aminmax()
    return low.item(), high.item()


class _Place(NamedTuple):
    """Where a stage's unfinished work and its record are kept, and how its progress is called."""

    work: Path
    record: Path
    title: str


def _train_once(pupil: ProjectedStudent, stage: Stage, lesson: TrainingSet, sentences: _Compact, place: _Place) -> None:
    """Train one stage, or load what it ended with; a finished stage is never trained again."""
    finished = place.work / "finished.safetensors"
    if not processes.broadcast_from_main(finished.is_file):
        with (
            dropout(pupil, stage.dropout),
            fake_quantized(pupil.student, stage.fake_quantize, sentences.rest, reads_all=lesson.logit_cache.of_tokens),
        ):
            _train(pupil, stage, lesson, sentences, place)
        if processes.is_main():
            _keep(pupil, finished)
        processes.wait()
    pupil.load_state_dict(load_file(finished))


def _keep(pupil: ProjectedStudent, finished: Path) -> None:
    half = finished.with_suffix(".partial")
    save_file(pupil.state_dict(), half)
    half.replace(finished)
    for checkpoint in finished.parent.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def _train(pupil: ProjectedStudent, stage: Stage, lesson: TrainingSet, sentences: _Compact, place: _Place) -> None:
    pupil.watched, theirs = needed(stage.losses, pupil.projections.pairs)
    live = bool(theirs) and not stage.cache_layers
    cached = processes.main_process_first(lambda: _cached(stage, theirs, lesson))
    beside, of_tokens = _beside(stage, lesson, cached)
    ids_R = torch.from_numpy(lesson.teacher_ids_V[sentences.ids_R])
    set_seed(lesson.seed)
    trainer = DistillationTrainer(
        model=pupil,
        teacher=LiveTeacher(model=lesson.teacher, names=theirs, ids_R=ids_R) if live else None,
        teacher_heads=lesson.teacher.config.num_attention_heads,
        stage=stage,
        heads=lesson.heads,
        of_tokens=lesson.logit_cache.of_tokens,
        args=training.arguments(stage, place.work, sentences=len(sentences.tokens), seed=lesson.seed),
        train_dataset=Sentences(sentences.tokens),
        data_collator=collate(
            sentences.tokens,
            beside,
            of_tokens | {TEACHER_STATE + name: array for name, array in cached.items() if name != LOGITS},
        ),
    )
    if not processes.broadcast_from_main(lambda: any(place.work.glob("checkpoint-*"))):
        trainer.preflight()
    training.fit(trainer, place.title, place.record)


def _beside(
    stage: Stage, lesson: TrainingSet, cached: dict[str, NDArray[Any]]
) -> tuple[dict[str, Ragged], dict[str, NDArray[Any]]]:
    """Return what is known of each sentence, and the teacher's logits where they are of each token."""
    beside: dict[str, Ragged] = {}
    if lesson.labels is not None:
        beside["labels"] = lesson.labels
    if lesson.heads_N is not None:
        beside[HEAD] = ragged.single(lesson.heads_N)
    if stage.losses.prediction and lesson.teacher_logits_NC is not None:
        beside[TEACHER_LOGITS] = ragged.single(lesson.teacher_logits_NC)
    elif LOGITS in cached and lesson.logit_cache.of_tokens:
        return beside, {TEACHER_LOGITS: cached[LOGITS]}
    elif LOGITS in cached:
        beside[TEACHER_LOGITS] = ragged.single(cached[LOGITS])
    return beside, {}


def _cached(stage: Stage, states: tuple[str, ...], lesson: TrainingSet) -> dict[str, NDArray[Any]]:
    """Return what a stage takes from the caches: nothing that a teacher beside it shows anyway."""
    names = states if stage.cache_layers else ()
    live = bool(states) and not stage.cache_layers
    alone = stage.losses.prediction and lesson.teacher_logits_NC is None and not live
    logits = (LOGITS,) if alone else ()
    if lesson.logit_cache.folder == lesson.state_cache.folder:
        return lesson.logit_cache.read([*logits, *names])
    return lesson.logit_cache.read(logits) | lesson.state_cache.read(names)
