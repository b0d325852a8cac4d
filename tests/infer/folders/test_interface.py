"""A model file with other inputs and outputs than its manifest is refused in one line that names both sides."""

from dataclasses import replace
from typing import Any

import pytest

from contract.errors import InputError
from infer.folders.graph import encoder
from infer.folders.interface import Interface, Port, check_interface

GRAPH = encoder("model.onnx", columns=2, by_token=True)
IDS, MASK, TYPES = (Port(names=(t.name,), dtype="int64", sizes=(None, None)) for t in GRAPH.inputs)
LOGITS = Port(names=("logits",), dtype="float32", sizes=(None, None, 2))
CURE = "convert the student again"


def interface(inputs: tuple[Port, ...] = (IDS, MASK, TYPES), outputs: tuple[Port, ...] = (LOGITS,)) -> Interface:
    return Interface(inputs=inputs, outputs=outputs)


def sized(*sizes: int | None) -> Interface:
    return interface(inputs=tuple(replace(port, sizes=sizes) for port in (IDS, MASK, TYPES)))


@pytest.mark.parametrize(
    ("declared", "length"),
    [
        (interface(), 0),
        (interface(), 8),
        (interface(outputs=(Port(names=("other",)), replace(LOGITS, names=("x", "logits")))), 0),
        (interface(inputs=(Port(names=("input_ids",)), MASK, TYPES)), 0),
        (sized(1, 8), 8),
    ],
    ids=["any length", "a length", "more outputs, more names", "only a name is known", "fixed sizes"],
)
def test_a_file_that_fits_its_manifest_is_taken(declared: Interface, length: int) -> None:
    check_interface(declared, GRAPH, "model.onnx", length)


@pytest.mark.parametrize(
    ("declared", "length", "message"),
    [
        (
            interface(inputs=(MASK, TYPES)),
            0,
            "model.onnx: has no input 'input_ids'; its inputs: attention_mask, token_type_ids",
        ),
        (interface(outputs=()), 0, "model.onnx: has no output 'logits'; its outputs: none"),
        (
            interface(inputs=(IDS, MASK, TYPES, Port(names=("positions",)))),
            0,
            "model.onnx: has an input 'positions' that is not in its manifest; "
            "there: input_ids, attention_mask, token_type_ids",
        ),
        (
            interface(inputs=(replace(IDS, dtype="int32"), MASK, TYPES)),
            0,
            "model.onnx: input 'input_ids' is int32, but int64 in its manifest",
        ),
        (
            sized(None, 8),
            0,
            "model.onnx: input 'input_ids' has the shape [?, 8], but [batch, source] in its manifest",
        ),
        (sized(1, 8), 16, "model.onnx: input 'input_ids' has the shape [1, 8], but [1, 16] in its manifest"),
        (
            interface(outputs=(replace(LOGITS, sizes=(None, 2)),)),
            0,
            "model.onnx: output 'logits' has the shape [?, 2], but [batch, source, 2] in its manifest",
        ),
        (
            interface(outputs=(replace(LOGITS, sizes=(None, None, 3)),)),
            8,
            "model.onnx: output 'logits' has the shape [?, ?, 3], but [1, 8, 2] in its manifest",
        ),
    ],
)
def test_a_difference_names_both_sides(declared: Any, length: int, message: str) -> None:
    with pytest.raises(InputError) as error:
        check_interface(declared, GRAPH, "model.onnx", length)
    assert (error.value.cause, error.value.cure) == (message, CURE)
