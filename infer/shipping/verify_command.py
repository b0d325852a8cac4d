"""`tinybert verify`: check a folder or archive, and describe it."""

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
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            help="A file of public SSH keys, one of which must have signed it.",
            metavar="KEY.pub",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable output.")] = False,
) -> None:
    """Check that a folder or archive is complete and harmless, and describe it; nothing is unpacked or loaded.

    Every file must have the size and the SHA-256 of the manifest, and no other files are allowed. Refused are symlinks
    and names that lead out of the folder, ONNX models that read other files or use unknown operators, document types in
    OpenVINO models, models without the manifest's inputs and outputs (not read from TFLite), pickles, and archives
    that differ by a byte from what tinybert pack writes.

    Examples:

        tinybert verify onnx-int8.zip

        tinybert verify onnx-int8.zip --key maker.pub

        tinybert verify runs/quickstart/student-1a2b3c4d --json
    """
    from infer.shipping.verify import verify as check

    verified = check(path, key)
    if json:
        typer.echo(json_module.dumps(_values(verified)))
        return
    for label, text in _lines(verified):
        typer.echo(f"{label:<12}{text if text.isprintable() else repr(text)}")


def _values(verified: "Verified") -> dict[str, Any]:
    manifest = verified.manifest.model_dump(mode="json")
    fields = {**manifest, **manifest.get("variant", {})}
    artifact_fields = {key: fields[key] for key in ("runtime", "precision", "target") if key in fields}
    return {
        "path": str(verified.path),
        "kind": verified.kind,
        "sha256": verified.sha256,
        "name": manifest["name"],
        "task": manifest["task"]["kind"],
        **artifact_fields,
        "parents": manifest["parents"],
        "tool_versions": manifest["tool_versions"],
        "files": manifest["files"],
        "left_out": list(verified.left_out),
        "signed": verified.signed,
        "signed_by": verified.signed_by,
        "size_bytes": verified.manifest.size_bytes,
    }


def _lines(verified: "Verified") -> list[tuple[str, str]]:
    values = _values(verified)
    variant = [values[key] for key in ("runtime", "precision") if key in values]
    files = {
        name: entry["size_bytes"] / MIB for name, entry in values["files"].items() if name not in verified.left_out
    }
    tools = [f"{tool} {version}" for tool, version in values["tool_versions"].items()]
    return [
        ("whole", str(verified.path)),
        ("kind", " ".join([verified.kind, *variant])),
        *([("target", values["target"])] if "target" in values else []),
        ("name", f"{values['name']} ({values['task']})"),
        ("SHA-256", verified.sha256),
        # The nearest parent first: in the manifest, a folder follows the folders it was made from.
        *reversed(values["parents"].items()),
        ("made with", ", ".join(tools)),
        *_signature_lines(verified),
        *(("file", f"{size_mib:8.2f} MiB  {name}") for name, size_mib in files.items()),
        *(("left out", name) for name in verified.left_out),
        ("size", f"{sum(files.values()):8.2f} MiB"),
    ]


def _signature_lines(verified: "Verified") -> list[tuple[str, str]]:
    if verified.signed_by is not None:
        return [("signed by", verified.signed_by)]
    return [("signed", "not checked: name the key of whoever made it with --key")] if verified.signed else []
