import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.record import Accuracy
from bench.report import score

COUNTS = st.integers(0, 400)


@st.composite
def accuracies(draw: st.DrawFn) -> Accuracy:
    """Counts that can really occur: pairs of teacher and model, each right or wrong."""
    both, lost, won, neither = (draw(COUNTS) for _ in range(4))
    if both + lost + won + neither == 0:
        both = 1
    right, wrong = both + won, lost + neither
    first = draw(st.integers(0, right))
    missed = draw(st.integers(0, wrong))
    return Accuracy(
        confusion=((first, missed), (wrong - missed, right - first)),
        teacher_right=both + lost,
        both_right=both,
        agrees_with_teacher=both + neither,
        agrees_with_student=None,
    )


def counts_of(confusion: tuple[tuple[int, ...], ...], teacher_right: int = 0, both_right: int = 0) -> Accuracy:
    return Accuracy(
        confusion=confusion,
        teacher_right=teacher_right,
        both_right=both_right,
        agrees_with_teacher=0,
        agrees_with_student=None,
    )


def test_wilson_interval_of_a_textbook_case() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, method 3.
    interval = score.accuracy(counts_of(((81, 182), (0, 0))))
    assert interval.value == pytest.approx(81 / 263)
    assert interval.low == pytest.approx(0.2553, abs=1e-4)
    assert interval.high == pytest.approx(0.3662, abs=1e-4)


def test_scores_by_hand() -> None:
    counts = counts_of(((45, 5), (7, 43)))
    # F1 of the labels is 2*45/(2*45+5+7) and 2*43/(2*43+5+7); Matthews is (45*43-5*7)/sqrt(50*50*52*48).
    assert score.f1_macro(counts) == pytest.approx((90 / 102 + 86 / 98) / 2)
    assert score.matthews(counts) == pytest.approx(1900 / (50 * 50 * 52 * 48) ** 0.5)


def test_three_labels() -> None:
    counts = counts_of(((2, 0, 0), (0, 2, 0), (1, 1, 0)))
    assert score.f1_macro(counts) == pytest.approx((4 / 5 + 4 / 5 + 0) / 3)


@pytest.mark.parametrize("confusion", [((5, 0), (5, 0)), ((10, 0), (0, 0)), ((0, 5), (0, 5))])
def test_matthews_of_a_constant_is_chance(confusion: tuple[tuple[int, ...], ...]) -> None:
    assert score.matthews(counts_of(confusion)) == 0


def test_drop_by_hand() -> None:
    # 200 sentences: the teacher has 180 right, the model 172, both 165: 15 lost and 7 won.
    drop = score.accuracy_drop(counts_of(((86, 14), (14, 86)), teacher_right=180, both_right=165))
    centre = 8 / 202
    reach = 1.959964 * (23 / 202 - centre**2) ** 0.5 / 202**0.5
    assert drop.value == pytest.approx(0.04)
    assert drop.low == pytest.approx(centre - reach)
    assert drop.high == pytest.approx(centre + reach)


@given(accuracies())
def test_intervals_hold_their_value(counts: Accuracy) -> None:
    for interval, floor in ((score.accuracy(counts), 0), (score.accuracy_drop(counts), -1)):
        assert floor <= interval.low <= interval.value + 1e-12
        assert interval.value - 1e-12 <= interval.high <= 1


@given(accuracies())
def test_coefficients_stay_in_their_range(counts: Accuracy) -> None:
    assert 0 <= score.f1_macro(counts) <= 1
    assert -1 - 1e-9 <= score.matthews(counts) <= 1 + 1e-9
