"""`tinybert verify`: what is whole is described; what was changed, added to or made to harm is refused unopened."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.errors import InputError
from contract.folder import SCHEMA_VERSION, identity, inventory, write_manifest
from contract.strict import parse
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, read_artifact
from infer.folders.student import SCHEMA, STUDENT_MANIFEST, TEACHER_MANIFEST, Teacher
from infer.shipping import archive
from infer.shipping.verify import verify

NEWER = SCHEMA_VERSION + 1
Tinybert = Callable[..., tuple[int, str, str]]
Spoil = Callable[[Path], None]


@pytest.fixture
def artifact(artifacts: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "artifact"))


@pytest.fixture(scope="session")
def teacher(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher folder: the student's files under a teacher's manifest."""
    folder = Path(shutil.copytree(student, tmp_path_factory.mktemp("made") / "teacher"))
    student_manifest = json.loads((folder / STUDENT_MANIFEST).read_text())
    (folder / STUDENT_MANIFEST).unlink()
    kept = {key: student_manifest[key] for key in ("key", "parents", "tool_versions", "name", "task")}
    numbers = {key: student_manifest[key] for key in ("max_length_tokens", "parameters", "seed")}
    values = {
        **kept,
        **numbers,
        "schema_version": SCHEMA,
        "files": {name: entry.model_dump() for name, entry in inventory(folder).items()},
        "source": "made up",
        "validation_scores": {},
    }
    write_manifest(folder / TEACHER_MANIFEST, parse(Teacher, values, TEACHER_MANIFEST))
    return folder


def seal(folder: Path, **changes: Any) -> None:
    """Make the manifest fit the files again, as whoever changes files on purpose would."""
    manifest = read_artifact(folder)
    (folder / ARTIFACT_MANIFEST).unlink()
    write_manifest(folder / ARTIFACT_MANIFEST, Artifact(**{**dict(manifest), "files": inventory(folder), **changes}))


def edit(folder: Path, **changes: Any) -> None:
    """Change keys of the manifest as a text editor would."""
    path = folder / ARTIFACT_MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _other_model(folder: Path, name: str) -> None:
    graph = replace(read_artifact(folder).graph, file=name)
    edit(folder, graphs={"model": asdict(graph)})


def rename_in_manifest(folder: Path, name: str) -> None:
    files = json.loads((folder / ARTIFACT_MANIFEST).read_text())["files"]
    edit(folder, files={**files, name: files["model.onnx"]})


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "tflite"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_artifact_is_described(tinybert: Tinybert, artifacts: Path, runtime: str, precision: str) -> None:
    folder = artifacts / f"{runtime}-{precision}"
    manifest = read_artifact(folder)
    code, out, err = tinybert("verify", folder)
    assert (code, err) == (0, "")
    for text in (f"artifact {runtime} {precision}", "laptop-x86-vnni", "made-up (classification)", manifest.graph.file):
        assert text in out
    for sha256 in (identity(folder / ARTIFACT_MANIFEST), *manifest.parents.values()):
        assert sha256 in out
    assert all(f"{tool} {version}" in out for tool, version in manifest.tool_versions.items())


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_json_is_all_of_stdout(tinybert: Tinybert, artifacts: Path, packed: Path, form: str) -> None:
    folder = artifacts / "onnx-int8"
    manifest = read_artifact(folder).model_dump(mode="json")
    path = folder if form == "folder" else packed
    code, out, _ = tinybert("verify", path, "--json")
    assert code == 0
    assert json.loads(out) == {
        "path": str(path),
        "kind": "artifact",
        "sha256": identity(folder / ARTIFACT_MANIFEST),
        "name": "made-up",
        "task": "classification",
        "runtime": "onnx",
        "precision": "int8",
        "target": "laptop-x86-vnni",
        "parents": {"teacher": "1" * 64, "student": manifest["parents"]["student"]},
        "tool_versions": manifest["tool_versions"],
        "files": manifest["files"],
        "left_out": [],
        "signed": False,
        "signed_by": None,
        "size_bytes": sum(path.stat().st_size for path in folder.iterdir())
        - (folder / ARTIFACT_MANIFEST).stat().st_size,
    }


@pytest.mark.parametrize("kind", ["student", "teacher"])
def test_students_and_teachers_are_described(tinybert: Tinybert, request: pytest.FixtureRequest, kind: str) -> None:
    folder = request.getfixturevalue(kind)
    code, out, _ = tinybert("verify", folder, "--json")
    assert code == 0
    description = json.loads(out)
    assert (description["kind"], description["sha256"]) == (kind, identity(folder / f"{kind}.json"))


def test_control_characters_of_a_manifest_do_not_reach_the_terminal(tinybert: Tinybert, artifact: Path) -> None:
    edit(artifact, tool_versions={"evil\x1b[2J": "1"})
    code, out, _ = tinybert("verify", artifact)
    assert code == 0
    assert "\x1b" not in out
    assert "evil\\x1b[2J" in out


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _flip(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)


def _link(folder: Path) -> None:
    (folder / "model.onnx").rename(folder.parent / "model.onnx")
    (folder / "model.onnx").symlink_to(folder.parent / "model.onnx")


def _linked_folder(folder: Path) -> None:
    (folder / "more").symlink_to("/")


def _fifo(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")


def _directory(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").mkdir()


def _many(folder: Path) -> None:
    for number in range(1001):
        (folder / str(number)).touch()


def _sparse(folder: Path) -> None:
    with (folder / "model.onnx").open("r+b") as file:
        file.truncate(2**40)


def _pickle_in_arrays(folder: Path) -> None:
    with (folder / "evaluation.npz").open("wb") as file:
        np.savez(file, token_ids=np.array([{"a": 1}], dtype=object))
    seal(folder)


def _compressed_arrays(folder: Path) -> None:
    np.savez_compressed(folder / "evaluation.npz", token_ids=np.zeros(10_000))
    seal(folder)


def _short_array(folder: Path) -> None:
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)})
    with zipfile.ZipFile(folder / "evaluation.npz", "w") as file:
        file.writestr("token_ids.npy", data.getvalue())
    seal(folder)


def _with(name: str, data: bytes = b"x") -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(data)
        seal(folder)

    return spoil


def _tensor(kind: str, **changes: Any) -> Spoil:
    """Change the first input or output in the manifest."""

    def spoil(folder: Path) -> None:
        graph = asdict(read_artifact(folder).graph)
        graph[kind] = [{**graph[kind][0], **changes}, *graph[kind][1:]]
        edit(folder, graphs={"model": graph})

    return spoil


FOLDERS: list[tuple[str, Spoil, str]] = [
    ("changed", _flip, "model.onnx: its SHA-256 is not the one of its manifest"),
    ("cut", lambda folder: os.truncate(folder / "model.onnx", 9), "model.onnx: has 9 bytes, not the "),
    ("a terabyte", _sparse, "model.onnx: has 1099511627776 bytes, not the "),
    ("missing", lambda folder: (folder / "model.onnx").unlink(), "model.onnx: missing"),
    ("extra", lambda folder: (folder / "x.so").touch(), "extra file that artifact.json does not list: 'x.so'"),
    ("hidden", lambda folder: (folder / ".x").touch(), "extra file that artifact.json does not list: '.x'"),
    ("many", _many, "has more than 1000 files"),
    ("symlink", _link, "model.onnx: is a symlink"),
    ("linked folder", _linked_folder, "more: is a symlink"),
    ("fifo", _fifo, "model.onnx: is not a regular file"),
    ("directory", _directory, "model.onnx: missing"),
    ("no manifest", lambda folder: (folder / ARTIFACT_MANIFEST).unlink(), "has no artifact.json, student.json, "),
    ("parent", lambda folder: rename_in_manifest(folder, "../x"), "'../x' leads out of the folder"),
    ("inner parent", lambda folder: rename_in_manifest(folder, "a/../../x"), "'a/../../x' leads out of the folder"),
    ("absolute", lambda folder: rename_in_manifest(folder, "/etc/passwd"), "'/etc/passwd' leads out of the folder"),
    ("drive", lambda folder: rename_in_manifest(folder, "C:x"), "'C:x' leads out of the folder"),
    ("backslash", lambda folder: rename_in_manifest(folder, "..\\x"), r"'..\\\\x' leads out of the folder"),
    ("itself", lambda folder: rename_in_manifest(folder, ARTIFACT_MANIFEST), "'artifact.json' is in it twice"),
    ("case", lambda folder: rename_in_manifest(folder, "MODEL.onnx"), "'MODEL.onnx' is in it twice"),
    ("dot", lambda folder: rename_in_manifest(folder, "./x"), "'./x' is not a plain file name"),
    ("control", lambda folder: rename_in_manifest(folder, "x\x1b"), r"'x\\x1b' is not a plain file name"),
    ("newer", lambda folder: edit(folder, schema_version=NEWER), "is newer than the . this .*: upgrade tinybert"),
    ("no JSON", lambda folder: write(folder / ARTIFACT_MANIFEST, b"\xff"), "cannot be read as JSON"),
    ("long number", lambda folder: write(folder / ARTIFACT_MANIFEST, b"9" * 5000), "cannot be read as JSON"),
    ("deep", lambda folder: write(folder / ARTIFACT_MANIFEST, b"[" * 10**5), "nested too deeply"),
    ("huge manifest", lambda folder: os.truncate(folder / ARTIFACT_MANIFEST, 2**21), "has more than 1048576 bytes"),
    ("other model", lambda folder: _other_model(folder, "x.onnx"), "its manifest lists no 'x.onnx'"),
    ("other format", lambda folder: _other_model(folder, "tokenizer.json"), "not a model for onnx, whose files end in"),
    ("duplicate key", lambda folder: write(folder / ARTIFACT_MANIFEST, b'{"a": 1, "a": 2}'), "duplicate key 'a'"),
    (
        "no such input",
        _tensor("inputs", name="input_idz"),
        "model.onnx: has no input 'input_idz'; its inputs: input_ids",
    ),
    ("no such output", _tensor("outputs", name="y"), "model.onnx: has no output 'y'; its outputs: logits"),
    ("unknown role", _tensor("inputs", role="input_idz"), "unknown input role 'input_idz', did you mean 'input_ids'"),
    ("unknown axis", _tensor("inputs", axes=["batch", "sorce"]), "unknown axis 'sorce', did you mean 'source'"),
    ("other columns", _tensor("outputs", axes=["batch", 3]), r"the axes \[batch, 3\], the task needs \[batch, 2\]"),
    ("broken tokenizer", _with("tokenizer.json"), "tokenizer.json: not a tokenizer"),
    ("pickle", _with("x.pkl"), "x.pkl: is a pickle, which runs code when it is read"),
    ("weights of PyTorch", _with("pytorch_model.bin"), "pytorch_model.bin: is a pickle"),
    ("pickled array", _pickle_in_arrays, "evaluation.npz: 'token_ids.npy' has pickled objects"),
    ("compressed array", _compressed_arrays, "evaluation.npz: 'token_ids.npy' is compressed"),
    ("array of a petabyte", _short_array, "evaluation.npz: 'token_ids.npy': size does not match its shape"),
    ("no array", _with("evaluation.npz", b"x"), "evaluation.npz: not an archive"),
    ("no model", _with("model.onnx", b"x"), "model.onnx: cannot be read as ONNX"),
]


@pytest.mark.parametrize(("spoil", "message"), [pytest.param(*rest, id=name) for name, *rest in FOLDERS])
def test_a_folder_that_is_not_whole_is_refused(artifact: Path, spoil: Spoil, message: str) -> None:
    spoil(artifact)
    with pytest.raises(InputError, match=message) as caught:
        verify(artifact)
    assert caught.value.exit_code == 2
    assert caught.value.cure
    assert "\n" not in str(caught.value)


ENTITIES = b'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "&b;&b;"><!ENTITY b "ha">]><net>&a;</net>'


@pytest.mark.parametrize(
    ("variant", "name", "data", "message"),
    [
        ("openvino-int8", "model.xml", ENTITIES, "model.xml: has a document type, which can define entities"),
        ("openvino-int8", "model.xml", ENTITIES.decode().encode("utf-16"), "model.xml: has a document type"),
        ("openvino-int8", "model.xml", b"<nets/>", "model.xml: not a network: it begins with the element 'nets'"),
        ("openvino-int8", "model.xml", b"<net>", r"model.xml: cannot be read as XML \(no element found"),
        ("openvino-int8", "model.xml", b"\x08\x08:\x00", "model.xml: cannot be read as XML"),
        ("tflite-int8", "model.tflite", b"\x1c\x00\x00\x00TFL4", "model.tflite: cannot be read as TFLite"),
        ("tflite-int8", "model.tflite", b"", "model.tflite: cannot be read as TFLite"),
    ],
    ids=["entities", "entities in UTF-16", "other root", "cut", "onnx", "other tflite", "empty"],
)
def test_a_hostile_model_is_refused(
    artifacts: Path, tmp_path: Path, variant: str, name: str, data: bytes, message: str
) -> None:
    folder = Path(shutil.copytree(artifacts / variant, tmp_path / variant))
    (folder / name).write_bytes(data)
    seal(folder)
    with pytest.raises(InputError, match=message):
        verify(folder)


def test_a_network_without_its_weights_is_refused(artifacts: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifacts / "openvino-int8", tmp_path / "openvino"))
    (folder / "model.bin").unlink()
    seal(folder)
    with pytest.raises(InputError, match=r"its manifest lists no 'model.bin'"):
        verify(folder)


def test_a_newer_archive_says_upgrade(tinybert: Tinybert, artifact: Path, tmp_path: Path) -> None:
    edit(artifact, schema_version=NEWER, anything="new")
    path = tmp_path / "model.zip"
    sizes_bytes = {file.name: file.stat().st_size for file in artifact.iterdir()}
    with path.open("wb") as target:
        archive.write(target, sizes_bytes, lambda name: (artifact / name).open("rb"))
    code, out, err = tinybert("verify", path)
    assert (code, out) == (2, "")
    assert (
        err == f"error: {path / ARTIFACT_MANIFEST}: layout {NEWER} is newer than the {SCHEMA_VERSION} this tool knows: "
        "upgrade tinybert-edge\n"
    )
