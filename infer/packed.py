"""Logits as text, as a record keeps them."""

import base64

import numpy as np
from numpy.typing import NDArray

from contract.strict import Strict


class PackedLogits(Strict):
    """Logits of every evaluation sentence, little-endian float32 in base64."""

    shape: tuple[int, int]
    float32_base64: str

    @classmethod
    def of(cls, logits_NC: NDArray[np.float32]) -> "PackedLogits":
        """Pack logits of shape (N, C)."""
        rows, columns = logits_NC.shape
        data = np.ascontiguousarray(logits_NC, dtype="<f4").tobytes()
        return cls(shape=(rows, columns), float32_base64=base64.b64encode(data).decode())

    def logits_NC(self) -> NDArray[np.float32]:  # noqa: N802  # a shape
        """Unpack the logits."""
        data = base64.b64decode(self.float32_base64)
        return np.frombuffer(data, dtype="<f4").reshape(self.shape).astype(np.float32)
