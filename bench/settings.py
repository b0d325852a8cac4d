"""How a session measures."""

from dataclasses import dataclass, field

from contract.errors import InputError
from infer.worker.job import WarmUp


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How a session measures.

    Attributes:
        blocks: fresh processes per model; 5 blocks of 40 sentences are enough for the percentiles 50, 90 and 95.
        sentences_per_block: timed inferences per process.
        seed: seed for sampling sentences.
        warm_up: when steady state is reached.
        timeout_s: time limit for one worker.

    Raises:
        InputError: there would be nothing to measure.
    """

    blocks: int = 5
    sentences_per_block: int = 40
    seed: int = 0
    warm_up: WarmUp = field(default_factory=WarmUp)
    timeout_s: float = 600.0

    def __post_init__(self) -> None:
        if self.blocks < 1 or self.sentences_per_block < 1:
            raise InputError("a session needs at least one block of one sentence", "raise --blocks or --sentences")


DEFAULT = Settings()
