"""The generated sentences: reproducible, distinct, balanced, and too hard for a bag of words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from distill.data.dataset import GENERATED_ROWS
from distill.data.generated import UNSEEN_BAD, UNSEEN_GOOD, generate
from distill.data.rows import Rows


@pytest.fixture(scope="module")
def splits() -> dict[str, Rows]:
    return generate(GENERATED_ROWS, seed=7)


def test_no_sentence_occurs_twice(splits: dict[str, Rows]) -> None:
    texts = [text for rows in splits.values() for text in rows.texts]
    assert len(texts) == len(set(texts)) == 5_000


def test_training_sentences_contain_no_unseen_opinion(splits: dict[str, Rows]) -> None:
    words = {word for text in splits["train"].texts for word in text.split()}
    assert not words & {*UNSEEN_GOOD, *UNSEEN_BAD}


@pytest.mark.parametrize("ngrams", [(1, 1), (1, 2)])
def test_a_bag_of_words_scores_low(splits: dict[str, Rows], ngrams: tuple[int, int]) -> None:
    vectorizer = CountVectorizer(ngram_range=ngrams)
    train, validation = splits["train"], splits["validation"]
    bag = LogisticRegression(max_iter=2_000).fit(vectorizer.fit_transform(train.texts), train.labels_N)
    assert bag.score(vectorizer.transform(validation.texts), validation.labels_N) < 0.75


@given(seed=st.integers(0, 1_000), count=st.integers(2, 60))
@settings(max_examples=20)
def test_same_seed_same_sentences_half_of_each_label(seed: int, count: int) -> None:
    first, second = (generate({"train": count, "validation": count}, seed) for _ in range(2))
    assert first["validation"].texts == second["validation"].texts
    assert abs(2 * int(first["train"].labels_N.sum()) - count) <= 1
