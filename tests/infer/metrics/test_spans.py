"""Metrics of labelled spans, against seqeval's own of all sentences together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score

from infer.metrics.metric import interval
from infer.metrics.spans import F1, PRECISION, RECALL, hits

TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=8)


@pytest.mark.filterwarnings("ignore:.*ill-defined")
@given(SENTENCES)
def test_metrics_are_those_of_seqeval(sentences: list[list[tuple[str, str]]]) -> None:
    right, answers = ([[pair[side] for pair in sentence] for sentence in sentences] for side in (0, 1))
    counts_N3 = hits(right, answers)
    assert PRECISION.value(counts_N3) == pytest.approx(precision_score(right, answers, zero_division=0))
    assert RECALL.value(counts_N3) == pytest.approx(recall_score(right, answers, zero_division=0))
    assert F1.value(counts_N3) == pytest.approx(f1_score(right, answers, zero_division=0))


def test_a_stray_tag_begins_a_span() -> None:
    assert hits([["O", "I-PER"]], [["O", "B-PER"]]).tolist() == [[1, 1, 1]]


def test_sentences_without_spans_have_an_interval() -> None:
    assert interval(F1, hits([["O"], ["B-PER"]], [["O"], ["B-PER"]])).value == 1
