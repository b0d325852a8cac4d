"""Words that may be replaced."""

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from distill.augment.words import words_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The film, of course, rocks!", ["film", "course", "rocks"]),
        ("I don't like the director's cut", ["like", "director", "cut"]),
        ("o'clock well-made", ["o'clock", "well", "made"]),
        ("mp3 4th x_1 2020 $5", []),
        ("see https://a.org/b?c or write me@site.org #tag @me <br /> now", ["see", "write", "now"]),
        ("Café naïve cafe\u0301", ["Café", "naïve"]),
        ("我喜欢Python编程3", ["喜", "欢", "Python", "编", "程"]),
        ("", []),
        ("?!", []),
    ],
)
def test_words_that_may_be_replaced(text: str, expected: list[str]) -> None:
    words = words_of(text, "character", keep_function_words=True)
    assert [word.text for word in words] == expected
    assert all(text[word.start : word.end] == word.text for word in words)


def test_function_words_are_replaced_when_asked_for() -> None:
    assert [word.text for word in words_of("not the film", "word", keep_function_words=False)] == ["not", "the", "film"]


@given(st.text(max_size=60))
def test_words_lie_in_their_text_one_after_the_other(text: str) -> None:
    words = words_of(text, "character", keep_function_words=False)
    assert all(text[word.start : word.end] == word.text for word in words)
    assert all(first.end <= second.start for first, second in pairwise(words))


@pytest.mark.usefixtures("dictionary")
def test_chinese_by_words() -> None:
    words = words_of("这电影的故事很好", "word", keep_function_words=True)
    assert [word.text for word in words] == ["电影", "故事", "好"]


def test_chinese_words_need_a_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(InputError, match=r"\.\[chinese\]', or set augmentation.unit to 'character'"):
        words_of("good 电影", "word", keep_function_words=True)
