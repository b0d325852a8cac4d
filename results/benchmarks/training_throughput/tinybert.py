"""This project's trainer, with the teacher run on each batch or its states from a cache."""

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import TrainingArguments

from distill.student.initialise import initialise
from distill.training import loop
from distill.training.batches import Collate, Sentences
from distill.training.cache import LOGITS, TeacherCache
from distill.training.compact_embedding import compact_embedding
from distill.training.forward import LiveTeacher, ProjectedStudent
from distill.training.layer_losses import required_states
from distill.training.trainer import TEACHER_LOGITS, TEACHER_STATE, DistillationTrainer
from results.benchmarks.training_throughput.training_set import STAGE, TrainingSet


def fill(training_set: TrainingSet, folder: Path) -> tuple[TeacherCache, float]:
    """Run the teacher on all sentences; return the cache of its states and the seconds that it took."""
    cache = TeacherCache(folder=folder, model=training_set.teacher, tokens=training_set.tokens, bf16=False)
    begin = time.perf_counter()
    _, teacher_states = required_states(STAGE.losses, initialise(training_set.teacher(), training_set.recipe).pairs)
    cache.read([LOGITS, *teacher_states])
    return cache, time.perf_counter() - begin


def seconds(training_set: TrainingSet, cache: TeacherCache | None = None) -> float:
    """Train for one epoch and return the seconds that it took."""
    teacher = training_set.teacher()
    start = initialise(teacher, training_set.recipe)
    row_arrays: dict[str, Any] = {"labels": training_set.rows.labels_N}
    with (
        compact_embedding(start.model, training_set.tokens) as (compact_tokens, ids_R),
        TemporaryDirectory() as scratch,
    ):
        student = ProjectedStudent(start.model, teacher.config.hidden_size, start.pairs)
        student.state_names, teacher_states = required_states(STAGE.losses, start.pairs)
        token_arrays = {}
        if cache is not None:
            arrays = cache.read([LOGITS, *teacher_states])
            row_arrays[TEACHER_LOGITS] = arrays.pop(LOGITS)
            token_arrays = {TEACHER_STATE + name: array for name, array in arrays.items()}
        live = LiveTeacher(model=teacher, names=teacher_states, ids_R=torch.from_numpy(ids_R))
        trainer = DistillationTrainer(
            model=student,
            teacher=None if cache is not None else live,
            teacher_heads=teacher.config.num_attention_heads,
            stage=STAGE,
            args=_settings(Path(scratch), len(training_set.tokens)),
            train_dataset=Sentences(compact_tokens),
            data_collator=Collate(tokens=compact_tokens, row_arrays=row_arrays, token_arrays=token_arrays),
        )
        begin = time.perf_counter()
        trainer.train()
        return time.perf_counter() - begin


def _settings(folder: Path, sentences: int) -> TrainingArguments:
    arguments = loop.arguments(STAGE, folder, sentences=sentences, seed=0)
    return replace(arguments, save_strategy="no", logging_strategy="no")
