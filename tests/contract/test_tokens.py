"""Ragged tokens travel and are padded without loss."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from contract.tokens import Tokens, from_rows, read_tokens, write_tokens

PAIRS = st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 1)), max_size=20)
SENTENCES = st.lists(PAIRS, max_size=12)


def tokens_of(sentences: list[list[tuple[int, int]]]) -> Tokens:
    ids = [[token for token, _ in sentence] for sentence in sentences]
    types = [[kind for _, kind in sentence] for sentence in sentences]
    return from_rows(ids, types)


def sentences_of(tokens: Tokens) -> list[list[tuple[int, int]]]:
    spans = [slice(*tokens.offsets[row : row + 2]) for row in range(len(tokens))]
    return [list(zip(tokens.ids_T[span].tolist(), tokens.types_T[span].tolist(), strict=True)) for span in spans]


@given(SENTENCES)
def test_rows_come_back(sentences: list[list[tuple[int, int]]]) -> None:
    tokens = tokens_of(sentences)
    assert sentences_of(tokens) == sentences
    assert tokens.lengths.tolist() == [len(sentence) for sentence in sentences]
    assert [tokens.row_ids(row).tolist() for row in range(len(tokens))] == [
        [token for token, _ in sentence] for sentence in sentences
    ]


@given(SENTENCES, st.data())
def test_taken_rows_come_in_the_order_asked_for(sentences: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(range(len(sentences))), max_size=8)) if sentences else []
    assert sentences_of(tokens_of(sentences).take(rows)) == [sentences[row] for row in rows]


@given(SENTENCES.filter(bool), st.integers(0, 5))
def test_a_batch_is_the_sentences_and_padding(sentences: list[list[tuple[int, int]]], more: int) -> None:
    longest = max(map(len, sentences))
    batch = tokens_of(sentences).batch(range(len(sentences)), longest + more, pad_id=7)
    for arrays in zip(batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL, sentences, strict=True):
        ids, mask, types, sentence = arrays
        padding = longest + more - len(sentence)
        assert ids.tolist() == [token for token, _ in sentence] + [7] * padding
        assert mask.tolist() == [1] * len(sentence) + [0] * padding
        assert types.tolist() == [kind for _, kind in sentence] + [0] * padding


def test_a_sentence_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a sentence of 3 tokens does not fit 2"):
        from_rows([[1, 2, 3]], [[0, 0, 0]]).batch([0], 2)


@given(SENTENCES)
def test_a_file_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[tuple[int, int]]]
) -> None:
    path = tmp_path_factory.mktemp("tokens") / "evaluation.npz"
    labels = np.arange(len(sentences))
    write_tokens(path, tokens_of(sentences), labels=labels)
    tokens, arrays = read_tokens(path)
    assert sentences_of(tokens) == sentences
    assert list(arrays) == ["labels"]
    assert arrays["labels"].tolist() == labels.tolist()


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("was executed",))


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, token_ids=np.array([Payload()], dtype=object), token_types=[0], offsets=[0, 1])
    with pytest.raises(InputError, match="cannot be read as tokens"):
        read_tokens(path)
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(InputError, match=r"not an \.npz"):
        read_tokens(path)


def test_a_missing_or_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.npz"
    with pytest.raises(InputError, match="No such file"):
        read_tokens(path)
    write_tokens(path, from_rows([[1, 2]], [[0, 0]]))
    data = path.read_bytes()
    for length in (0, 2, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="cannot be read as tokens"):
            read_tokens(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("token_ids.npy", b"garbage")
    with pytest.raises(InputError, match="cannot be read as tokens"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("types", "offsets", "message"),
    [
        ([0, 0], [0, 3], "as many types as ids"),
        ([0, 0, 0], [0, 2], "do not span"),
        ([0, 0, 0], [1, 3], "do not span"),
        ([0, 0, 0], [0, 2, 1, 3], "do not span"),
        ([0, 0, 0], [], "do not span"),
    ],
)
def test_offsets_that_lie_are_refused(tmp_path: Path, types: list[int], offsets: list[int], message: str) -> None:
    path = tmp_path / "evaluation.npz"
    np.savez(path, token_ids=[1, 2, 3], token_types=types, offsets=offsets)
    with pytest.raises(InputError, match=message):
        read_tokens(path)


def test_other_arrays_are_not_tokens(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, something=[1])
    with pytest.raises(InputError, match="token_ids"):
        read_tokens(path)
