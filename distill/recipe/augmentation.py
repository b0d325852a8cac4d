"""The section [augmentation] of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.strict import Strict

TEACHER = "teacher"
Unit = Literal["word", "character"]


class Augmentation(Strict):
    """How new training texts are made from those there are.

    Jiao et al., TinyBERT (arXiv 1909.10351), Algorithm 1; the three numbers are those of its section 4.2.

    Attributes:
        masked_lm: a model with a masked-LM head, named as a teacher is; `teacher` for the teacher's own encoder; empty
            for none, and then every word takes its candidates from `neighbours`.
        neighbours: a file of word vectors (GloVe or word2vec text) or a .tsv of word pairs, for the words that the
            masked LM has no single token for; empty to leave those as they are.
        replace_probability: of each word (p).
        samples_per_sentence: texts drawn from each text (N_a); each text of a pair is drawn from on its own.
        candidates: most probable or nearest words a replacement is drawn from (K).
        unit: what is replaced in Chinese; other scripts are always replaced by words.
        keep_function_words: leave articles, pronouns, negations and the like as they are.
        masked_share: of a text's tokens that are masked at a time, as BERT was trained; 0 masks one word at a time, as
            Algorithm 1 is mostly read, and takes so many times as long.
        context_tokens: what the masked LM sees of a longer text, around the words.
        batch_size: masked words a forward pass.
    """

    masked_lm: str = TEACHER
    neighbours: str = ""
    replace_probability: Annotated[float, Field(gt=0, le=1)] = 0.4
    samples_per_sentence: Annotated[int, Field(ge=1, le=1000)] = 20
    candidates: Annotated[int, Field(ge=1, le=1000)] = 15
    unit: Unit = "word"
    keep_function_words: bool = True
    masked_share: Annotated[float, Field(ge=0, le=0.5)] = 0.15
    context_tokens: Annotated[int, Field(ge=32, le=512)] = 128
    batch_size: Annotated[int, Field(ge=1)] = 128

    @model_validator(mode="after")
    def _some_source(self) -> "Augmentation":
        if not self.masked_lm and not self.neighbours:
            raise ValueError("give masked_lm or neighbours")
        return self
