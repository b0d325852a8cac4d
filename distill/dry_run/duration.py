"""Estimate how long a training takes: one transformer layer is timed on this machine, and the rest counted from it."""

import time
from dataclasses import dataclass
from statistics import median

import torch
from torch.utils.flop_counter import FlopCounterMode

from distill.recipe.shape import Shape
from distill.training.precision import bf16_choice

# A backward pass takes twice the operations of a forward pass.
PASSES = 3
MEASURED_S = 0.3
# A processor is busy with fewer tokens than a batch has; a GPU is not.
TOKENS_ON_CPU = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The estimated seconds that one sentence takes.

    Attributes:
        teacher_forward_s: a forward pass of the teacher.
        teacher_step_s: a training step of the teacher, divided by its sentences.
        student_step_s: a training step of the student, divided by its sentences.
    """

    teacher_forward_s: float
    teacher_step_s: float
    student_step_s: float


def measure_rate(shape: Shape, *, sentences: int, length_tokens: int) -> float:
    """Return the floating-point operations per second in training a layer, forward and backward, on this machine.

    Args:
        shape: shape of the model.
        sentences: sentences per batch.
        length_tokens: length of a sentence.
    """
    device, (bf16, _) = "cuda" if torch.cuda.is_available() else "cpu", bf16_choice()
    if device == "cpu":
        sentences = max(1, min(sentences, TOKENS_ON_CPU // length_tokens))
    with torch.random.fork_rng():
        layer = torch.nn.TransformerEncoderLayer(
            shape.width, shape.heads, shape.feed_forward_width, activation="gelu", batch_first=True, device=device
        )
        hidden_BLD = torch.randn((sentences, length_tokens, shape.width), device=device)

        def step() -> float:
            started = time.perf_counter()
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                output_BLD = layer(hidden_BLD)
            output_BLD.float().square().mean().backward()
            layer.zero_grad()
            if device == "cuda":
                torch.cuda.synchronize()
            return time.perf_counter() - started

        with FlopCounterMode(display=False) as counter:
            step()  # warms up, too
        seconds = [step(), step()]
        while sum(seconds) < MEASURED_S:
            seconds.append(step())
    return float(counter.get_total_flops()) / median(seconds)


def pace_of(
    teacher: Shape, student: Shape, *, teacher_flops: int, student_flops: int, sentences: int, length_tokens: int
) -> Pace:
    """Return the pace of a distillation on this machine.

    Args:
        teacher, student: shapes of the models.
        teacher_flops, student_flops: operations of their forward passes for one sentence.
        sentences: sentences per batch.
        length_tokens: length of a sentence.
    """
    teacher_rate, student_rate = (
        measure_rate(shape, sentences=sentences, length_tokens=length_tokens) for shape in (teacher, student)
    )
    return Pace(
        teacher_forward_s=teacher_flops / teacher_rate,
        teacher_step_s=PASSES * teacher_flops / teacher_rate,
        student_step_s=PASSES * student_flops / student_rate,
    )


def roughly(seconds: float) -> str:
    """Format an estimated duration with no more digits than it deserves."""
    if seconds < 60:
        return "< 1 min"
    minutes = seconds / 60
    return f"~{minutes:.0f} min" if minutes < 60 else f"~{minutes / 60:.1f} h"
