"""Names that a stranger's manifest or record holds: each that becomes part of a path is refused if it is not plain."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import AfterValidator, BaseModel

from bench.record import Record
from contract.errors import InputError
from contract.folder import Manifest
from contract.names import check_file_name, check_slug
from contract.strict import Sha256
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, read_artifact
from infer.folders.student import STUDENT_MANIFEST, TEACHER_MANIFEST, Student, Teacher, read_student, read_teacher
from infer.load import load
from infer.shipping.verify import verify
from tests.bench.report.conftest import make_test_record

Tinybert = Callable[..., tuple[int, str, str]]
LAYOUT_1 = Path(__file__).parent / "infer" / "folders" / "layout_1"
DOCUMENTS = (Artifact, Student, Teacher, Record)

# Strings of these documents that are only shown or compared. One that becomes part of a path must not be here: it needs
# a type of contract/strict.py.
ONLY_SHOWN = {
    *("key", "tool_versions", "tool_versions.key", "task.labels", "task.tags", "task.aggregation"),
    *("graphs.entry", "graphs.inputs.role", "graphs.inputs.name", "graphs.outputs.role", "graphs.outputs.name"),
    *("graphs.inputs.axes", "graphs.outputs.axes", "graphs.lengths.key", "quantization"),
    *("quality.metric", "quality.values.key", "quality.key", "constant.key", "metric"),
    *("source", "validation_scores.key", "shape", "recipe.key", "measured_at", "command", "runtime_version", "causes"),
    *("machine.model", "machine.arch", "machine.isa_features", "machine.governor", "machine.system"),
    *("machine.kernel", "machine.python", "memory.source", "blocks.causes"),
    *("outputs.float32_base64", "statistics.zlib_base64"),
}
CHECKED_BY_ITS_CLASS = {"graphs.file"}
HOSTILE = ("../../../pwned", "/tmp/pwned", "..", "C:\\pwned", "x\x1b[2J", "./x")
NO_SLUG = (*HOSTILE, "a/b", "$(x)", "")


def _strings(annotation: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield the key of each string in a type, with what it is checked as."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is str:
        yield key, "text"
    elif annotation == Sha256:
        yield key, "hash"
    elif origin is Annotated:
        checks = {entry.func for entry in arguments[1:] if isinstance(entry, AfterValidator)}
        kind = "slug" if check_slug in checks else "file" if check_file_name in checks else ""
        yield from [(key, kind)] if kind else _strings(arguments[0], key)
    elif origin is Literal or annotation in (Any, object, NoneType, ...):
        return
    elif origin is None:
        yield from _strings_of_class(annotation, key)
    else:
        is_mapping = isinstance(origin, type) and issubclass(origin, Mapping)
        for place, argument in enumerate(arguments):
            yield from _strings(argument, f"{key}.key" if is_mapping and place == 0 else key)


def _strings_of_class(annotation: type, key: str) -> Iterator[tuple[str, str]]:
    if issubclass(annotation, BaseModel) or is_dataclass(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        for name in annotation.model_fields if issubclass(annotation, BaseModel) else hints:
            yield from _strings(hints[name], f"{key}.{name}".lstrip("."))
    else:
        assert issubclass(annotation, int | float | Enum), annotation


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_string_of_a_document_is_checked_as_a_name_or_known_to_be_only_shown(document: type[BaseModel]) -> None:
    texts = {key for key, kind in _strings(document, "") if kind == "text"}
    assert texts - ONLY_SHOWN - CHECKED_BY_ITS_CLASS == set()


def test_no_string_is_called_only_shown_that_is_not_there() -> None:
    there = {key for document in DOCUMENTS for key, kind in _strings(document, "") if kind == "text"}
    assert ONLY_SHOWN - there <= {"task.aggregation"}


NAMES: dict[type[Manifest], dict[str, Callable[[dict[str, Any], str], Any]]] = {
    Artifact: {
        "name": lambda value, name: value.update(name=name),
        "target": lambda value, name: value.update(target=name),
        "parents.key": lambda value, name: value["parents"].update({name: "0" * 64}),
        "variant.kept_in_float": lambda value, name: value["variant"].update(kept_in_float=[name]),
        "files.key": lambda value, name: value["files"].update({name: value["files"]["evaluation.npz"]}),
        "tokenizers.file": lambda value, name: value["tokenizers"]["source"].update(file=name),
        "graphs.file": lambda value, name: value["graphs"]["model"].update(file=name),
    },
    Student: {
        "name": lambda value, name: value.update(name=name),
        "parents.key": lambda value, name: value["parents"].update({name: "0" * 64}),
        "files.key": lambda value, name: value["files"].update({name: value["files"]["evaluation.npz"]}),
    },
}
NAMES[Teacher] = NAMES[Student]


@pytest.fixture
def folder_of(artifacts: Path, run_folder: Path, tmp_path: Path) -> Callable[[type[Manifest]], tuple[Path, str]]:
    """Copy a folder to spoil; return it with the name of its manifest."""
    made = {
        Artifact: (artifacts / "onnx-int8", ARTIFACT_MANIFEST),
        Student: (run_folder / "student-1", STUDENT_MANIFEST),
        Teacher: (run_folder / "teacher-1", TEACHER_MANIFEST),
    }

    def copy(kind: type[Manifest]) -> tuple[Path, str]:
        folder, manifest = made[kind]
        return Path(shutil.copytree(folder, tmp_path / "folder")), manifest

    return copy


def _spoil(path: Path, change: Callable[[dict[str, Any], str], Any], name: str) -> None:
    value = json.loads(path.read_text())
    change(value, name)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in NAMES.items() for key in keys])
def test_a_hostile_name_in_a_manifest_is_refused(
    folder_of: Callable[[type[Manifest]], tuple[Path, str]], kind: type[Manifest], key: str
) -> None:
    folder, manifest = folder_of(kind)
    read: Any = {Artifact: read_artifact, Student: read_student, Teacher: read_teacher}[kind]
    original = (folder / manifest).read_text()
    for name in HOSTILE if "file" in key else NO_SLUG:
        (folder / manifest).write_text(original)
        _spoil(folder / manifest, NAMES[kind][key], name)
        for door in (read, verify, load):
            with pytest.raises(InputError) as error:
                door(folder)
            assert str(error.value).isprintable(), name


def test_each_name_of_a_manifest_is_tried() -> None:
    for kind, tried in NAMES.items():
        names = {key for key, checked in _strings(kind, "") if checked in ("slug", "file")}
        assert names | (CHECKED_BY_ITS_CLASS if kind is Artifact else set()) == set(tried)


@pytest.mark.parametrize("key", ["session", "name", "runtime", "precision", "target"])
def test_a_hostile_name_in_a_record_is_refused(key: str) -> None:
    value = make_test_record().model_dump(mode="json")
    Record.model_validate_json(json.dumps(value))
    for name in NO_SLUG:
        with pytest.raises(ValueError, match="not a plain name"):
            Record.model_validate_json(json.dumps({**value, key: name}))


@pytest.mark.parametrize(
    ("key", "name"), [("target", "../../../pwned"), ("name", "../pwned"), ("model_file", "../model.onnx")]
)
def test_a_hostile_name_in_layout_1_is_refused(tmp_path: Path, key: str, name: str) -> None:
    folder = Path(shutil.copytree(LAYOUT_1 / "onnx-int8", tmp_path / "onnx-int8"))
    _spoil(folder / ARTIFACT_MANIFEST, lambda value, name: value.update({key: name}), name)
    for door in (read_artifact, verify, load):
        with pytest.raises(InputError):
            door(folder)


def test_bench_writes_nothing_outside_of_out(tinybert: Tinybert, artifacts: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "a" / "b" / "c" / "onnx-int8"))
    plain = (folder / ARTIFACT_MANIFEST).read_text()
    before = sorted(tmp_path.rglob("*"))
    out = tmp_path / "a" / "b" / "c" / "out"
    for key, name in (("target", "../../../pwned"), ("target", str(tmp_path / "pwned")), ("name", "../../pwned")):
        (folder / ARTIFACT_MANIFEST).write_text(json.dumps({**json.loads(plain), key: name}))
        code, _, err = tinybert("bench", folder, "--out", out, "--blocks", "1", "--sentences", "2")
        assert (code, err.count("\n")) == (2, 1), err
        assert f"{key!r}: {name!r} is not a plain name" in err
        assert sorted(tmp_path.rglob("*")) == before
    (folder / ARTIFACT_MANIFEST).write_text(plain)
    code, _, err = tinybert("bench", folder, "--out", out, "--target", "../../pwned")
    assert (code, "--target '../../pwned' is not a plain name" in err) == (2, True), err
    assert sorted(tmp_path.rglob("*")) == before
