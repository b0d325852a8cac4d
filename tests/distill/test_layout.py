"""A model that could be distilled but not converted is refused by its config.json, before torch is imported."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, AutoModel

from contract.errors import InputError
from distill.dry_run.dry_run import dry_run
from distill.model import layout
from distill.model.layout import MODEL_TYPES
from distill.prepare import prepare
from tests import tiny

SUPPORTED = (
    "supported: bert, camembert, data2vec-text, electra, ernie, roberta, roberta-prelayernorm, slim_bert, "
    "xlm-roberta, xlm-roberta-xl"
)
ENCODER = "set it to false if the model was trained as an encoder, or choose another teacher"
REMOVE = "remove it from config.json, it is not a property of the model"


@pytest.mark.parametrize(
    "model_type",
    [
        "albert",
        "big_bird",
        "convbert",
        "deberta",
        "deberta-v2",
        "distilbert",
        "ibert",
        "longformer",
        "megatron-bert",
        "mobilebert",
        "modernbert",
        "mpnet",
        "nystromformer",
        "roformer",
        "gpt2",
        "",
        None,
        ["bert"],
    ],
)
def test_another_model_type_is_refused(tmp_path: Path, model_type: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    with pytest.raises(InputError) as error:
        layout.check(tmp_path, "my-teacher")
    assert str(error.value) == f"my-teacher: model type {model_type!r} is not supported: {SUPPORTED}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"is_decoder": True},
            f"is_decoder is true in its config.json, but a decoder's attention cannot be converted: {ENCODER}",
        ),
        (
            {"is_decoder": True, "model_type": "roberta"},
            f"is_decoder is true in its config.json, but a decoder's attention cannot be converted: {ENCODER}",
        ),
        (
            {"add_cross_attention": True},
            "add_cross_attention is true in its config.json, but attention to another model cannot be converted: "
            + ENCODER,
        ),
        *(
            (
                {"position_embedding_type": kind},
                f'position_embedding_type is "{kind}" in its config.json, but transformers 5 ignores it and would '
                "compute absolute positions: choose a teacher with absolute positions",
            )
            for kind in ("relative_key", "relative_key_query")
        ),
        (
            {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            "quantization_config is set in its config.json, but only floating-point weights are supported: give the "
            "model that was quantised",
        ),
        ({"return_dict": False}, f"return_dict is false in its config.json, but outputs are read by name: {REMOVE}"),
        (
            {"output_attentions": True},
            f"output_attentions is true in its config.json, but fast attention does not return its weights: {REMOVE}",
        ),
        (
            {"chunk_size_feed_forward": 7},
            f"chunk_size_feed_forward is 7 in its config.json, but texts have any length: {REMOVE}",
        ),
    ],
)
def test_a_setting_that_is_not_supported_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", **settings}))
    with pytest.raises(InputError) as error:
        layout.check(tmp_path, "my-teacher")
    assert str(error.value) == f"my-teacher: {message}"


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "xlm-roberta", "is_decoder": False, "position_embedding_type": "absolute"},
        {"model_type": "bert", "is_decoder": None, "position_embedding_type": None, "return_dict": True},
        {},  # transformers may know the type by the folder's name
    ],
)
def test_usual_settings_are_accepted(tmp_path: Path, config: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    layout.check(tmp_path, "my-teacher")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "my-teacher: has no config.json: give a BERT-like model in Hugging Face layout"),
        (
            "{",
            "my-teacher: its config.json is not valid JSON (Expecting property name enclosed in double quotes: line 1 "
            "column 2 (char 1)): download or save it again",
        ),
        ("[]", "my-teacher: its config.json is not a JSON object: download or save it again"),
    ],
)
def test_a_broken_configuration_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError) as error:
        layout.check(tmp_path, "my-teacher")
    assert str(error.value) == message


@pytest.mark.parametrize("model_type", sorted(set(MODEL_TYPES) - {"slim_bert"}))
def test_a_supported_model_can_be_distilled(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], model_type: str
) -> None:
    shape = tiny.config().to_dict()
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    config = AutoConfig.for_model(
        model_type,
        **{key: shape[key] for key in keys},
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    AutoModel.from_config(config).save_pretrained(tmp_path / "encoder")
    tiny.tokenizer().save_pretrained(tmp_path / "encoder")
    report = dry_run(*prepare(str(recipe_file(tmp_path / "encoder")), sentences_file()))
    assert (report.teacher.shape.layers, report.student.shape.layers) == (2, 1)


def test_a_model_type_is_refused_before_torch_is_imported(
    tmp_path: Path, encoder_folder: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "deberta-v2"}')
    weights = (encoder_folder / "model.safetensors").read_bytes()
    (tmp_path / "model" / "model.safetensors").write_bytes(weights)
    arguments = [str(recipe_file(tmp_path / "model")), str(sentences_file())]
    code = """
import sys
from pathlib import Path
from contract.errors import InputError
from distill.prepare import prepare
try:
    prepare(sys.argv[1], Path(sys.argv[2]))
except InputError as error:
    print(error, "torch" in sys.modules, "transformers" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert (
        result.stdout == f"{tmp_path / 'model'}: model type 'deberta-v2' is not supported: {SUPPORTED} False False\n"
    ), result.stderr


def test_the_documentation_lists_the_model_types() -> None:
    text = (Path(__file__).parents[2] / "docs" / "distillation.md").read_text(encoding="utf-8")
    (paragraph,) = [part for part in text.split("\n\n") if "`model_type`" in part]
    assert tuple(re.findall(r"`([a-z0-9_-]+)`", paragraph.partition("one of")[2].partition(".")[0])) == MODEL_TYPES
