"""The [soup] section of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field

from contract.strict import Strict


class Soup(Strict):
    """Students with the same start whose weights are averaged (Wortsman et al., Model soups, arXiv 2203.05482).

    Attributes:
        students: number of students, each trained with a different data order and dropout.
        kind: `uniform` averages all students; `greedy` only those that do not lower the score on rows held out of the
            training split, which are then not trained on.
    """

    students: Annotated[int, Field(ge=2, examples=["3"])]
    kind: Literal["uniform", "greedy"] = "uniform"
