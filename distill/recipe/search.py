"""The [search] section of a recipe: the keys that a search may change. Torch-free."""

import json
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from contract.strict import Strict

Scalar = bool | int | float | str
SEARCHABLE = ("student", "stages")


class Dimension(Strict):
    """The values of one key: a range from `low` to `high`, or a list of `choices`.

    Attributes:
        low, high: bounds, inclusive; if both are whole numbers, so are the values.
        log: sample uniformly on a logarithmic scale.
        choices: the values to choose from.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Scalar | tuple[Scalar, ...], ...] = ()

    @model_validator(mode="after")
    def _is_range_or_choices(self) -> "Dimension":
        bounds = (self.low, self.high)
        if bool(self.choices) == (bounds != (None, None)):
            raise ValueError("give either low and high, or choices")
        if not self.choices:
            if self.low is None or self.high is None or self.low > self.high:
                raise ValueError("needs low and high, with low <= high")
            if self.log and self.low <= 0:
                raise ValueError("low must be above 0 if log = true")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def texts(self) -> tuple[str, ...]:
        """The choices in the syntax of --set."""
        return tuple(json.dumps(choice) for choice in self.choices)

    def parameter(self, value: Any) -> str | int | float | None:
        """Return the search parameter for a recipe's value, or None if the value is outside the search space."""
        if self.choices:
            text = json.dumps(value)
            return text if text in self.texts else None
        if not isinstance(value, int | float) or self.low is None or self.high is None:
            return None
        if not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            return None
        return int(value) if self.is_whole else float(value)


class Search(Strict):
    """The search space.

    Attributes:
        space: dimensions by dotted key, such as "stages.0.learning_rate" = { low = 1e-5, high = 1e-3, log = true }.
    """

    space: Annotated[
        dict[str, Dimension],
        Field(min_length=1, examples=['{ "stages.0.learning_rate" = { low = 1e-5, high = 1e-3 } }']),
    ]

    @field_validator("space")
    @classmethod
    def _only_student_keys(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        for key in space:
            # All trials share the data and the teacher: otherwise their scores could not be compared.
            if key.partition(".")[0] not in SEARCHABLE:
                raise ValueError(f"{key!r} cannot be searched, only keys of {' and '.join(SEARCHABLE)}")
        return space
