"""TextBrewer's GeneralDistiller, as in its README."""

import time
from tempfile import TemporaryDirectory
from typing import Any

import torch
from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig
from torch import Tensor

from contract.tokens import Tokens
from distill.model.predict import tensors
from distill.student.initialise import initialise
from distill.training.batches import ByLength
from results.benchmarks.training_throughput.training_set import BATCH_SIZE, LAYERS, STAGE, TrainingSet


def seconds(training_set: TrainingSet) -> float:
    """Train for one epoch and return the seconds that it took."""
    teacher = training_set.teacher(attn_implementation="eager")
    student = initialise(teacher, training_set.recipe).model
    student.set_attn_implementation("eager")
    with TemporaryDirectory() as scratch:
        distiller = GeneralDistiller(
            TrainingConfig(output_dir=scratch, log_dir=None, device="cpu", ckpt_frequency=1),
            DistillationConfig(temperature=1, kd_loss_type="ce", intermediate_matches=_matches()),
            teacher.eval(),
            student.train(),
            _adapt,
            _adapt,
        )
        distiller.save_and_callback = lambda *_: None
        optimizer = torch.optim.AdamW(student.parameters(), lr=STAGE.learning_rate)
        options = {"output_hidden_states": True, "output_attentions": True}
        batches = [{**batch, **options} for batch in _batches(training_set.tokens)]
        begin = time.perf_counter()
        with distiller:
            distiller.train(optimizer, batches, num_epochs=1, max_grad_norm=1.0)
        return time.perf_counter() - begin


def _matches() -> list[dict[str, Any]]:
    matches = [_match("hidden", 0, 0)]
    for student_layer, teacher_layer in enumerate(LAYERS):
        matches.append(_match("hidden", teacher_layer + 1, student_layer + 1))
        matches.append(_match("attention", teacher_layer, student_layer))
    return matches


def _match(feature: str, teacher_layer: int, student_layer: int) -> dict[str, Any]:
    return {
        "layer_T": teacher_layer,
        "layer_S": student_layer,
        "feature": feature,
        "loss": f"{feature}_mse",
        "weight": 1,
    }


def _adapt(batch: dict[str, Tensor], outputs: Any) -> dict[str, Any]:
    return {
        "logits": (outputs.logits,),
        "hidden": outputs.hidden_states,
        "attention": outputs.attentions,
        "inputs_mask": batch["attention_mask"],
    }


def _batches(tokens: Tokens) -> list[dict[str, Tensor]]:
    """Return the batches of one epoch in the order of this project's trainer."""
    order = list(ByLength(tokens.lengths.tolist(), BATCH_SIZE, seed=0))
    return [tensors(tokens.batch(order[first : first + BATCH_SIZE])) for first in range(0, len(order), BATCH_SIZE)]
