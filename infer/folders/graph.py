"""What a model file takes and gives, by role. Standard library only: the process that measures reads it too."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

Axis = Literal["batch", "source", "target", "past"]
DType = Literal["int32", "int64", "float32"]
# transformers calls the arguments of its encoders so, and so do the models that are exported from them.
ROLES = ("input_ids", "attention_mask", "token_type_ids")
LOGITS = "logits"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One input or output of a model.

    Attributes:
        role: what it is for.
        name: what the model file calls it.
        dtype: the type of its numbers.
        axes: its sizes, or the names of those that vary.
    """

    role: str
    name: str
    dtype: DType
    axes: tuple[int | Axis, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """A function that a model file holds.

    Attributes:
        file: below the model's folder; empty if the folder is the model.
        entry: the pattern of its TFLite signatures, such as `seq{source}`; empty where a file has one function.
        inputs, outputs: in the file's order.
        lengths: padded lengths it is prepared for, rising, by axis; an axis that is absent takes any.

    Raises:
        ValueError: lengths are not above zero or do not rise, or a role comes twice.
    """

    file: str
    entry: str = ""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    lengths: Mapping[Axis, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for axis, lengths in self.lengths.items():
            if not lengths or lengths[0] <= 0 or any(low >= high for low, high in pairwise(lengths)):
                raise ValueError(f"lengths of {axis}: {list(lengths)} does not rise from above 0")
        for tensors in (self.inputs, self.outputs):
            if len({tensor.role for tensor in tensors}) < len(tensors):
                raise ValueError("a role comes twice")

    @property
    def source_lengths(self) -> tuple[int, ...]:
        """The padded lengths of a text that it is prepared for; empty if it takes any."""
        return self.lengths.get("source", ())

    def entry_for(self, source_length: int) -> str:
        """Return the name of the entry that takes texts of one padded length."""
        # Not str.format: a manifest may come from anybody, and a format string can reach into objects.
        return self.entry.replace("{source}", str(source_length))

    def padded_to(self, source_lengths: tuple[int, ...]) -> "Graph":
        """Return the same graph prepared for other padded lengths of a text; for any if there are none."""
        lengths: dict[Axis, tuple[int, ...]] = {**self.lengths, "source": source_lengths}
        return replace(self, lengths={axis: some for axis, some in lengths.items() if some})

    def named(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        """Return arrays under the input names, and in the types, of the model file.

        Args:
            feed: arrays by role; roles that the model does not take are left out.
        """
        return {tensor.name: feed[tensor.role].astype(tensor.dtype, copy=False) for tensor in self.inputs}


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How an exporter lays out an encoder.

    Attributes:
        inputs: what a file calls the inputs, in the order of `ROLES`.
        output: what it calls the logits.
        dtype: the type of the inputs.
        entry: the pattern of its signatures.
        batch: how many texts it takes at once.
    """

    inputs: tuple[str, ...] = ROLES
    output: str = LOGITS
    dtype: DType = "int64"
    entry: str = ""
    batch: Literal[1, "batch"] = "batch"


def encoder(
    file: str,
    *,
    columns: int,
    by_token: bool,
    layout: Layout | None = None,
    source_lengths: tuple[int, ...] = (),
) -> Graph:
    """Return the graph of an encoder with a head: ids, mask and token types in, logits out.

    Args:
        file: below the model's folder; empty if the folder is the model.
        columns: how many numbers an answer has.
        by_token: whether each token is answered for, rather than the whole text.
        layout: how the file's exporter names things; as transformers does if not given.
        source_lengths: padded lengths it is prepared for, rising; empty for any.
    """
    layout = layout or Layout()
    batch = layout.batch
    answered: tuple[int | Axis, ...] = (batch, "source", columns) if by_token else (batch, columns)
    return Graph(
        file=file,
        entry=layout.entry,
        inputs=tuple(
            Tensor(role=role, name=name, dtype=layout.dtype, axes=(batch, "source"))
            for role, name in zip(ROLES, layout.inputs, strict=True)
        ),
        outputs=(Tensor(role=LOGITS, name=layout.output, dtype="float32", axes=answered),),
        lengths={"source": source_lengths} if source_lengths else {},
    )


def read(value: Mapping[str, Any]) -> Graph:
    """Return the graph that `dataclasses.asdict` and JSON made a value of.

    Raises:
        KeyError, TypeError, ValueError: it is no graph.
    """
    return Graph(
        **{
            **value,
            "inputs": tuple(map(_tensor, value["inputs"])),
            "outputs": tuple(map(_tensor, value["outputs"])),
            "lengths": {axis: tuple(lengths) for axis, lengths in value["lengths"].items()},
        }
    )


def _tensor(value: Mapping[str, Any]) -> Tensor:
    return Tensor(**{**value, "axes": tuple(value["axes"])})
