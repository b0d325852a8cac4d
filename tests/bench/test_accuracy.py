import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bench.accuracy import correlate, judge
from contract.errors import InputError

Labels = NDArray[np.int64]

SIZE = 40
LABELS = arrays(np.int64, SIZE, elements=st.integers(0, 2))


def logits_of(labels_N: Labels) -> NDArray[np.float32]:
    logits_NC: NDArray[np.float32] = np.eye(3, dtype=np.float32)[labels_N]
    return logits_NC


@given(true_N=LABELS, model_N=LABELS, teacher_N=LABELS, student_N=LABELS)
def test_counts_are_what_counting_gives(true_N: Labels, model_N: Labels, teacher_N: Labels, student_N: Labels) -> None:
    found = judge(logits_of(model_N), true_N, logits_of(teacher_N), logits_of(student_N))
    assert found.total == SIZE
    assert found.right == sum(model_N == true_N)
    assert found.teacher_right == sum(teacher_N == true_N)
    assert found.both_right == sum((model_N == true_N) & (teacher_N == true_N))
    assert found.agrees_with_teacher == sum(model_N == teacher_N)
    assert found.agrees_with_student == sum(model_N == student_N)
    for label in range(3):
        assert sum(found.confusion[label]) == sum(true_N == label)
        assert sum(row[label] for row in found.confusion) == sum(model_N == label)


def test_a_teacher_has_no_student_to_agree_with() -> None:
    labels_N = np.array([0, 1, 2])
    assert judge(logits_of(labels_N), labels_N, logits_of(labels_N)).agrees_with_student is None


def test_scores_are_correlated() -> None:
    generator = np.random.default_rng(0)
    true_N = generator.normal(size=SIZE).astype(np.float32)
    teacher_N1 = (true_N + 0.1)[:, None]
    model_N1 = -true_N[:, None]
    found = correlate(model_N1, true_N, teacher_N1, model_N1)
    assert found.total == SIZE
    assert [found.pearson.value, found.spearman.value] == pytest.approx([-1, -1])
    assert [found.pearson_drop.value, found.pearson_teacher, found.pearson_student] == pytest.approx([2, -1, 1])
    assert found.rmse.value == pytest.approx(2 * np.sqrt(np.mean(true_N**2)), rel=1e-6)
    assert correlate(teacher_N1, true_N, teacher_N1).pearson_student is None


@pytest.mark.parametrize(
    ("logits_NC", "message"),
    [
        (np.zeros((2, 3), np.float32), "2 labels|3 labels"),
        (np.zeros((3, 2), np.float32), "outputs of shape"),
        (np.full((3, 3), np.nan, np.float32), "not all finite"),
    ],
)
def test_outputs_of_something_else_are_refused(logits_NC: NDArray[np.float32], message: str) -> None:
    labels_N = np.array([0, 1, 2])
    with pytest.raises(InputError, match=message):
        judge(logits_NC, labels_N, logits_of(labels_N))
    with pytest.raises(InputError, match=message):
        correlate(logits_NC, labels_N, logits_of(labels_N))
