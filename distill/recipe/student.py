"""The [student] section of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.strict import Strict, missing
from distill.recipe.shape import Shape
from distill.recipe.vocabulary import Vocabulary

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class StudentRecipe(Strict):
    """The student's shape and start; give `layers`, `preset` or `shape`.

    Attributes:
        layers: teacher layers to start from, counted from 0; given alone, the student is a copy of these layers at the
            teacher's width.
        preset: name of a preset shape.
        shape: custom shape.
        start: `copied` from teacher layers; `narrowed`, copied from teacher layers that are cut to the shape's width by
            importance; `general`, the result of the recipe's general distillation; `random`.
            By default copied for `layers` alone, general if the recipe has a [general] section, otherwise random.
        mapping: teacher layers to learn from: a strategy, or a teacher layer for each student layer;
            by default the layers it is copied from, otherwise uniform.
        seed: seed for the student only, instead of the recipe's, to train several students of one teacher.
        vocabulary: keep only the word pieces that the training sentences, and optionally a corpus, need.
        cut_positions: keep only the position embeddings up to the recipe's max_length_tokens.
        embedding_width: width of a factorised embedding, projected to the student's width.
        convolution_layers: layers, counted from 0, with a depthwise-separable convolution instead of attention.
        convolution_kernel: kernel size of those convolutions in tokens.
        pooled_after: layers after which every two tokens are pooled into one, except [CLS].
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
    def _has_one_shape(self) -> "StudentRecipe":
        if not self.model_fields_set & {"layers", "preset", "shape"}:
            raise missing("layers", "[1, 3, 5]")
        if sum(map(bool, (self.preset, self.shape))) > 1 or not (self.layers or self.preset or self.shape):
            raise ValueError("give either layers, preset or shape")
        shaped = bool(self.preset or self.shape)
        if self.layers and shaped and self.start != "narrowed":
            raise ValueError('layers and a shape together need start = "narrowed"')
        if not shaped and self.start not in (None, "copied", "random"):
            raise ValueError(f"start = {self.start!r} needs preset or shape")
        if self.embedding_width is not None and (self.convolution_layers or self.pooled_after):
            raise ValueError("embedding_width cannot be combined with convolution_layers or pooled_after")
        if shaped and self.start == "copied":
            raise ValueError('start = "copied" needs layers alone; start = "narrowed" cuts them to a shape')
        return self
