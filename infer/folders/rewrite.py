"""How a student may be changed on its way to a runtime. Standard library only: runtimes say which they take."""

from enum import StrEnum


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


class Calibration(StrEnum):
    """How the range of an activation follows from what calibration sentences showed."""

    MIN_MAX = "min-max"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"
