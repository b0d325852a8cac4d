"""The section [soup] of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field

from contract.strict import Strict


class Soup(Strict):
    """Several students of one start, whose weights are averaged to one (Wortsman et al., Model soups, 2203.05482).

    Attributes:
        students: how many are trained, each with its own order and dropout.
        kind: `uniform`, the mean of all; `greedy`, of those that do not lower the score on rows held out of the
            training split, which are then not trained on.
    """

    students: Annotated[int, Field(ge=2)]
    kind: Literal["uniform", "greedy"] = "uniform"
