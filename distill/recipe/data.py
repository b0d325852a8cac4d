"""The section [data] of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from contract.strict import Strict

DataFormat = Literal["tsv", "csv", "jsonl", "parquet", "conll", "hub", "generated"]


class Data(Strict):
    """Where the task's sentences are.

    Attributes:
        format: of the files; `conll` has a word and its tag a line, and an empty line after each sentence; `hub` for a
            Hugging Face data set, `generated` for the project's own sentences.
        train, validation: file names below --data, or split names of a hub data set.
        dataset: the hub data set, `name` or `name:configuration`.
        text, text_pair, label: column names; no text_pair for single sentences.
        label_names: in the order of the label numbers; none for regression, whose labels are scores.
        train_rows: train on so many rows, drawn by the recipe's seed, instead of all.
    """

    format: DataFormat
    train: str = "train"
    validation: str = "validation"
    dataset: str = ""
    text: str = "text"
    text_pair: str = ""
    label: str = "label"
    label_names: tuple[str, ...] = ()
    train_rows: Annotated[int, Field(ge=2)] | None = None

    @property
    def is_of_files(self) -> bool:
        """Whether --data has a meaning."""
        return self.format not in ("hub", "generated")

    @field_validator("label_names")
    @classmethod
    def _distinct(cls, label_names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(label_names)) < len(label_names):
            raise ValueError(f"names a label twice: {', '.join(label_names)}")
        return label_names
