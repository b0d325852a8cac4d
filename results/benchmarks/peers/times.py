"""Measured times: a median of each round, by length and model."""

from collections import defaultdict
from dataclasses import dataclass, field

Key = tuple[int, str]  # length in tokens, name of the model


def _by_round() -> defaultdict[Key, list[float]]:
    return defaultdict(list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Medians of each round, in milliseconds; empty where a model does not accept the length.

    Attributes:
        infer_ms: inference.
        whole_ms: tokenisation and inference.
    """

    infer_ms: defaultdict[Key, list[float]] = field(default_factory=_by_round)
    whole_ms: defaultdict[Key, list[float]] = field(default_factory=_by_round)

    def add(self, length_tokens: int, name: str, infer_ms: float, whole_ms: float) -> None:
        """Add the times of one round."""
        self.infer_ms[length_tokens, name].append(infer_ms)
        self.whole_ms[length_tokens, name].append(whole_ms)
