"""A model and how its runtime is to load it, and who runs it: bench, which stands above this stage and is handed in.

Shapes: N sentences, C outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.tokens import Tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Loadable:
    """A model on the disk.

    Attributes:
        folder: where it lies.
        runtime: what runs it: a name in bench.runtimes.RUNTIMES.
        model_file: below the folder; empty if the folder is the model.
        inputs: the model's names for ids, mask and token types.
        buckets: the lengths that sentences are padded to, each to the nearest; not at all if empty.
        threads: how many one inference may use.
        pad_id: token id to pad with.
    """

    folder: Path
    runtime: str
    model_file: str
    inputs: tuple[str, str, str]
    buckets: tuple[int, ...]
    threads: int
    pad_id: int = 0


# Runs a model over sentences, one at a time, in a fresh process; the logits have the shape (N, C).
Run = Callable[[Loadable, Tokens], NDArray[np.float32]]
# Times a model of an artifact folder in a fresh process: the nanoseconds of each of these of its evaluation sentences.
Time = Callable[[Loadable, tuple[int, ...]], tuple[int, ...]]
