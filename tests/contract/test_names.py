"""Names that become parts of a path: plain ones are taken, all others refused before anything is written."""

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.names import LIMIT_CHARACTERS, check_file_name, check_slug, slug_of

LEADING_OUT = ("../x", "../../../x", "a/../../x", "/etc/x", "C:x", "C:\\x", "..\\x", "\\\\host\\x", "..")


@pytest.mark.parametrize("name", ["sst2", "laptop-x86", "a.b+c", "新闻", "_x", "20261124T033234Z-87fda4de", "é"])
def test_a_plain_name_is_taken_and_stays_as_it_is(name: str) -> None:
    assert check_slug(name) == slug_of(name) == name


@pytest.mark.parametrize("name", [*LEADING_OUT, "", ".", ".x", "-x", "x.", "a/b", "a b", "a\n", "x;y", "$x", "\x1b[2J"])
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a plain name"):
        check_slug(name)
    check_slug(slug_of(name))


def test_a_long_name_is_refused_in_a_short_line() -> None:
    with pytest.raises(ValueError, match="has more than 100 characters") as error:
        check_slug("x" * 10**6)
    assert len(str(error.value)) < 2 * LIMIT_CHARACTERS


@pytest.mark.parametrize("name", ["model.onnx", "sub/model.bin", ".hidden", "a b", "seq{source}"])
def test_the_path_of_a_file_in_its_folder_is_taken(name: str) -> None:
    assert check_file_name(name) == name


@pytest.mark.parametrize("name", [*LEADING_OUT, "./x", "a//b", "x/", "", ".", "x\x1b", "x\0", "x\u202ey"])
def test_the_path_of_another_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"leads out of the folder|is not a plain file name"):
        check_file_name(name)


@given(st.text(max_size=300))
def test_any_text_has_a_plain_name(text: str) -> None:
    name = check_slug(slug_of(text))
    assert PurePosixPath(name).parts == PureWindowsPath(name).parts == (name,)
    assert Path("out", name).resolve().parent == Path("out").resolve()
