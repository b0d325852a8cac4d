"""`tinybert verify`: is this folder or archive whole, and what is it."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from infer.shipping.verify import Verified

MIB = 2**20


def verify(
    path: Annotated[
        Path, typer.Argument(help="An artifact, student or teacher folder, or a file of tinybert pack.", metavar="PATH")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable output.")] = False,
) -> None:
    """Check that a folder or archive is whole and harmless, and say what it is; nothing is unpacked or loaded.

    Every file must have the size and the SHA-256 of the manifest, and there may be no other. Refused are symlinks and
    names that lead out, ONNX models that read other files or use unknown operators, document types in OpenVINO models,
    pickles, and archives that are not, to the byte, as tinybert pack writes them.

    Examples:

        tinybert verify onnx-int8.zip

        tinybert verify runs/quickstart/student-1a2b3c4d --json
    """
    from infer.shipping.verify import verify as check

    found = check(path)
    if json:
        typer.echo(json_module.dumps(_values(found)))
        return
    for what, text in _lines(found):
        typer.echo(f"{what:<12}{text if text.isprintable() else repr(text)}")


def _values(found: "Verified") -> dict[str, Any]:
    manifest = found.manifest.model_dump(mode="json")
    known = {**manifest, **manifest.get("variant", {})}
    more = {key: known[key] for key in ("runtime", "precision", "target") if key in known}
    return {
        "path": str(found.path),
        "kind": found.kind,
        "sha256": found.sha256,
        "name": manifest["name"],
        "task": manifest["task"]["kind"],
        **more,
        "parents": manifest["parents"],
        "tool_versions": manifest["tool_versions"],
        "files": manifest["files"],
        "size_bytes": found.manifest.size_bytes,
    }


def _lines(found: "Verified") -> list[tuple[str, str]]:
    values = _values(found)
    what = [values[key] for key in ("runtime", "precision") if key in values]
    files = {name: entry["size_bytes"] / MIB for name, entry in values["files"].items()}
    made = [f"{tool} {version}" for tool, version in values["tool_versions"].items()]
    return [
        ("whole", str(found.path)),
        ("kind", " ".join([found.kind, *what])),
        *([("target", values["target"])] if "target" in values else []),
        ("name", f"{values['name']} ({values['task']})"),
        ("SHA-256", found.sha256),
        # The nearest parent first: what was made from something comes behind it in the manifest.
        *reversed(values["parents"].items()),
        ("made with", ", ".join(made)),
        *(("file", f"{size_mib:8.2f} MiB  {name}") for name, size_mib in files.items()),
        ("size", f"{values['size_bytes'] / MIB:8.2f} MiB"),
    ]
