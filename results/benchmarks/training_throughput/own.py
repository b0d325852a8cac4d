"""This project's trainer, with the teacher run over each batch or its states from a cache."""

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import TrainingArguments

from distill.student.initialise import initialise
from distill.training import training
from distill.training.batches import Collate, Sentences
from distill.training.cache import LOGITS, TeacherCache
from distill.training.compact import compact
from distill.training.compare import needed
from distill.training.trainer import TEACHER_LOGITS, TEACHER_STATE, DistillationTrainer, LiveTeacher, ProjectedStudent
from results.benchmarks.training_throughput.lesson import STAGE, TrainingSet


def fill(lesson: TrainingSet, folder: Path) -> tuple[TeacherCache, float]:
    """Run the teacher over all sentences; return what it said and the seconds that took."""
    cache = TeacherCache(folder=folder, model=lesson.teacher, tokens=lesson.tokens, bf16=False)
    begin = time.perf_counter()
    _, theirs = needed(STAGE.losses, initialise(lesson.teacher(), lesson.recipe).pairs)
    cache.read([LOGITS, *theirs])
    return cache, time.perf_counter() - begin


def seconds(lesson: TrainingSet, cache: TeacherCache | None = None) -> float:
    """Train for one epoch and return how long that took."""
    teacher = lesson.teacher()
    start = initialise(teacher, lesson.recipe)
    beside: dict[str, Any] = {"labels": lesson.rows.labels_N}
    with compact(start.model, lesson.tokens) as (own_tokens, ids_R), TemporaryDirectory() as place:
        pupil = ProjectedStudent(start.model, teacher.config.hidden_size, start.pairs)
        pupil.watched, theirs = needed(STAGE.losses, start.pairs)
        ragged = {}
        if cache is not None:
            arrays = cache.read([LOGITS, *theirs])
            beside[TEACHER_LOGITS] = arrays.pop(LOGITS)
            ragged = {TEACHER_STATE + name: array for name, array in arrays.items()}
        live = LiveTeacher(model=teacher, names=theirs, ids_R=torch.from_numpy(ids_R))
        trainer = DistillationTrainer(
            model=pupil,
            teacher=None if cache is not None else live,
            teacher_heads=teacher.config.num_attention_heads,
            stage=STAGE,
            args=_settings(Path(place), len(lesson.tokens)),
            train_dataset=Sentences(own_tokens),
            data_collator=Collate(tokens=own_tokens, beside=beside, ragged=ragged),
        )
        begin = time.perf_counter()
        trainer.train()
        return time.perf_counter() - begin


def _settings(place: Path, sentences: int) -> TrainingArguments:
    found = training.arguments(STAGE, place, sentences=sentences, seed=0)
    return replace(found, save_strategy="no", logging_strategy="no")
