"""TextBrewer's GeneralDistiller, as its README has it."""

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
from results.benchmarks.training_throughput.lesson import BATCH_SIZE, LAYERS, STAGE, TrainingSet


def seconds(lesson: TrainingSet) -> float:
    """Train for one epoch and return how long that took."""
    teacher = lesson.teacher(attn_implementation="eager")
    student = initialise(teacher, lesson.recipe).model
    student.set_attn_implementation("eager")
    with TemporaryDirectory() as place:
        distiller = GeneralDistiller(
            TrainingConfig(output_dir=place, log_dir=None, device="cpu", ckpt_frequency=1),
            DistillationConfig(temperature=1, kd_loss_type="ce", intermediate_matches=_matches()),
            teacher.eval(),
            student.train(),
            _adapt,
            _adapt,
        )
        distiller.save_and_callback = lambda *_: None
        optimizer = torch.optim.AdamW(student.parameters(), lr=STAGE.learning_rate)
        given = {"output_hidden_states": True, "output_attentions": True}
        batches = [{**batch, **given} for batch in _batches(lesson.tokens)]
        begin = time.perf_counter()
        with distiller:
            distiller.train(optimizer, batches, num_epochs=1, max_grad_norm=1.0)
        return time.perf_counter() - begin


def _matches() -> list[dict[str, Any]]:
    matches = [_match("hidden", 0, 0)]
    for own, theirs in enumerate(LAYERS):
        matches.append(_match("hidden", theirs + 1, own + 1))
        matches.append(_match("attention", theirs, own))
    return matches


def _match(feature: str, theirs: int, own: int) -> dict[str, Any]:
    return {"layer_T": theirs, "layer_S": own, "feature": feature, "loss": f"{feature}_mse", "weight": 1}


def _adapt(batch: dict[str, Tensor], outputs: Any) -> dict[str, Any]:
    return {
        "logits": (outputs.logits,),
        "hidden": outputs.hidden_states,
        "attention": outputs.attentions,
        "inputs_mask": batch["attention_mask"],
    }


def _batches(tokens: Tokens) -> list[dict[str, Tensor]]:
    """Return the batches of one epoch in the order that this project trains in."""
    order = list(ByLength(tokens.lengths.tolist(), BATCH_SIZE, seed=0))
    return [tensors(tokens.batch(order[first : first + BATCH_SIZE])) for first in range(0, len(order), BATCH_SIZE)]
