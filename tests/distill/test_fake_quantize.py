"""Training with int8 rounding: a student that shows no trace of it but its weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from contract.errors import InputError
from distill.cache_keys import stage_key
from distill.distil import distil
from distill.dry_run import cost
from distill.prepare import prepare
from distill.recipe import read
from distill.slim import SlimBertConfig, SlimBertForSequenceClassification
from distill.training import loop, rounding
from distill.training.fake_quantize import fake_quantized
from distill.training.sentence_trainer import SentenceTrainer
from infer.folders.student import read_student
from tests import tiny

FOUR_LOSSES = "losses={embedding=1.0, hidden=1.0, relation=1.0, prediction=1.0}"


def _bert() -> BertForSequenceClassification:
    torch.manual_seed(0)
    return BertForSequenceClassification(tiny.config(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1))


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_no_trace_stays_but_rounded_weights(kind: str) -> None:
    model = _bert().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    ids_BL = torch.arange(12).reshape(2, 6)
    with fake_quantized(model, kind):  # type: ignore[arg-type]
        during_BC = model(input_ids=ids_BL).logits
        during_BC.sum().backward()
    assert during_BC.isfinite().all()
    # In the same order, by which a checkpoint's optimiser state is matched.
    assert [*map(id, model.parameters())] == [*map(id, parameters.values())]
    assert all(parameter.grad is not None for parameter in parameters.values())
    assert type(model.classifier) is nn.Linear
    assert not any(module._forward_pre_hooks for module in model.modules())
    after = model.state_dict()
    assert after.keys() == before.keys()
    for name, weight in after.items():
        linear = weight.dim() == 2 and "embeddings" not in name
        torch.testing.assert_close(
            weight, rounding.per_row(before[name]) if linear else before[name], atol=4e-4, rtol=0
        )


@pytest.mark.parametrize("slim", [{}, {"convolution_layers": [1]}, {"pooled_after": [1]}])
def test_the_last_layer_has_a_range_for_each_token_as_its_first_is_converted_alone(slim: dict[str, Any]) -> None:
    config = SlimBertConfig(
        vocab_size=20, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=80, **slim
    )
    model = SlimBertForSequenceClassification(config)
    with fake_quantized(model, "dynamic"):
        per_token = {name for name, module in model.named_modules() if type(module).__name__ == "_Tokens"}
    last = "bert.encoder.layer.1"
    dense = ("attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense")
    assert per_token == (set() if slim else {f"{last}.{name}.input_grid" for name in dense})


def test_an_observed_range_is_a_mean_and_stays_as_it_is_in_evaluation() -> None:
    model = _bert().train()
    batches = [torch.full((1, 3), token) for token in range(3)]
    with fake_quantized(model, "static"):
        for ids_BL in batches:
            model(input_ids=ids_BL)
        state = {name: value.clone() for name, value in model.state_dict().items() if "input_grid" in name}
        assert {value.item() for name, value in state.items() if name.endswith("batches")} == {3}
        model.eval()
        model(input_ids=batches[0])
        assert all(torch.equal(model.state_dict()[name], value) for name, value in state.items())


def test_an_end_by_an_error_leaves_a_plain_model() -> None:
    model = _bert()
    names = list(model.state_dict())
    with pytest.raises(KeyboardInterrupt), fake_quantized(model, "dynamic"):
        raise KeyboardInterrupt
    assert list(model.state_dict()) == names


def _distil(recipe: Path, data: Path, out: Path, *changes: str) -> Path:
    return distil(*prepare(str(recipe), data, None, None, list(changes)), out)[1]


@pytest.mark.parametrize(
    ("kind", "student", "changes"),
    [
        ("dynamic", "layers = [1]", []),
        ("static", "layers = [1]\nvocabulary = {}", [f"stages.1.{FOUR_LOSSES}", "stages.1.relation_heads=4"]),
        ("dynamic", "shape = { layers = 2, width = 16, heads = 4, feed_forward_width = 40 }", ["soup.students=2"]),
        ("static", "layers = [0, 1]\nconvolution_layers = [0]\npooled_after = [0]", ["stages.0.losses.attention=0"]),
        ("dynamic", "layers = [1]\nvocabulary = {}\nembedding_width = 8", []),
    ],
    ids=["copied", "all losses", "narrow soup", "slim", "factorised"],
)
def test_a_student_is_trained_and_loads_as_any_other(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    kind: str,
    student: str,
    changes: list[str],
) -> None:
    changes = [f'stages.1.fake_quantize="{kind}"', "teacher.floor=0", *changes]
    folder = _distil(recipe_file(student=student), sentences_file(), tmp_path / "out", *changes)
    weights = load_file(folder / "model.safetensors")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.state_dict().keys() >= weights.keys()
    assert not any("parametrizations" in name or "input_grid" in name for name in weights)
    stages = read_student(folder).recipe["stages"]
    assert isinstance(stages, list)
    assert stages[1]["fake_quantize"] == kind
    if "soup" not in "".join(changes):  # a mean is not on a grid
        pooler_DD = weights.get("bert.pooler.dense.weight", weights.get("classifier.dense.weight"))
        assert pooler_DD is not None
        torch.testing.assert_close(rounding.per_row(pooler_DD), pooler_DD)


def _stopping(step: int) -> Callable[[SentenceTrainer, str, Path], None]:
    fit, save = loop.fit, SentenceTrainer._save_checkpoint

    def fit_and_stop(trainer: SentenceTrainer, title: str, log: Path) -> None:
        def save_and_stop(model: nn.Module, trial: object) -> None:
            save(trainer, model, trial)
            if trainer.state.global_step >= step:
                raise KeyboardInterrupt

        if "prediction" in title:
            trainer._save_checkpoint = save_and_stop  # type: ignore[method-assign]
        fit(trainer, title, log)

    return fit_and_stop


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_a_stage_that_is_resumed_ends_with_the_same_weights(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    recipe, data, change = recipe_file(), sentences_file(), f'stages.1.fake_quantize="{kind}"'
    with monkeypatch.context() as patch:
        patch.setattr(loop, "fit", _stopping(20))
        with pytest.raises(KeyboardInterrupt):
            _distil(recipe, data, tmp_path / "broken", change)
    assert list((tmp_path / "broken").glob(".student-*.work/stage-1/checkpoint-*"))
    resumed, whole = (
        load_file(_distil(recipe, data, tmp_path / out, change) / "model.safetensors") for out in ("broken", "whole")
    )
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_stage_without_it_is_known_by_the_key_it_had() -> None:
    stage = read("quickstart").stages[1]
    assert "fake_quantize" not in stage_key(stage)
    assert stage_key(stage.model_copy(update={"fake_quantize": "static"}))["fake_quantize"] == "static"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ('stages.1.fake_quantize="int8"', "'stages.1.fake_quantize'"),
        (
            'general={corpus="x", tokens=9, learning_rate=1e-3, fake_quantize="static"}',
            "later stages would undo fake_quantize in general distillation",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read("quickstart", (override,))


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_the_planned_memory_is_nearly_what_autograd_keeps(kind: str) -> None:
    model = _bert().train()
    sentences, length_tokens, kept = 4, 32, {}
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage
        return tensor

    ids_BL = torch.ones((sentences, length_tokens), dtype=torch.long)
    with (
        fake_quantized(model, kind),  # type: ignore[arg-type]
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        outputs = model(input_ids=ids_BL, attention_mask=torch.ones_like(ids_BL))
    assert outputs.logits.requires_grad
    linear, embedded = (
        sum(module.weight.numel() for module in model.modules() if isinstance(module, part))
        for part in (nn.Linear, nn.Embedding)
    )
    expected = cost.rounded_weight_bytes(linear, embedded) + cost.activation_bytes(
        model.config,
        sentences=sentences,
        length_tokens=length_tokens,
        float_bytes=4,
        mask_bytes=4,
        fake_quantized=True,
    )
    assert 0.95 * expected < sum(storage.nbytes() for storage in kept.values()) < 1.4 * expected
