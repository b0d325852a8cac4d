"""The inputs and outputs of a model file, by role. Standard library only, because the measuring process reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal, get_args

from contract.errors import near_miss
from contract.names import check_file_name

Axis = Literal["batch", "source", "target", "past"]
DType = Literal["int32", "int64", "float32"]
# The names that transformers gives to its encoders' arguments, and so do models exported from them.
INPUT_IDS = "input_ids"
ROLES = (INPUT_IDS, "attention_mask", "token_type_ids")
LOGITS = "logits"
# More than any encoder reads; arrays of this length, and a compiled model for each length, are made on loading.
LENGTH_LIMIT_TOKENS = 2**16
LENGTHS_LIMIT = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One input or output of a model.

    Attributes:
        role: its purpose.
        name: its name in the model file.
        dtype: the type of its numbers.
        axes: the size of each axis, or the name (an `Axis`) of one that varies.

    Raises:
        ValueError: it has no name, or an axis is impossible.
    """

    role: str
    name: str
    dtype: DType
    axes: tuple[int | str, ...]

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"the tensor of the role {self.role!r} has no name")
        for axis in self.axes:
            if isinstance(axis, str):
                _check_axis(axis)
            elif axis <= 0:
                raise ValueError(f"{self.name!r} has an axis of the size {axis}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """A function in a model file.

    Attributes:
        file: path below the model's folder; empty if the folder is the model.
        entry: pattern of its TFLite signatures, such as `seq{source}`; empty if the file has just one function.
        inputs, outputs: its tensors, in the file's order.
        lengths: rising padded lengths that it is prepared for, by axis; an absent axis takes any length.

    Raises:
        ValueError: its file leads out of the folder, it has no inputs or outputs, a role or a name is repeated, or the
            lengths are impossible.
    """

    file: str
    entry: str = ""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    lengths: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.file:
            check_file_name(self.file)
        _check_tensors("inputs", self.inputs)
        _check_tensors("outputs", self.outputs)
        axes = {axis for tensor in self.inputs for axis in tensor.axes}
        for axis, lengths in self.lengths.items():
            _check_axis(axis)
            if axis not in axes:
                raise ValueError(f"lengths of {axis}: no input has this axis")
            if not lengths or lengths[0] <= 0 or any(low >= high for low, high in pairwise(lengths)):
                raise ValueError(f"lengths of {axis}: {list(lengths)} does not rise from above 0")
            if lengths[-1] > LENGTH_LIMIT_TOKENS or len(lengths) > LENGTHS_LIMIT:
                raise ValueError(f"lengths of {axis}: {len(lengths)} up to {lengths[-1]}, too many or too long")

    @property
    def source_lengths(self) -> tuple[int, ...]:
        """The padded lengths of a text that it is prepared for; empty if it takes any length."""
        return self.lengths.get("source", ())

    def entry_for(self, source_length: int) -> str:
        """Return the name of the entry for texts of one padded length."""
        # Not str.format: a manifest may be hostile, and a format string can reach into objects.
        return self.entry.replace("{source}", str(source_length))

    def padded_to(self, source_lengths: tuple[int, ...]) -> "Graph":
        """Return the same graph prepared for other padded lengths of a text; for any length if there are none."""
        lengths = {**self.lengths, "source": source_lengths}
        return replace(self, lengths={axis: some for axis, some in lengths.items() if some})

    def named(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        """Return arrays under the input names and in the types of the model file.

        Args:
            feed: arrays by role; roles that the model has no input for are left out.
        """
        return {tensor.name: feed[tensor.role].astype(tensor.dtype, copy=False) for tensor in self.inputs}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskGraph:
    """What a task needs of a graph.

    Attributes:
        inputs: the roles of the inputs that it can feed; the first is required.
        outputs: the roles of the outputs that it reads.
        by_token: whether it reads an answer for each token, rather than one for the whole text.
    """

    inputs: tuple[str, ...] = ROLES
    outputs: tuple[str, ...] = (LOGITS,)
    by_token: bool = False

    def check(self, graph: Graph, columns: int) -> None:
        """Check that a graph fits.

        Args:
            graph: the graph.
            columns: numbers of an answer.

        Raises:
            ValueError: a role is unknown or missing, or a tensor has other axes.
        """
        _check_roles("input", graph.inputs, known=self.inputs, required=self.inputs[:1])
        _check_roles("output", graph.outputs, known=self.outputs, required=self.outputs)
        batch = graph.inputs[0].axes[:1]
        if batch not in ((1,), ("batch",)):
            raise ValueError(f"input {graph.inputs[0].name!r} has the axes {shown(graph.inputs[0].axes)}")
        of_answer: tuple[int | str, ...] = ("source", columns) if self.by_token else (columns,)
        for kind, tensors, axes in (("input", graph.inputs, ("source",)), ("output", graph.outputs, of_answer)):
            for tensor in tensors:
                if tensor.axes != (*batch, *axes):
                    expected = shown((*batch, *axes))
                    raise ValueError(
                        f"{kind} {tensor.name!r} has the axes {shown(tensor.axes)}, the task needs {expected}"
                    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How an exporter lays out an encoder.

    Attributes:
        inputs: names of the inputs, in the order of `ROLES`.
        output: name of the logits.
        dtype: type of the inputs.
        entry: pattern of its signatures.
        batch: number of texts in a batch.
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
        file: path below the model's folder; empty if the folder is the model.
        columns: numbers of an answer.
        by_token: whether there is an answer for each token, rather than one for the whole text.
        layout: the names that the file's exporter chose; those of transformers if not given.
        source_lengths: rising padded lengths that it is prepared for; empty for any length.
    """
    layout = layout or Layout()
    batch = layout.batch
    answer_axes: tuple[int | str, ...] = (batch, "source", columns) if by_token else (batch, columns)
    return Graph(
        file=file,
        entry=layout.entry,
        inputs=tuple(
            Tensor(role=role, name=name, dtype=layout.dtype, axes=(batch, "source"))
            for role, name in zip(ROLES, layout.inputs, strict=True)
        ),
        outputs=(Tensor(role=LOGITS, name=layout.output, dtype="float32", axes=answer_axes),),
        lengths={"source": source_lengths} if source_lengths else {},
    )


def read(value: Mapping[str, Any]) -> Graph:
    """Return the graph from the JSON value of `dataclasses.asdict`.

    Raises:
        KeyError, TypeError, ValueError: not a graph.
    """
    return Graph(
        **{
            **value,
            "inputs": tuple(map(_tensor, value["inputs"])),
            "outputs": tuple(map(_tensor, value["outputs"])),
            "lengths": {axis: tuple(lengths) for axis, lengths in value["lengths"].items()},
        }
    )


def shown(axes: Sequence[int | str]) -> str:
    """Return axes as errors show them, such as `[batch, 2]`."""
    return f"[{', '.join(map(str, axes))}]"


def _tensor(value: Mapping[str, Any]) -> Tensor:
    return Tensor(**{**value, "axes": tuple(value["axes"])})


def _check_axis(axis: str) -> None:
    known = list(get_args(Axis))
    if axis not in known:
        raise ValueError(f"unknown axis {axis!r}{near_miss(axis, known) or ', known: ' + ', '.join(known)}")


def _check_tensors(kind: str, tensors: tuple[Tensor, ...]) -> None:
    if not tensors:
        raise ValueError(f"it has no {kind}")
    for part, values in (("role", [t.role for t in tensors]), ("name", [t.name for t in tensors])):
        repeated = [value for value in values if values.count(value) > 1]
        if repeated:
            raise ValueError(f"two {kind} have the {part} {repeated[0]!r}")


def _check_roles(kind: str, tensors: tuple[Tensor, ...], *, known: tuple[str, ...], required: tuple[str, ...]) -> None:
    roles = [tensor.role for tensor in tensors]
    for role in roles:
        if role not in known:
            raise ValueError(f"unknown {kind} role {role!r}{near_miss(role, list(known))}")
    missing = [role for role in required if role not in roles]
    if missing:
        raise ValueError(f"it has no {kind} of the role {missing[0]!r}")
