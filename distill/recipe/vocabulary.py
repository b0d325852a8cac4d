"""The [student.vocabulary] section of a recipe. Torch-free."""

from typing import Annotated

from pydantic import Field

from contract.strict import Strict


class Vocabulary(Strict):
    """The part of the teacher's vocabulary that a student keeps.

    Attributes:
        minimum_count: pieces that are rarer than this in the training sentences and the corpus together are dropped;
            their words are then split into shorter pieces.
        rows: maximum number of pieces; those of the training sentences come first, then those of the corpus, both in
            order of frequency.
        corpus: text file, plain or .gz, one paragraph per line, whose pieces are kept as well, so that fewer unseen
            words are split into small pieces.
        corpus_lines: maximum number of corpus paragraphs to read.
    """

    minimum_count: Annotated[int, Field(ge=1)] = 1
    rows: Annotated[int, Field(ge=1)] | None = None
    corpus: str = ""
    corpus_lines: Annotated[int, Field(ge=1)] = 20_000
