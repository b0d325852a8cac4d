"""A dry run reports what the real run then does, and writes nothing."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertForSequenceClassification, Trainer

from contract.errors import InputError
from distill.distil import distil
from distill.dry_run import cost, render
from distill.dry_run.dry_run import dry_run
from distill.prepare import prepare
from distill.training import loop
from infer.folders.student import read_student, read_teacher
from tinybert_edge import cli

NARROW = "shape = { layers = 2, width = 16, heads = 4, feed_forward_width = 40 }"


@pytest.mark.parametrize(
    "student",
    [
        "layers = [1]",
        NARROW,
        "layers = [1]\nvocabulary = {}",
        f"{NARROW}\nvocabulary = {{}}\nembedding_width = 8",
        "layers = [0, 1]\nconvolution_layers = [0]\npooled_after = [0]",
        f"{NARROW}\nvocabulary = {{}}\nembedding_width = 8\ncut_positions = true",
    ],
    ids=["layers", "narrow", "vocabulary", "factorised", "slim", "factorised, cut positions"],
)
def test_a_run_has_the_reported_parameters_and_steps(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    student: str,
) -> None:
    steps: list[int] = []

    fit = loop.fit

    def counting(trainer: Trainer, title: str, log: Path) -> None:
        fit(trainer, title, log)
        steps.append(trainer.state.global_step)

    monkeypatch.setattr(loop, "fit", counting)
    changes = ["stages.1.epochs=1.3", "teacher.floor=0", "teacher.epochs=1"]
    if "convolution_layers" in student:
        changes.append("stages.0.losses.attention=0")
    prepared = prepare(str(recipe_file(student=student)), sentences_file(), None, None, changes)
    report = dry_run(*prepared)
    teacher_folder, student_folder = distil(*prepared, tmp_path / "out")
    assert report.student.parameters.total == read_student(student_folder).parameters
    assert report.teacher.parameters.total == read_teacher(teacher_folder).parameters
    assert str(report.student.shape) in read_student(student_folder).shape
    assert [each.steps for each in report.trainings] == steps
    assert [each.name for each in report.trainings] == ["teacher", "layers", "prediction"]


def test_a_general_start_is_reported_without_reading_its_corpus(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("")
    general = f"""\n[general]\ncorpus = "{corpus}"\ntokens = 1000\nlength_tokens = 10
learning_rate = 1e-3\nbatch_size = 8\n"""
    recipe = recipe_file(student=NARROW + general)
    report = dry_run(*prepare(str(recipe), sentences_file(), None, None, None))
    assert (report.start, report.pairs, report.copied_layers) == ("general", ((0, 0), (1, 1)), ())
    assert {each.name: each.steps for each in report.trainings}["general"] == 13


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        (['augmentation={masked_lm="", neighbours="PAIRS", samples_per_sentence=3}'], 64 + 3 * 64),
        # Rows with the same text are held out together.
        (['soup={students=2, kind="greedy"}'], 56),
    ],
)
def test_steps_count_the_rows_trained_on(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    changes: list[str],
    rows: int,
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("good\tfine\n")
    overrides = [change.replace("PAIRS", str(pairs)) for change in changes]
    report = dry_run(*prepare(str(recipe_file()), sentences_file(), None, None, overrides))
    assert report.trainings[-1].steps == -(-rows // 8) * 6
    render.show(report)
    assert ("including at most 192 new rows from augmentation" in capsys.readouterr().out) == bool(report.new_rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('teacher.also=["./none"]', "./none: no such folder"),
        ('augmentation={masked_lm="", neighbours="none.tsv"}', "augmentation.neighbours: no file none.tsv"),
        (
            'general={corpus="none.txt", tokens=1000, length_tokens=16, learning_rate=1e-3}',
            "general.corpus: no file none.txt: give a text file, plain or .gz",
        ),
        (
            'general={corpus="none.txt", tokens=1000, learning_rate=1e-3}',
            "general.length_tokens 128 is more than the encoder's 64 positions: lower general.length_tokens",
        ),
    ],
)
def test_files_that_a_recipe_names_must_exist(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], change: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        prepare(str(recipe_file(student=NARROW)), sentences_file(), None, None, [change])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("data", "teacher", "message"),
    [
        (Path("data"), None, "--data data: the sentences of quickstart are generated: leave it out"),
        (None, "", "the teacher's name is empty: give a folder or a Hugging Face name"),
    ],
)
def test_options_without_effect_are_refused(data: Path | None, teacher: str | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare("quickstart", data, teacher, None, None)
    assert str(caught.value).startswith(message)


def test_fake_quantisation_is_reported_with_its_memory(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, data = str(recipe_file()), sentences_file()
    plain, rounding = (
        dry_run(*prepare(recipe, data, None, None, changes)) for changes in ([], ['stages.1.fake_quantize="static"'])
    )
    assert [each.fake_quantize for each in rounding.trainings] == [None, None, "static"]
    assert rounding.trainings[:2] == plain.trainings[:2]
    assert rounding.trainings[2].memory.activations > plain.trainings[2].memory.activations
    render.show(rounding)
    assert "fake-quantised" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, data = recipe_file(), sentences_file()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    arguments = ["tinybert", "distill", str(recipe), "--data", str(data), "--dry-run"]
    for extra in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*arguments, *extra])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 0
    tables, _, text = capsys.readouterr().out.partition("{")
    assert all(word in tables for word in ("teacher layer 1", "embedding", "AdamW"))
    report = json.loads("{" + text)
    assert report["pairs"] == [[0, 1]]
    # [CLS] film was, two more on average, good [SEP]
    assert (report["typical_length_tokens"], report["maximal_length_tokens"]) == (8, 16)
    assert report["student"]["parameters"]["encoder"] * 2 == report["teacher"]["parameters"]["encoder"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("student", "changes", "message"),
    [
        ('preset = "bert-2l-128d"', [], "the attention loss needs equal heads"),
        ("layers = [2]", [], "names a layer the teacher lacks"),
        (
            "layers = [1]\nembedding_width = 32",
            [],
            "an embedding of width 32 cannot be factorised to width 32: choose 2 to 31",
        ),
        ("layers = [1]\nvocabulary = { rows = 3 }", [], "a vocabulary of 3 rows has no room"),
    ],
)
def test_a_dry_run_refuses_what_the_real_run_refuses(
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    student: str,
    changes: list[str],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        dry_run(*prepare(str(recipe_file(student=student)), sentences_file(), None, None, changes))


def _config(layers: int, width: int, heads: int, feed_forward: int) -> BertConfig:
    return BertConfig(
        vocab_size=20,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=feed_forward,
    )


SHAPES = st.builds(
    lambda layers, heads, head_width, feed_forward: _config(layers, heads * head_width, heads, feed_forward),
    st.integers(2, 4),
    st.integers(2, 4),
    st.integers(16, 32),
    st.integers(16, 200),
)


@settings(max_examples=10)
@given(config=SHAPES, length_tokens=st.integers(1, 64))
def test_operations_are_those_of_the_matrix_products(config: BertConfig, length_tokens: int) -> None:
    with torch.device("meta"):
        model = BertForSequenceClassification(config)
    width, layer = config.hidden_size, 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
    of_layer = 2 * length_tokens * layer + 4 * length_tokens**2 * width
    head = 2 * width * width + 2 * width * len(config.id2label or ())
    assert cost.count_flops(model, length_tokens) == config.num_hidden_layers * of_layer + head


@settings(max_examples=10)
@given(config=SHAPES, sentences=st.integers(1, 4), length_tokens=st.integers(8, 48))
def test_activations_are_nearly_what_autograd_keeps(config: BertConfig, sentences: int, length_tokens: int) -> None:
    """The formula leaves out embeddings and head, which keep less than another layer would."""
    model = BertForSequenceClassification(config).train()
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage
        return tensor

    ids_BL = torch.ones((sentences, length_tokens), dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = model(input_ids=ids_BL, attention_mask=torch.ones_like(ids_BL))
    kept_bytes = sum(storage.nbytes() for storage in kept.values())
    expected = cost.activation_bytes(
        config, sentences=sentences, length_tokens=length_tokens, float_bytes=4, mask_bytes=4
    )
    assert outputs.logits.requires_grad
    assert 0.95 * expected < kept_bytes < 1.4 * expected
