"""Every student that a recipe can describe learns in float32 and in bfloat16, whichever is faster on this processor.

Autocast computes in bfloat16 on any processor, so both are tested on all, by setting TINYBERT_BF16.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, BertModel, PreTrainedTokenizerFast

from contract import ragged
from contract.errors import InputError
from contract.tokens import Tokens
from distill import teacher
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.capture import EMBEDDING, STATE_MODULES, has_attention, layers_of, state_name
from distill.model.predict import tensors
from distill.prepare import prepare as prepare_recipe
from distill.recipe.stage import LossWeights, Stage
from distill.slim import pooled_times
from distill.student.compress import compress
from distill.student.initialise import Start, StartData, initialise
from distill.training import stages
from distill.training.cache import TeacherCache
from distill.training.forward import forward_with_states
from distill.training.heads import Head
from distill.training.layer_losses import check_shapes
from distill.training.precision import BF16, bf16_choice
from distill.training.stages import TrainingSet

PRECISIONS = pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bfloat16"])
ROWS = 8
WHOLE = "layers = [0, 1]"
NARROW = "shape = { layers = 2, width = 16, heads = 4, feed_forward_width = 40 }"
# Any file will do: it must exist, and is not read.
GENERAL = f'[general]\ncorpus = "{__file__}"\ntokens = 9\nlength_tokens = 16\nlearning_rate = 1e-3'
SMALL = "vocabulary = {}\ncut_positions = true"
STUDENTS = {
    "copied": "layers = [1]",
    "random": f'{WHOLE}\nstart = "random"',
    "narrowed": f'{NARROW}\nstart = "narrowed"',
    "general": f'{NARROW}\nstart = "general"\n{GENERAL}',
    "vocabulary": f"{WHOLE}\nvocabulary = {{}}",
    "cut positions": f"{WHOLE}\ncut_positions = true",
    "factorised": f"{WHOLE}\nembedding_width = 8",
    "factorised, narrowed, small": f'{NARROW}\nstart = "narrowed"\nembedding_width = 8\n{SMALL}',
    "convolution": f"{WHOLE}\nconvolution_layers = [0]",
    "pooling": f"{WHOLE}\npooled_after = [0]",
    "convolution, pooling, narrowed, small": (
        f'{NARROW}\nstart = "narrowed"\nconvolution_layers = [0]\npooled_after = [0]\n{SMALL}'
    ),
}
Prepare = Callable[[str], tuple[Start, TrainingSet]]


def _stage(name: str, **changes: Any) -> Stage:
    """A stage of one step."""
    return Stage.model_validate(
        {"name": name, "epochs": 1, "learning_rate": 1e-2, "batch_size": ROWS, "relation_heads": 4, **changes}
    )


def _losses(start: Start) -> dict[str, float]:
    """The weights of all losses that a student supports."""
    config, last = start.model.config, len(layers_of(start.model)) - 1
    over_all = [has_attention(start.model, layer) and not pooled_times(config, layer) for layer in range(last + 1)]
    weights = dict.fromkeys(LossWeights.model_fields, 1.0)
    return {**weights, "attention": float(all(over_all)), "relation": float(over_all[last])}


@pytest.fixture
def prepare(
    tmp_path: Path, encoder_folder: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> Prepare:
    """Initialise the student of a section [student], and the training set with an untrained teacher."""

    def prepare_student(student: str) -> tuple[Start, TrainingSet]:
        data = sentences_file(train_rows=ROWS, validation_rows=2)
        recipe, encoder, splits = prepare_recipe(str(recipe_file(student=student)), data, None, None, None)

        def tokenised(tokenizer: PreTrainedTokenizerFast) -> Tokens:
            return tokenise(tokenizer, splits.train, recipe.max_length_tokens)

        torch.manual_seed(0)
        model, tokenizer = (
            teacher.load(encoder.folder, "classification", {"num_labels": 3}),
            load_tokenizer(encoder.folder),
        )
        start_data = StartData(
            general=_general(tmp_path / "general", encoder_folder) if recipe.start == "general" else None,
            tokens=tokenised(tokenizer),
            labels_N=splits.train.labels_N,
        )
        start = initialise(model, recipe, start_data)
        compressed = compress(start.model, recipe, tokenizer, tokenised)
        tokens = tokenised(compressed.tokenizer)
        aligned_tokens = replace(tokens, ids_T=compressed.teacher_ids_V[tokens.ids_T].astype(np.int32))
        bf16, _ = bf16_choice()
        cache = TeacherCache(folder=tmp_path / "cache", model=lambda: model, tokens=aligned_tokens, bf16=bf16)
        training_set = TrainingSet(
            teacher=model,
            logit_cache=cache,
            state_cache=cache,
            tokens=tokens,
            teacher_ids_V=compressed.teacher_ids_V,
            labels=splits.train.labels,
            heads=(Head(first=0, outputs=3, is_score=False),),
            seed=0,
            work=tmp_path / "work",
        )
        return replace(start, model=compressed.model), training_set

    return prepare_student


def _general(folder: Path, encoder_folder: Path) -> Path:
    config = AutoModel.from_pretrained(encoder_folder).config
    config.hidden_size, config.intermediate_size = 16, 40
    BertModel(config).save_pretrained(folder)
    return folder


def _train(start: Start, training_set: TrainingSet, *of_student: Stage) -> set[torch.dtype]:
    """Train a student, check that its encoder learned, and return the type it was computed in."""
    computed: set[torch.dtype] = set()
    before = {name: weight.detach().clone() for name, weight in start.model.named_parameters()}
    last = layers_of(start.model)[-1].get_submodule("intermediate.dense")
    handle = last.register_forward_hook(lambda _module, _inputs, output: computed.add(output.dtype))
    stages.train(start, of_student, training_set)
    handle.remove()
    for name, weight in start.model.named_parameters():
        assert weight.dtype == torch.float32, name
        assert weight.isfinite().all(), name
        is_of_encoder = ".embeddings" in name or ".encoder." in name
        assert not (is_of_encoder and name.endswith(".weight") and torch.equal(weight, before[name])), name
    return computed


@PRECISIONS
@pytest.mark.parametrize("student", STUDENTS.values(), ids=STUDENTS)
def test_every_student_takes_a_step_of_every_kind(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, student: str, bf16: bool
) -> None:
    monkeypatch.setenv(BF16, str(int(bf16)))
    start, training_set = prepare(student)
    losses = _losses(start)
    kinds = (
        _stage("beside-the-teacher", losses=losses, dropout=0.1),
        _stage("from-the-cache-dynamic", losses=losses, cache_layers=True, fake_quantize="dynamic"),
        _stage("answers-alone-static", losses={"prediction": 1.0, "labels": 1.0}, fake_quantize="static"),
    )
    for stage in kinds:
        check_shapes(start, training_set.teacher, stage)
    assert _train(start, training_set, *kinds) == {torch.bfloat16 if bf16 else torch.float32}


LOGITS_N3 = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
SCORES_N = np.linspace(0, 2, ROWS, dtype=np.float32)
ANSWERS = {"prediction": 1.0, "labels": 1.0}
HEADS = (Head(first=0, outputs=2, is_score=False), Head(first=2, outputs=1, is_score=True))


@PRECISIONS
@pytest.mark.parametrize(
    ("changes", "losses"),
    [
        ({"teacher_logits_NC": LOGITS_N3}, {"hidden": 1.0, **ANSWERS}),
        ({"labels": ragged.single(SCORES_N), "heads": HEADS[1:], "teacher_logits_NC": LOGITS_N3}, ANSWERS),
        (
            {
                "labels": ragged.single((np.arange(ROWS) // 2 % 2).astype(np.float32)),
                "heads": HEADS,
                "heads_N": np.arange(ROWS) % 2,
                "teacher_logits_NC": LOGITS_N3,
            },
            ANSWERS,
        ),
        ({"labels": None}, {"embedding": 1.0, "hidden": 1.0, "relation": 1.0}),
    ],
    ids=["fused teachers", "scores", "several tasks", "text alone"],
)
def test_every_training_set_takes_a_step(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], losses: dict[str, float], bf16: bool
) -> None:
    monkeypatch.setenv(BF16, str(int(bf16)))
    start, training_set = prepare(STUDENTS["factorised"])
    for loss in ("soft_cross_entropy", "squared_error"):
        stage = _stage(loss, losses=losses, prediction_loss=loss)
        changed = replace(training_set, work=training_set.work / loss, **changes)
        assert _train(start, changed, stage) == {torch.bfloat16 if bf16 else torch.float32}


@pytest.mark.parametrize("student", STUDENTS.values(), ids=STUDENTS)
def test_states_of_a_model_in_bfloat16_are_float32_and_nearly_the_same(prepare: Prepare, student: str) -> None:
    start, training_set = prepare(student)
    start.model.eval()
    names = [EMBEDDING]
    for layer in range(len(layers_of(start.model))):
        kinds = STATE_MODULES if has_attention(start.model, layer) else ("hidden", "context", "neurons")
        names += [state_name(kind, layer) for kind in kinds]
    inputs = tensors(training_set.tokens.batch(range(ROWS)))
    with torch.no_grad():
        exact = forward_with_states(start.model, tuple(names), inputs)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = forward_with_states(start.model, tuple(names), inputs)
    for name, state in {**exact.captured.states, "logits": exact.logits_RC}.items():
        rounded_state = rounded.logits_RC if name == "logits" else rounded.captured.states[name]
        assert rounded_state.dtype == torch.float32, name
        torch.testing.assert_close(rounded_state, state, atol=0.1, rtol=0)


@pytest.mark.parametrize(
    ("asked", "expected", "reason"),
    [
        ("1", True, "TINYBERT_BF16=1 is set"),
        ("0", False, "TINYBERT_BF16=0 is set"),
    ],
)
@pytest.mark.parametrize("able", [False, True], ids=["an old processor", "a new processor"])
def test_the_environment_decides_before_the_processor(
    monkeypatch: pytest.MonkeyPatch, asked: str, expected: bool, reason: str, able: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setenv(BF16, asked)
    assert bf16_choice() == (expected, reason)
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv(BF16)
        else:
            monkeypatch.setenv(BF16, unset)
        assert bf16_choice()[0] is able


def test_anything_else_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BF16, "yes")
    with pytest.raises(InputError, match="TINYBERT_BF16=yes is neither 0 nor 1: set it to 0 or 1, or leave it unset"):
        bf16_choice()
