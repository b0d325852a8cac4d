"""`tinybert pack`: pack an artifact folder into one file."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer


def pack(
    artifact: Annotated[Path, typer.Argument(help="An artifact folder, as `tinybert convert` writes it.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; it may replace an older one of this command.")],
    with_evaluation: Annotated[
        bool,
        typer.Option(
            "--with-evaluation/--without-evaluation",
            help="Include the sentences that `tinybert bench` measures; they can be read as text.",
        ),
    ] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="An SSH key to sign it with.", metavar="KEY", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable output.")] = False,
) -> None:
    """Pack an artifact into one ZIP file for a device; the same artifact gives the same bytes.

    The artifact is verified before it is packed, and the file before it replaces an older one. Left out are the
    sentences that only a measurement needs: they are your validation data, and can be read as text.

    Examples:

        tinybert pack runs/quickstart/artifacts/student-1a2b3c4d/raspberry-pi-5/onnx-int8 --out onnx-int8.zip

        tinybert pack onnx-int8 --out onnx-int8.zip --with-evaluation

        tinybert pack onnx-int8 --out onnx-int8.zip --sign ~/.ssh/id_ed25519
    """
    from infer.shipping.pack import pack as write

    packed = write(artifact, out, with_evaluation=with_evaluation, key=sign)
    if json:
        value = {
            "archive": str(packed.path),
            "sha256": packed.sha256,
            "size_bytes": packed.size_bytes,
            "artifact_sha256": packed.artifact.sha256,
        }
        typer.echo(json_module.dumps(value))
        return
    typer.echo(f"SHA-256 of the artifact {packed.artifact.sha256}")
    typer.echo(f"SHA-256 of the file     {packed.sha256}")
    typer.echo(str(packed.path))
