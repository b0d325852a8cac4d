"""Options for converting a student. Standard library only, because runtimes declare which they support."""

from enum import StrEnum


class Rewrite(StrEnum):
    """An exact rewrite of the student before its export, or of the exported model.

    Attributes:
        FIRST_TOKEN: the last layer computes only the row of [CLS], if the answer depends on no other.
        SCALED_QUERY: the attention's factor 1/sqrt(d) is multiplied into the query's weights.
        ONE_PRODUCT: query, key and value come from one matrix product.
        FUSED_ATTENTION: scores, softmax and their product with the values are a single operation of ONNX Runtime.
        SEPARATE_NORM: each sum stays separate from the normalisation after it, because ONNX Runtime would fuse the two
            into a slower operation.
    """

    FIRST_TOKEN = "first-token"
    SCALED_QUERY = "scaled-query"
    ONE_PRODUCT = "one-product"
    FUSED_ATTENTION = "fused-attention"
    SEPARATE_NORM = "separate-norm"


class Calibration(StrEnum):
    """How the range of an activation is derived from its values on the calibration sentences."""

    MIN_MAX = "min-max"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"
