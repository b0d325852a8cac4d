"""Names in texts: entities as transformers finds them, and labels of words that were cut off."""

from typing import Any, get_args

import numpy as np
import pytest
import torch
from transformers import BertForTokenClassification, pipeline

from contract import ragged
from infer.outputs import UNLABELLED, of_logits
from infer.tasks import evaluate
from infer.tasks.token_classification import Aggregation, Pieces, Settings, entities
from tests import tiny

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TEXT = "Angela Merkel visited Paris, and Unterschleissheim near Munich."
WORDS = ("angela", "mer", "##kel", "visited", "paris", "and", "unter", "##schleiss", "##heim", "near", "munich")


PIECES = (*tiny.SPECIAL, ",", ".", *WORDS)


def model(seed: int) -> BertForTokenClassification:
    torch.manual_seed(seed)
    config = tiny.config(
        vocab_size=len(PIECES),
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.5,
        id2label=dict(enumerate(TAGS)),
        label2id={tag: number for number, tag in enumerate(TAGS)},
    )
    network = BertForTokenClassification(config)
    network.eval()
    return network


@pytest.mark.parametrize("aggregation", get_args(Aggregation))
def test_entities_are_those_of_transformers(aggregation: Aggregation) -> None:
    cut = tiny.tokenizer(PIECES, like_bert=True)
    found = 0
    for seed in range(10):
        network = model(seed)
        theirs: Any = pipeline("token-classification", model=network, tokenizer=cut, aggregation_strategy=aggregation)(
            TEXT
        )
        encoding = cut(TEXT)[0]
        with torch.no_grad():
            logits_LC = network(torch.tensor([encoding.ids])).logits[0].numpy()
        pieces = Pieces(
            text=TEXT,
            spans_L2=np.asarray(encoding.offsets),
            words_L=np.asarray([-1 if word is None else word for word in encoding.word_ids]),
        )
        own = entities(logits_LC, pieces, Settings(tags=TAGS, aggregation=aggregation))
        assert [(one.entity_group, one.start, one.end) for one in own] == [
            (one.get("entity_group", one.get("entity")), one["start"], one["end"]) for one in theirs
        ]
        assert [one.score for one in own] == pytest.approx([float(one["score"]) for one in theirs], abs=1e-5)
        assert all(one.word == TEXT[one.start : one.end] for one in own)
        found += len(own)
    assert found > 10


def test_words_that_were_cut_off_count_as_answered_with_no_name() -> None:
    one_hot = np.eye(5, dtype=np.float32)
    outputs = of_logits(ragged.from_rows([one_hot[[0, 1, 2, 0]]], like=one_hot))
    labels_L = np.array([UNLABELLED, 1, 2, UNLABELLED, 3, 4])
    labels = ragged.from_rows([labels_L], like=np.empty(0, np.int64))
    found = evaluate.values(Settings(tags=TAGS), outputs, labels)
    assert found == pytest.approx({"f1": 2 / 3, "precision": 1.0, "recall": 0.5})
