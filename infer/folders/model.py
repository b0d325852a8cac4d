"""A model and how its runtime is to load it."""

from dataclasses import dataclass
from pathlib import Path

# The names of transformers' own arguments, and so of what is exported from them: ids, mask, token types.
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loadable:
    """A model on the disk.

    Attributes:
        folder: where it lies.
        runtime: what runs it: a name in infer.runtimes.RUNTIMES.
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
