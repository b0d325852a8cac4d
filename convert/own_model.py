"""A model that the user names for conversion: a student folder, or a finished classifier that is made into one."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Labelled rows for a classifier that was not distilled here: a file, a folder, or a data set of the hub.",
    ),
]
TextOption = Annotated[str | None, typer.Option("--text", help="With --data: column of the texts.")]
TextPairOption = Annotated[
    str | None, typer.Option("--text-pair", help="With --data: column of the second texts of pairs.")
]
LabelOption = Annotated[str | None, typer.Option("--label", help="With --data: column of the labels.")]
LengthOption = Annotated[
    int | None,
    typer.Option(
        "--max-length-tokens",
        min=8,
        max=512,
        help="With --data: length to cut texts at.  \\[default: one that all texts fit in]",
    ),
]


class Rows(NamedTuple):
    """Where the labelled rows of a classifier are, as the options of a command say."""

    data: str | None
    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    max_length_tokens: int | None = None


def student_of(model: Path, rows: Rows) -> Path:
    """Return the student folder of a model; of a finished classifier one is made, without training.

    Args:
        model: a student folder, or a classifier: its folder, or its name on the hub.
        rows: its labelled rows; none for a student folder, which has its own.

    Raises:
        InputError: the model or the rows are missing or cannot be used, or a student folder is given rows.
    """
    from contract.errors import InputError
    from infer.folders.student import STUDENT_MANIFEST

    is_student = (model / STUDENT_MANIFEST).is_file()
    if rows.data is None:
        if any(value is not None for value in rows):
            raise InputError("--text, --text-pair, --label and --max-length-tokens describe --data", "give --data")
        if not is_student and (model / "config.json").is_file():
            raise InputError(
                f"{model}: no {STUDENT_MANIFEST}, so not distilled here",
                "to convert it as it is, give labelled rows, by which its accuracy is measured: --data dev.csv",
            )
        return model
    if is_student:
        raise InputError(f"{model}: a student folder has its own rows", "leave --data out")
    return _adopt(str(model), rows, rows.data)


def _adopt(model: str, rows: Rows, data: str) -> Path:
    from contract.errors import require
    from contract.progress import note
    from distill.adopt import head as heads
    from distill.adopt import rows as own_rows
    from distill.model import source
    from distill.silence import silence_libraries

    silence_libraries()
    require("torch", "transformers", "accelerate", "sklearn", extra="distill")
    # All that can be refused without torch comes first, as importing that takes seconds.
    encoder = source.locate(model)
    head = heads.read(encoder.folder, model)
    read = own_rows.read(data, head, own_rows.Named(text=rows.text, text_pair=rows.text_pair, label=rows.label))
    from distill.adopt.adopt import adopt, name_of

    folder = adopt(encoder, head, read, max_length_tokens=rows.max_length_tokens, out=Path("runs") / name_of(model))
    note(f"{model} as a student folder: {folder}")
    return folder
