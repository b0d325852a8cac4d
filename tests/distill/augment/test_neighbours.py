"""Neighbours of words, from vectors or pairs."""

from pathlib import Path

import pytest

from contract.errors import InputError
from distill.augment import neighbours

VECTORS = ["good 1 0", "Good 1 0.01", "fine 0.9 0.1", "dull -1 0", "poor -1 0.1", "film 0 1", "9 0 0"]


@pytest.mark.parametrize("head", [[], ["7 2"]], ids=["GloVe", "word2vec"])
def test_neighbours_by_vectors(tmp_path: Path, head: list[str]) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("\n".join(head + VECTORS) + "\n", encoding="utf-8")
    nearest = neighbours.read(file, {"good", "dull", "absent"}, 2)
    assert nearest == {"good": ("fine", "film"), "dull": ("poor", "film")}


def test_neighbours_by_pairs(pairs_file: Path) -> None:
    assert neighbours.read(pairs_file, {"good", "great", "absent"}, 1) == {
        "good": ("great", "fine"),
        "great": ("good",),
    }


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("pairs.tsv", b"word1\tword2\ngood\n", r"pairs.tsv:2: not two words"),
        ("pairs.tsv", b"word1\tword2\ngood\t\n", r"pairs.tsv:2: not two words"),
        ("vectors.txt", b"good 1 x\n", r"vectors.txt:1: not a word and its vector"),
        ("vectors.txt", b"good 1 2\nbad 1\n", r"vectors.txt:2: 1 numbers, but the first word has 2"),
        ("vectors.txt", b"", r"contains no word vectors"),
        ("vectors.txt", b"\xff\xfe", r"not UTF-8"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes, fault: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=fault):
        neighbours.read(tmp_path / name, {"good"}, 3)
