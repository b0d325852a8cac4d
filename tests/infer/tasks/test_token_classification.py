"""Entities are the same as those of transformers, and comparisons are by the words' first pieces."""

from typing import Any, get_args

import numpy as np
import pytest
import torch
from transformers import BertForTokenClassification, pipeline

from contract import ragged
from infer.outputs import UNLABELLED, of_logits
from infer.tasks import evaluate
from infer.tasks.token_classification import Aggregation, Pieces, Settings, agree, distance, entities
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
    count = 0
    for seed in range(10):
        network = model(seed)
        expected: Any = pipeline(
            "token-classification", model=network, tokenizer=cut, aggregation_strategy=aggregation
        )(TEXT)
        encoding = cut(TEXT)[0]
        with torch.no_grad():
            logits_LC = network(torch.tensor([encoding.ids])).logits[0].numpy()
        pieces = Pieces(
            text=TEXT,
            spans_L2=np.asarray(encoding.offsets),
            words_L=np.asarray([-1 if word is None else word for word in encoding.word_ids]),
        )
        found = entities(logits_LC, pieces, Settings(tags=TAGS, aggregation=aggregation))
        assert [(entity.entity_group, entity.start, entity.end) for entity in found] == [
            (item.get("entity_group", item.get("entity")), item["start"], item["end"]) for item in expected
        ]
        assert [entity.score for entity in found] == pytest.approx(
            [float(item["score"]) for item in expected], abs=1e-5
        )
        assert all(entity.word == TEXT[entity.start : entity.end] for entity in found)
        count += len(found)
    assert count > 10


def test_words_that_were_cut_off_count_as_outside() -> None:
    one_hot = np.eye(5, dtype=np.float32)
    outputs = of_logits(ragged.from_rows([one_hot[[0, 1, 2, 0]]], like=one_hot))
    labels_L = np.array([UNLABELLED, 1, 2, UNLABELLED, 3, 4])
    labels = ragged.from_rows([labels_L], like=np.empty(0, np.int64))
    values = evaluate.values(Settings(tags=TAGS), outputs, labels)
    assert values == pytest.approx({"f1": 2 / 3, "precision": 1.0, "recall": 0.5})


def test_models_are_compared_by_the_first_pieces_of_words() -> None:
    """Special tokens and inner pieces carry no answers, and words that were cut off have no logits."""
    logits_LC = 4 * np.eye(5, dtype=np.float32)[[0, 1, 2, 0]]  # [CLS], a word of two pieces, [SEP]
    labels_L = np.array([UNLABELLED, 1, UNLABELLED, UNLABELLED, 3])
    labels = ragged.from_rows([labels_L], like=np.empty(0, np.int64))
    outputs = of_logits(ragged.from_rows([logits_LC], like=logits_LC))
    for token, differs in enumerate((False, True, False, False)):
        other_LC = logits_LC.copy()
        other_LC[token, 4] = 8
        other = of_logits(ragged.from_rows([other_LC], like=logits_LC))
        assert agree(other, outputs, labels).tolist() == [not differs]
        assert (distance(other, outputs, labels) > 0.1) == differs
    unlabelled = ragged.from_rows([np.full(4, UNLABELLED)], like=np.empty(0, np.int64))
    assert agree(outputs, outputs, unlabelled).all()
    assert distance(outputs, outputs, unlabelled) == 0
