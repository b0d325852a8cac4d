"""A variant: one way to convert a student for one runtime. Torch-free."""

from enum import StrEnum

from contract.strict import Strict
from targets.profile import Precision, RuntimeName


class Rewrite(StrEnum):
    """An exact rewrite of the student before it is exported; a module of convert/rewrites/ each.

    Attributes:
        FIRST_TOKEN: the last layer computes the row of [CLS] alone, which is all that a classifier reads.
        SCALED_QUERY: the attention's factor 1/sqrt(d) is multiplied into the query's weights.
        ONE_PRODUCT: query, key and value come from one matrix product.
        FUSED: ONNX Runtime's own optimiser for BERT joins attention, normalisation and activation to single nodes.
    """

    FIRST_TOKEN = "first-token"
    SCALED_QUERY = "scaled-query"
    ONE_PRODUCT = "one-product"
    FUSED = "fused"


class Calibration(StrEnum):
    """How the range of an activation follows from what calibration sentences showed."""

    MIN_MAX = "min-max"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"


DEFAULT_REWRITES = (Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY)


class Variant(Strict):
    """One way to convert a student.

    Attributes:
        rewrites: what is done to the student first, in the order of `Rewrite`.
        calibration: of static int8.
        kept_in_float: operations that are not quantised, by the names of `convert.operations`.
    """

    runtime: RuntimeName
    precision: Precision
    rewrites: tuple[Rewrite, ...] = DEFAULT_REWRITES
    calibration: Calibration = Calibration.MIN_MAX
    kept_in_float: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The variant in a few words, which also name its folder."""
        parts: list[str] = [self.runtime, self.precision]
        if self.calibration is not Calibration.MIN_MAX:
            parts.append(self.calibration)
        if self.rewrites != DEFAULT_REWRITES:
            parts.append("+".join(self.rewrites) or "plain")
        if self.kept_in_float:
            parts.append("float-" + "+".join(self.kept_in_float))
        return "-".join(parts)

    @property
    def base(self) -> "Variant":
        """The fp32 model that this one is made from."""
        return Variant(runtime=self.runtime, precision=Precision.FP32, rewrites=self.rewrites)
