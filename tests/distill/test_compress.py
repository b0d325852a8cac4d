"""Students made smaller by their recipe's keys, before training: what stays the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, BertModel, PreTrainedTokenizerFast

from contract.tokens import Tokens
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.positions import longest
from distill.model.predict import predict
from distill.prepare import prepare
from distill.student.compress import Compressed, compress
from distill.student.initialise import StartData, count_parameters, initialise
from distill.teacher import load

ALL_LAYERS = "layers = [0, 1]"
NARROW = "shape = { layers = 2, width = 16, heads = 2, feed_forward_width = 32 }\n"
# Any file will do: it must exist, and is not read.
GENERAL = f'[general]\ncorpus = "{__file__}"\ntokens = 9\nlength_tokens = 16\nlearning_rate = 1e-3'


@pytest.mark.parametrize(
    ("student", "width"),
    [
        (ALL_LAYERS, 32),
        (f"{NARROW}start = 'narrowed'", 16),
        (f"{NARROW}start = 'random'", 16),
        (f"{NARROW}start = 'general'\n{GENERAL}", 16),
        (f"{ALL_LAYERS}\nembedding_width = 8\nvocabulary = {{}}", 8),
        (f"{ALL_LAYERS}\nconvolution_layers = [0]\npooled_after = [0]", 32),
    ],
    ids=["copied", "narrowed", "random", "general", "factorised", "slim"],
)
def test_removing_unused_positions_changes_no_output(
    tmp_path: Path,
    encoder_folder: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    student: str,
    width: int,
) -> None:
    data, general = sentences_file(), tmp_path / "general"
    config = AutoModel.from_pretrained(encoder_folder).config
    config.hidden_size, config.num_attention_heads, config.intermediate_size = 16, 2, 32
    torch.manual_seed(0)
    BertModel(config).save_pretrained(general)

    def compressed(*changes: str) -> tuple[Compressed, Tokens]:
        recipe, encoder, splits = prepare(str(recipe_file(student=student)), data, None, None, list(changes))

        def tokenised(tokenizer: PreTrainedTokenizerFast) -> Tokens:
            return tokenise(tokenizer, splits.train, recipe.max_length_tokens)

        torch.manual_seed(0)
        teacher, tokenizer = load(encoder.folder, recipe.task, {}), load_tokenizer(encoder.folder)
        start_data = StartData(general=general, tokens=tokenised(tokenizer), labels_N=splits.train.labels_N)
        result = compress(initialise(teacher, recipe, start_data).model, recipe, tokenizer, tokenised)
        return result, tokenised(result.tokenizer)

    (whole, whole_tokens), (cut, cut_tokens) = compressed(), compressed("student.cut_positions=true")
    assert (longest(whole.model), longest(cut.model)) == (64, 16)
    assert count_parameters(whole.model) - count_parameters(cut.model) == (64 - 16) * width
    assert cut_tokens.key() == whole_tokens.key()
    logits_NC = predict(whole.model, whole_tokens, "whole").logits.values
    np.testing.assert_allclose(predict(cut.model, cut_tokens, "cut").logits.values, logits_NC, atol=1e-6)
    cut.model.save_pretrained(tmp_path / "cut")
    cut.tokenizer.save_pretrained(tmp_path / "cut")
    again, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(tmp_path / "cut"),
        load_tokenizer(tmp_path / "cut"),
    )
    assert tokenizer.model_max_length == again.config.max_position_embeddings == 16
    assert whole.tokenizer.model_max_length > 16
    longer = tokenizer("very " * 40, truncation=True, return_tensors="pt")
    assert again(**longer).logits.shape == (1, 2)
    np.testing.assert_allclose(predict(again, cut_tokens, "again").logits.values, logits_NC, atol=1e-6)
