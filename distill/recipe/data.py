"""The [data] section of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from contract.strict import Strict
from distill.data.labels import composed

DataFormat = Literal["tsv", "csv", "jsonl", "parquet", "conll", "hub", "generated"]


class Data(Strict):
    """The source of the task's sentences.

    Attributes:
        format: file format; `conll` has one word and its tag per line and an empty line after each sentence. `hub`
            reads a Hugging Face data set, `generated` uses the project's synthetic sentences.
        train, validation: file names inside --data or beside the recipe, or split names of a hub data set; without
            `validation`, a tenth of the training rows is held out.
        dataset: hub data set, `name` or `name:configuration`.
        text, text_pair, label: column names; leave text_pair empty for single sentences.
        label_names: names in the order of the label numbers; empty for regression, whose labels are scores.
        train_rows: number of training rows to draw with the recipe's seed; by default all are used.
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
    def reads_files(self) -> bool:
        """Whether the data comes from files in --data."""
        return self.format not in ("hub", "generated")

    @field_validator("label_names")
    @classmethod
    def _distinct(cls, label_names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(map(composed, label_names))) < len(label_names):
            raise ValueError(f"duplicate label: {', '.join(label_names)}")
        return label_names
