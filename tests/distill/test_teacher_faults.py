"""A teacher whose weights, tokens or labels are not the model's is refused before anything is trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    PreTrainedModel,
)

from contract.errors import InputError
from distill import teacher
from distill.data.rows import Splits
from distill.distil import distil
from distill.dry_run.dry_run import dry_run
from distill.model.source import Encoder
from distill.prepare import prepare
from distill.recipe import Recipe
from distill.smoke import smoke
from infer.folders.student import read_student
from tests import tiny
from tests.conftest import Tinybert

LABELS = {"id2label": {0: "negative", 1: "positive"}}
SAVE_AGAIN = "save the model itself by its save_pretrained, not a wrapper of it, with its own config.json"
NUMBER_AGAIN = "correct its config.json, in the order of the model's outputs"
OTHER_TEACHER = "use a teacher for this task, or a pretrained model without a head"
Change = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]


def _write(
    folder: Path, model: PreTrainedModel, change: Change | None = None, config: dict[str, Any] | None = None
) -> Path:
    """Write a model folder, with changes to its weights and its configuration."""
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    if change is not None:
        weights = folder / "model.safetensors"
        save_file(change(load_file(weights)), weights, metadata={"format": "pt"})
    if config:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def _renamed(old: str, new: str) -> Change:
    return lambda weights: {name.replace(old, new, 1): value for name, value in weights.items()}


def _without(part: str) -> Change:
    return lambda weights: {name: value for name, value in weights.items() if part not in name}


def _with(name: str, *shape: int) -> Change:
    return lambda weights: {**weights, name: torch.zeros(shape)}


def _prefixed(prefix: str) -> Change:
    return lambda weights: {f"{prefix}{name}": value for name, value in weights.items()}


def _older_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights as old versions of BERT's files named them."""
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    renamed = {}
    for name, value in weights.items():
        old = next((old for old in names if name.endswith(old)), "")
        renamed[name.replace(old, names[old]) if old else name] = value
    return {**renamed, "bert.embeddings.position_ids": torch.arange(64)[None]}


MISSING = "weights missing from its files"
OTHERS = "weights in its files that are not part of it"
WEIGHTS = [
    (
        BertModel,
        _prefixed("module."),
        {},
        f"{MISSING}: 37 of 41, such as bert.embeddings.LayerNorm.bias; "
        f"{OTHERS}: 37, such as module.embeddings.LayerNorm.bias",
    ),
    (
        BertForSequenceClassification,
        _prefixed("_orig_mod.module."),
        {},
        f"{MISSING}: 41 of 41, such as bert.embeddings.LayerNorm.bias; "
        f"{OTHERS}: 39, such as _orig_mod.module.bert.embeddings.LayerNorm.bias",
    ),
    (
        BertForMaskedLM,
        _without(".layer.1."),
        {},
        f"{MISSING}: 16 of 41, such as bert.encoder.layer.1.attention.output.LayerNorm.bias",
    ),
    (
        BertModel,
        _without("word_embeddings"),
        {},
        f"{MISSING}: 1 of 41, such as bert.embeddings.word_embeddings.weight",
    ),
    (
        BertForSequenceClassification,
        _renamed("classifier.", "head."),
        {},
        f"{MISSING}: 2 of 41, such as classifier.bias; {OTHERS}: 2, such as head.bias",
    ),
    (BertForSequenceClassification, _without("pooler"), {}, f"{MISSING}: 2 of 41, such as bert.pooler.dense.bias"),
    (BertForSequenceClassification, _with("dense.weight", 32, 32), {}, f"{OTHERS}: 1, such as dense.weight"),
    (
        BertModel,
        None,
        {"num_hidden_layers": 1},
        f"{OTHERS}: 16, such as encoder.layer.1.attention.output.LayerNorm.bias",
    ),
    (
        BertModel,
        _with("encoder.layer.0.attention.self.distance_embedding.weight", 127, 8),
        {},
        f"{OTHERS}: 1, such as encoder.layer.0.attention.self.distance_embedding.weight",
    ),
    (
        BertModel,
        None,
        {"vocab_size": 16},
        "bert.embeddings.word_embeddings.weight has the shape (15, 32) in its files, (16, 32) by its config.json",
    ),
]
WAYS: dict[str, Callable[[tuple[Recipe, Encoder, Splits], Path], object]] = {
    "dry run": lambda prepared, _: dry_run(*prepared),
    "smoke": lambda prepared, _: smoke(*prepared),
    "distillation": lambda prepared, out: distil(*prepared, out),
}


@pytest.mark.parametrize(("model_class", "change", "config", "fault"), WEIGHTS)
def test_weights_that_are_not_the_models_are_refused(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    model_class: Any,
    change: Change | None,
    config: dict[str, Any],
    fault: str,
) -> None:
    monkeypatch.setattr(teacher, "_fine_tune", lambda *_: pytest.fail("training has begun"))
    _write(tmp_path / "model", model_class(tiny.config(**LABELS)), change, config)
    layers = "student.layers=[0]"
    prepared = prepare(str(recipe_file(tmp_path / "model")), sentences_file(), changes=[layers])
    for run in WAYS.values():
        with pytest.raises(InputError) as error:
            run(prepared, tmp_path / "out")
        assert str(error.value) == f"{tmp_path / 'model'}: cannot be loaded for classification ({fault}): {SAVE_AGAIN}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model_class", "change"),
    [
        (BertModel, None),
        (BertModel, _without("pooler")),
        (BertModel, _with("lm_head.dense.bias", 32)),
        (BertForMaskedLM, None),
        (BertForMaskedLM, _with("cls.seq_relationship.bias", 2)),
        (BertForMaskedLM, _older_names),
        (BertForTokenClassification, _renamed("classifier.", "tagger.")),
        (BertForSequenceClassification, None),
        (BertForSequenceClassification, _with("cls.predictions.bias", 15)),
    ],
)
def test_a_head_that_is_not_trained_yet_or_no_longer_used_may_differ(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    model_class: Any,
    change: Change | None,
) -> None:
    torch.manual_seed(0)
    model = model_class(tiny.config(**LABELS))
    _write(tmp_path / "model", model, change)
    dry_run(*prepare(str(recipe_file(tmp_path / "model")), sentences_file()))
    loaded = teacher.load(tmp_path / "model", "classification", {})
    expected = model.base_model.state_dict()
    same = [
        torch.equal(value, expected[name]) for name, value in loaded.base_model.state_dict().items() if name in expected
    ]
    assert len(same) >= 37
    assert all(same) or change is not None


def test_every_teacher_is_checked_before_the_first_is_trained(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teacher, "_fine_tune", lambda *_: pytest.fail("training has begun"))
    other = _write(tmp_path / "other", BertModel(tiny.config()), _without(".layer.1."))
    prepared = prepare(str(recipe_file()), sentences_file(), changes=[f'teacher.also=["{other}"]'])
    for run in (WAYS["dry run"], WAYS["distillation"]):
        with pytest.raises(InputError, match=f"other: cannot be loaded for classification .{MISSING}: 16 of 41"):
            run(prepared, tmp_path / "out")


def test_the_encoder_of_a_general_student_is_checked_at_once(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    encoder = _write(tmp_path / "general", BertModel(tiny.config()), _without(".layer.1."))
    (tmp_path / "corpus.txt").write_text("the film was good\n")
    settings = f'corpus="{tmp_path}/corpus.txt", tokens=9, length_tokens=9, learning_rate=1e-3, model="{encoder}"'
    student = 'student={shape={layers=2, width=16, heads=4, feed_forward_width=40}, start="general"}'
    changes = [student, f"general={{{settings}}}"]
    with pytest.raises(InputError, match=f"general: cannot be loaded for classification .{MISSING}: 16 of 41"):
        prepare(str(recipe_file()), sentences_file(), changes=changes)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_act": "no-such"}, "no model can be built from its config.json (KeyError: 'no-such'): correct it"),
        (
            {"num_attention_heads": 5},
            "no model can be built from its config.json (ValueError: The hidden size (32) is not a multiple of the "
            "number of attention heads (5)): correct it",
        ),
        (
            {"pad_token_id": 99},
            "no model can be built from its config.json (AssertionError: Padding_idx must be within num_embeddings): "
            "correct it",
        ),
        (
            {"num_hidden_layers": "two"},
            "its config.json cannot be used (StrictDataclassFieldValidationError: Validation error for field "
            "'num_hidden_layers': TypeError: Field 'num_hidden_layers' expected int, got str (value: 'two')): give a "
            "BERT-like model in Hugging Face layout",
        ),
        (
            {"id2label": {"a": "b"}},
            "its config.json cannot be used (ValueError: invalid literal for int() with base 10: 'a'): give a "
            "BERT-like model in Hugging Face layout",
        ),
    ],
)
def test_a_configuration_that_transformers_cannot_use_is_one_line(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    tinybert: Tinybert,
    config: dict[str, Any],
    message: str,
) -> None:
    model = _write(tmp_path / "model", BertModel(tiny.config()), config=config)
    arguments = ("distill", recipe_file(model), "--data", sentences_file(), "--out", tmp_path / "out")
    for options in (("--dry-run",), ("--smoke",), ()):
        code, _, errors = tinybert(*arguments, *options)
        assert (code, errors) == (2, f"error: {model}: {message}\n")


@pytest.mark.parametrize(
    ("config", "pairs", "message"),
    [
        (
            {"vocab_size": 9},
            False,
            "its tokenizer gives token id 12, but its embedding has 9 rows: give the model with its own tokenizer",
        ),
        (
            {"type_vocab_size": 1},
            True,
            "its tokenizer gives token type 1, but its embedding has 1 row: give the model with its own tokenizer",
        ),
    ],
)
def test_a_token_without_an_embedding_is_refused(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    config: dict[str, int],
    pairs: bool,
    message: str,
) -> None:
    model = _write(tmp_path / "model", BertModel(tiny.config(**config)))
    data = sentences_file()
    # Only the validation split has pairs, or the last words of the vocabulary.
    lines = (data / "dev.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    for name, second in (("train.tsv", ""), ("dev.tsv", "a")):
        text = "".join(f"the\t{second or 'the'}\t{label}\n" for _, label in rows)
        (data / name).write_text(f"sentence\tsecond\tlabel\n{text}" if pairs else (data / name).read_text())
    changes = ['data.text_pair="second"'] if pairs else []
    prepared = prepare(str(recipe_file(model)), data, changes=changes)
    for run in WAYS.values():
        with pytest.raises(InputError) as error:
            run(prepared, tmp_path / "out")
        assert str(error.value) == f"{model}: {message}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"id2label": {"1": "negative", "2": "positive"}},
            f"numbers its labels 1, 2 in id2label, not from 0: {NUMBER_AGAIN}",
        ),
        (
            {"id2label": {"0": "negative", "2": "positive"}},
            f"numbers its labels 0, 2 in id2label, not from 0: {NUMBER_AGAIN}",
        ),
        (
            {"problem_type": "multi_label_classification"},
            f"was trained for multi_label_classification, not single_label_classification: {OTHER_TEACHER}",
        ),
        (
            {"problem_type": "regression"},
            f"was trained for regression, not single_label_classification: {OTHER_TEACHER}",
        ),
    ],
)
def test_a_ready_classifier_of_another_kind_is_refused(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    config: dict[str, Any],
    message: str,
) -> None:
    model = _write(tmp_path / "model", BertForSequenceClassification(tiny.config(**LABELS)), config=config)
    prepared = prepare(str(recipe_file(model)), sentences_file())
    for run in WAYS.values():
        with pytest.raises(InputError) as error:
            run(prepared, tmp_path / "out")
        assert str(error.value) == f"teacher {model} {message}"
    assert not (tmp_path / "out").exists()


def test_a_problem_type_that_is_left_from_another_task_changes_nothing(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    torch.manual_seed(0)
    model = BertModel(tiny.config())
    students = []
    for number, left in enumerate((None, "multi_label_classification", "regression", "no-such")):
        folder = _write(tmp_path / f"model-{number}", model, config={"problem_type": left} if left else {})
        changes = ["teacher.epochs=1", "teacher.floor=0", "stages.0.epochs=1", "stages.1.epochs=1"]
        prepared = prepare(str(recipe_file(folder)), sentences_file(), changes=changes)
        _, student = distil(*prepared, tmp_path / "out")
        students.append(student)
        assert AutoModelForSequenceClassification.from_pretrained(student).config.problem_type == (
            "single_label_classification"
        )
    weights = {read_student(student).files["model.safetensors"] for student in students}
    assert (len(set(students)), len(weights)) == (len(students), 1)
