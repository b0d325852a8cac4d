"""Documents are read strictly, and each error names the key."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from contract.errors import InputError, near_miss
from contract.strict import Strict, parse, parse_json, read_json, read_toml


class Leaf(Strict):
    size_bytes: int
    share: float = 0.5


class Root(Strict):
    name: str
    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = Field(default={})
    lengths: dict[int, str] = Field(default={})


GOOD: dict[str, Any] = {"name": "a", "leaf": {"size_bytes": 1}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nane": "b"}, "file: unknown key 'nane', did you mean 'name'?"),
        ({"zzzz": "b"}, "file: unknown key 'zzzz'"),
        ({"leaf": {"size_byte": 1}}, "file: unknown key 'leaf.size_byte', did you mean 'size_bytes'?"),
        ({"leaf": {}}, "file: missing key 'leaf.size_bytes'"),
        (
            {"lengths": {"x": "y"}},
            "file: 'lengths.x': Input should be a valid integer, unable to parse string as an integer",
        ),
        ({"leaf": {"size_bytes": 1, "shares": 1.0}}, "file: unknown key 'leaf.shares', did you mean 'share'?"),
        (
            {"leaves": [{"size_bytes": 1}, {"size_bytes": 1, "shere": 1}]},
            "file: unknown key 'leaves.1.shere', did you mean 'share'?",
        ),
        (
            {"by_name": {"x": {"size_bytes": 1, "shar": 1}}},
            "file: unknown key 'by_name.x.shar', did you mean 'share'?",
        ),
        ({"name": 3}, "file: 'name': Input should be a valid string"),
        ({"leaf": {"size_bytes": "1"}}, "file: 'leaf.size_bytes': Input should be a valid integer"),
        ({"leaf": {"size_bytes": True}}, "file: 'leaf.size_bytes': Input should be a valid integer"),
        ({"leaf": {"size_bytes": 1.5}}, "file: 'leaf.size_bytes': Input should be a valid integer"),
        ({"leaf": {"size_bytes": 1, "share": float("nan")}}, "file: 'leaf.share': Input should be a finite number"),
    ],
)
def test_a_fault_is_named_by_its_dotted_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        parse(Root, {**GOOD, **changes}, "file")
    assert str(error.value) == message


def test_a_good_document_is_frozen() -> None:
    root = parse(Root, GOOD, "file")
    assert root == Root(name="a", leaf=Leaf(size_bytes=1))
    with pytest.raises(ValueError, match="frozen"):
        root.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": ' + "[" * 100 + "]" * 100 + "}", r"cannot be read as JSON \(nested too deeply\)"),
        ('{"name": "a", "name": "b"}', r"cannot be read as JSON \(duplicate key 'name'\)"),
        ('{"leaves": [{"size_bytes": 1, "size_bytes": 2}]}', r"cannot be read as JSON \(duplicate key 'size_bytes'\)"),
        ('{"name": "a", "leaf": {"size_bytes": 1, "share": 1e400}}', "leaf.share"),
        ('{"name": "a", "leaf": {"size_bytes": 1, "share": NaN}}', "leaf.share"),
        ("[1]", "should be an object"),
        ("null", "should be an object"),
    ],
)
def test_no_json_text_is_more_than_an_input_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "document.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_json(path, Root)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"name = ", r"cannot be read as TOML \(Invalid value"),
        (b"\xff\xfe", "cannot be read as TOML"),
        (b"name = 'a'\nname = 'b'", "cannot be read as TOML"),
        (b"name = " + b"[" * 100_000, r"cannot be read as TOML \(nested too deeply\)"),
        (b"name = 'a'", "missing key 'leaf'"),
        (b"name = 2026-11-24\nleaf = { size_bytes = true }", "leaf.size_bytes"),
    ],
)
def test_no_toml_text_is_more_than_an_input_error(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "document.toml"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_toml(path, Root)


@pytest.mark.parametrize("read", [read_toml, read_json])
def test_a_huge_file_is_not_read(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "document"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError) as error:
        read(path, Root)
    assert str(error.value) == f"{path}: has more than 67108864 bytes: check that it is the right file"


def test_depth_up_to_the_limit_is_read() -> None:
    text = b"[" * 100 + b"]" * 100
    assert parse_json(text, "file")
    with pytest.raises(InputError, match="nested too deeply"):
        parse_json(b"[" + text + b"]", "file")


@pytest.mark.parametrize("read", [read_toml, read_json])
def test_a_missing_file_is_named(tmp_path: Path, read: Any) -> None:
    with pytest.raises(InputError, match=r"nowhere.*No such file"):
        read(tmp_path / "nowhere", Root)


def test_only_a_near_miss_is_suggested() -> None:
    assert near_miss("onxn", ["onnx", "tflite"]) == ", did you mean 'onnx'?"
    assert near_miss("torch", ["onnx", "tflite"]) == ""
