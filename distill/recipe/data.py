"""The [data] section of a recipe. Torch-free."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from contract.strict import Strict, missing
from distill.data.labels import composed
from distill.data.suffixes import format_of

DataFormat = Literal["tsv", "csv", "jsonl", "parquet", "conll", "hub", "generated"]


class Data(Strict):
    """The source of the task's sentences.

    Attributes:
        format: file format; `conll` has one word and its tag per line and an empty line after each sentence. `hub`
            reads a Hugging Face data set, `generated` uses the project's synthetic sentences.
            By default the format that the suffix of `train` says, or `hub` with a `dataset`.
        train: name of a file inside --data or beside the recipe, which must be given, or a split of a hub data set.
        validation: the same, of the rows to judge on; empty to hold out a tenth of the training rows, which is the
            default of files.
        dataset: hub data set, `name` or `name:configuration`.
        text: column of the texts, or of the lists of words.
        text_pair: column of the second texts of pairs; empty for single texts.
        label: column of the labels, or of the lists of tags.
        label_names: names in the order of the label numbers; empty for regression, whose labels are scores.
            By default those in the training rows, in the order of a teacher that is trained for them.
        train_rows: number of training rows to draw with the recipe's seed; by default all are used.
    """

    format: DataFormat = "csv"
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

    @model_validator(mode="after")
    def _fills_in(self) -> "Data":
        """Set the defaults that depend on other keys; they stay unset keys, so that they follow when those change."""
        if "format" not in self.model_fields_set:
            self.__dict__["format"] = self._format()
        if self.reads_files and "validation" not in self.model_fields_set:
            self.__dict__["validation"] = ""
        return self

    def _format(self) -> str:
        if self.dataset:
            return "hub"
        if "train" not in self.model_fields_set:
            raise missing("train", '"train.csv"')
        found = format_of(Path(self.train))
        if found is None:
            raise missing("format", '"csv"')
        return found

    @field_validator("label_names")
    @classmethod
    def _distinct(cls, label_names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(map(composed, label_names))) < len(label_names):
            raise ValueError(f"duplicate label: {', '.join(label_names)}")
        return label_names
