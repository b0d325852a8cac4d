"""What stands in for files and libraries of words."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

CHARACTERS = "电影故事好坏看很这"


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    file = tmp_path / "pairs.tsv"
    file.write_text("word1\tword2\ngood\tgreat\nfine\tgood\nwalking\tstrolling\nfilm\tmovie\n电影\t影片\n", "utf-8")
    return file


@pytest.fixture
def dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmenter of two words, that knows every two of some characters but those that begin with 很."""
    known = {one + other: 1 for one in CHARACTERS for other in CHARACTERS if one != "很"}
    library = SimpleNamespace(
        cut=lambda text: re.findall("电影|故事|.", text),
        dt=SimpleNamespace(FREQ=known),
        initialize=lambda: None,
        setLogLevel=lambda level: None,
    )
    monkeypatch.setitem(sys.modules, "jieba", library)
