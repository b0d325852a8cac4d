"""A variant: one way to convert a student for one runtime. Torch-free."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from contract.strict import Strict
from targets.profile import Precision, RuntimeName


class Rewrite(StrEnum):
    """An exact rewrite of the student, before it is exported or in what was exported.

    Attributes:
        FIRST_TOKEN: the last layer computes the row of [CLS] alone, where the answer is made of nothing else.
        SCALED_QUERY: the attention's factor 1/sqrt(d) is multiplied into the query's weights.
        ONE_PRODUCT: query, key and value come from one matrix product.
        FUSED_ATTENTION: scores, softmax and their product with the values are one operation of ONNX Runtime's.
        SEPARATE_NORM: each sum stays apart from the normalisation after it, which ONNX Runtime would join to an
            operation that takes longer than the two.
    """

    FIRST_TOKEN = "first-token"
    SCALED_QUERY = "scaled-query"
    ONE_PRODUCT = "one-product"
    FUSED_ATTENTION = "fused-attention"
    SEPARATE_NORM = "separate-norm"


# What of the last layer the answer is made of, as a task says it.
Reads = Literal["first", "all"]
OF_ONNX = frozenset({Rewrite.FUSED_ATTENTION, Rewrite.SEPARATE_NORM})


class Calibration(StrEnum):
    """How the range of an activation follows from what calibration sentences showed."""

    MIN_MAX = "min-max"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"


def default_rewrites(runtime: RuntimeName, reads: Reads) -> tuple[Rewrite, ...]:
    """Return those that are applied where nothing else is said, in the order of `Rewrite`."""
    of_task = (Rewrite.FIRST_TOKEN,) if reads == "first" else ()
    of_runtime = (Rewrite.SEPARATE_NORM,) if runtime is RuntimeName.ONNX else ()
    return (*of_task, Rewrite.SCALED_QUERY, *of_runtime)


def _default(fields: dict[str, Any]) -> tuple[Rewrite, ...]:
    # A value that is none of its field's has an error of its own.
    known = {"runtime", "reads"} <= fields.keys()
    return default_rewrites(fields["runtime"], fields["reads"]) if known else ()


class Variant(Strict):
    """One way to convert a student.

    Attributes:
        reads: what of the last layer the student's answer is made of: its `first` token, or `all` of them.
        rewrites: in the order of `Rewrite`; those of ONNX Runtime for that alone.
        calibration: of static int8.
        kept_in_float: operations that are not quantised, by the names of `convert.operations`; of precisions that
            can treat one otherwise than another.
    """

    runtime: RuntimeName
    precision: Precision
    reads: Reads = "first"
    rewrites: tuple[Rewrite, ...] = Field(default_factory=_default)
    calibration: Calibration = Calibration.MIN_MAX
    kept_in_float: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_runtime(self) -> "Variant":
        others = OF_ONNX & set(self.rewrites)
        if others and self.runtime is not RuntimeName.ONNX:
            raise ValueError(f"{', '.join(sorted(others))}: for ONNX Runtime alone, not for {self.runtime}")
        if Rewrite.FIRST_TOKEN in self.rewrites and self.reads != "first":
            raise ValueError(f"{Rewrite.FIRST_TOKEN}: not where the answer is made of all tokens")
        halves_all = self.runtime is RuntimeName.OPENVINO and self.precision is Precision.FP16
        if self.kept_in_float and (halves_all or self.precision is Precision.FP32):
            raise ValueError(f"kept_in_float: {self.runtime} {self.precision} treats all operations alike")
        return self

    @property
    def name(self) -> str:
        """The variant in a few words, which also name its folder."""
        parts: list[str] = [self.runtime, self.precision]
        if self.calibration is not Calibration.MIN_MAX:
            parts.append(self.calibration)
        if self.rewrites != default_rewrites(self.runtime, self.reads):
            parts.append("+".join(self.rewrites) or "plain")
        if self.kept_in_float:
            parts.append("float-" + "+".join(self.kept_in_float))
        return "-".join(parts)

    @property
    def base(self) -> "Variant":
        """The fp32 model that this one is made from."""
        return Variant(runtime=self.runtime, precision=Precision.FP32, reads=self.reads, rewrites=self.rewrites)
