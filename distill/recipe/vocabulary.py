"""The section [student.vocabulary] of a recipe. Torch-free."""

from typing import Annotated

from pydantic import Field

from contract.strict import Strict


class Vocabulary(Strict):
    """How much of the teacher's vocabulary a student keeps.

    Attributes:
        minimum_count: pieces that the training sentences and the corpus together have fewer times are dropped, and
            their words split into shorter ones.
        rows: at most so many pieces: those of the training sentences first, then those of the corpus, each the most
            frequent first.
        corpus: a text file, plain or .gz, one paragraph a line, whose pieces are kept beside those of the training
            sentences, so that fewer words never seen fall apart.
        corpus_lines: how many of its paragraphs are read at most.
    """

    minimum_count: Annotated[int, Field(ge=1)] = 1
    rows: Annotated[int, Field(ge=1)] | None = None
    corpus: str = ""
    corpus_lines: Annotated[int, Field(ge=1)] = 20_000
