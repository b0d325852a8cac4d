"""The [augmentation] section of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.strict import Strict

TEACHER = "teacher"
Unit = Literal["word", "character"]


class Augmentation(Strict):
    """How new training texts are made from the existing ones.

    Jiao et al., TinyBERT (arXiv 1909.10351), Algorithm 1; the defaults of p, N_a and K are those of its section 4.2.

    Attributes:
        masked_lm: model with a masked-LM head, named like a teacher; `teacher` for the teacher's encoder; empty to take
            the candidates of every word from `neighbours`.
        neighbours: file of word vectors (GloVe or word2vec text) or a .tsv of word pairs, for words that are not a
            single token of the masked LM; empty to leave those words unchanged.
        replace_probability: probability of replacing a word (p).
        samples_per_sentence: texts drawn from each text (N_a); the two texts of a pair are sampled separately.
        candidates: number of most probable or nearest words to draw a replacement from (K).
        unit: unit of replacement in Chinese; other scripts are always replaced word by word.
        keep_function_words: leave articles, pronouns, negations and the like unchanged.
        masked_share: share of a text's tokens masked at a time, as in BERT's training; 0 masks one word at a time, the
            usual reading of Algorithm 1, and takes that many times as long.
        context_tokens: length of the context that the masked LM sees of a longer text, around the words.
        batch_size: masked words per forward pass.
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
    def _has_a_source(self) -> "Augmentation":
        if not self.masked_lm and not self.neighbours:
            raise ValueError("give masked_lm or neighbours")
        return self
