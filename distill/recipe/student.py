"""The section [student] of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.strict import Strict
from distill.recipe.shape import Shape
from distill.recipe.vocabulary import Vocabulary

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class StudentRecipe(Strict):
    """The student's shape and start; give `layers`, `preset` or `shape`.

    Attributes:
        layers: teacher layers to start from, from 0; alone, the student has the teacher's width and a copy of these.
        preset: a named shape.
        shape: a free shape.
        start: `copied` from teacher layers; `narrowed`, copied from teacher layers cut to the shape's width by what is
            most important there; `general`, from the general distillation of the recipe's section; `random`.
            By default copied for `layers` alone, general where the recipe has such a section, else random.
        mapping: which teacher layers it learns from: a strategy, or one teacher layer for each of its own;
            by default those it is copied from, else uniform.
        seed: of the student alone, in place of the recipe's, to train several of one teacher.
        vocabulary: keep the word pieces that the training sentences, and perhaps a corpus, need, and no others.
        cut_positions: give it positions for the recipe's max_length_tokens alone.
        embedding_width: of a factorised embedding, projected to the student's width.
        convolution_layers: layers, from 0, with a depthwise-separable convolution in place of attention.
        convolution_kernel: how many tokens one of these sees.
        pooled_after: layers after which each two tokens become one, [CLS] apart.
    """

    layers: tuple[int, ...] = ()
    preset: str = ""
    shape: Shape | None = None
    start: Literal["copied", "narrowed", "general", "random"] | None = None
    mapping: Literal["uniform", "top", "bottom", "last"] | tuple[int, ...] | None = None
    seed: Seed | None = None
    vocabulary: Vocabulary | None = None
    cut_positions: bool = False
    embedding_width: Annotated[int, Field(ge=1)] | None = None
    convolution_layers: tuple[int, ...] = ()
    convolution_kernel: Annotated[int, Field(ge=1)] = 7
    pooled_after: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _one_shape(self) -> "StudentRecipe":
        if sum(map(bool, (self.preset, self.shape))) > 1 or not (self.layers or self.preset or self.shape):
            raise ValueError("give either layers, preset or shape")
        shaped = bool(self.preset or self.shape)
        if self.layers and shaped and self.start != "narrowed":
            raise ValueError('layers and a shape together need start = "narrowed"')
        if not shaped and self.start not in (None, "copied", "random"):
            raise ValueError(f"start = {self.start!r} needs preset or shape")
        if self.embedding_width is not None and (self.convolution_layers or self.pooled_after):
            raise ValueError("embedding_width does not go together with convolution_layers or pooled_after")
        if shaped and self.start == "copied":
            raise ValueError('start = "copied" needs layers alone; start = "narrowed" cuts them to a shape')
        return self
