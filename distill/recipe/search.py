"""What a search may change of a recipe: its section [search]. Torch-free."""

import json
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from contract.strict import Strict

Scalar = bool | int | float | str
SEARCHABLE = ("student", "stages")


class Dimension(Strict):
    """The values of one key: between `low` and `high`, whole numbers where both are, or one of `choices`.

    Attributes:
        low, high: both are in it.
        log: draw the logarithm evenly.
        choices: the values themselves.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Scalar | tuple[Scalar, ...], ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> "Dimension":
        bounds = (self.low, self.high)
        if bool(self.choices) == (bounds != (None, None)):
            raise ValueError("give either low and high, or choices")
        if not self.choices:
            if self.low is None or self.high is None or self.low > self.high:
                raise ValueError("needs a low and a high that is not below it")
            if self.log and self.low <= 0:
                raise ValueError("low must be above 0 where log = true")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def texts(self) -> tuple[str, ...]:
        """The choices as --set takes them."""
        return tuple(json.dumps(choice) for choice in self.choices)

    def parameter(self, value: Any) -> str | int | float | None:
        """Return a recipe's value as a search knows it, None where it is not among those searched."""
        if self.choices:
            text = json.dumps(value)
            return text if text in self.texts else None
        if not isinstance(value, int | float) or self.low is None or self.high is None:
            return None
        if not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            return None
        return int(value) if self.is_whole else float(value)


class Search(Strict):
    """What a search may change.

    Attributes:
        space: values by dotted key, such as "stages.0.learning_rate" = { low = 1e-5, high = 1e-3, log = true }.
    """

    space: Annotated[dict[str, Dimension], Field(min_length=1)]

    @field_validator("space")
    @classmethod
    def _of_the_student(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        for key in space:
            # Data and teacher are the same for every trial, or their scores could not be compared.
            if key.partition(".")[0] not in SEARCHABLE:
                raise ValueError(f"{key!r} cannot be searched, only keys of {' and '.join(SEARCHABLE)}")
        return space
