"""A graph survives JSON, and an impossible one is refused in one line."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.errors import InputError
from contract.strict import Strict, parse
from infer.folders import graph as graphs
from infer.folders import model as models
from infer.folders.graph import Graph, Layout, TaskGraph, encoder
from infer.folders.model import MODEL, Model

FIXED_LAYOUT = Layout(entry="seq{source}", batch=1)
FIXED = encoder("model.tflite", columns=3, by_token=True, layout=FIXED_LAYOUT, source_lengths=(8, 16))
ANY = encoder("model.onnx", columns=2, by_token=False)


def with_input(**changes: Any) -> Graph:
    return replace(ANY, inputs=(replace(ANY.inputs[0], **changes), *ANY.inputs[1:]))


def with_output(**changes: Any) -> Graph:
    return replace(ANY, outputs=(replace(ANY.outputs[0], **changes),))


class Manifest(Strict):
    graph: Graph


def value(graph: Graph) -> Any:
    return json.loads(json.dumps(asdict(graph)))


def changed(index: int, **changes: Any) -> list[Any]:
    """Return the inputs of a graph with one changed."""
    inputs = value(ANY)["inputs"]
    inputs[index] |= changes
    return list(inputs)


@pytest.mark.parametrize("graph", [FIXED, ANY])
def test_it_is_the_same_after_json(graph: Graph) -> None:
    assert graphs.read(value(graph)) == graph
    assert parse(Manifest, json.loads(Manifest(graph=graph).model_dump_json()), "x").graph == graph
    model = Model(folder=Path("here"), runtime="onnx", graphs={MODEL: graph}, threads=2, pad_id=3)
    assert models.read(json.loads(json.dumps(asdict(model), default=str))) == model


def test_axes_tell_what_varies() -> None:
    assert [tensor.axes for tensor in ANY.inputs] == [("batch", "source")] * 3
    assert [tensor.axes for tensor in (*ANY.outputs, *FIXED.outputs)] == [("batch", 2), (1, "source", 3)]


def test_other_lengths_take_the_place_of_those_it_has() -> None:
    assert FIXED.padded_to((4,)).source_lengths == ANY.padded_to((4,)).source_lengths == (4,)
    assert FIXED.padded_to(()).lengths == {}
    assert ANY.padded_to((8, 16)).padded_to(()) == ANY


def test_an_entry_is_named_by_its_length_and_formats_nothing_else() -> None:
    assert FIXED.entry_for(16) == "seq16"
    assert (
        encoder("", columns=1, by_token=False, layout=Layout(entry="{source.__class__}")).entry_for(16)
        == "{source.__class__}"
    )


def test_a_feed_gets_the_names_and_types_of_the_file() -> None:
    graph = encoder("", columns=1, by_token=False, layout=Layout(inputs=("a", "b", "c"), dtype="int32"))
    feed = {role: np.full((1, 2), number) for number, role in enumerate(graphs.ROLES)}
    named = graph.named({**feed, "labels": np.zeros(1)})
    assert {name: (str(array.dtype), int(array[0, 0])) for name, array in named.items()} == {
        "a": ("int32", 0),
        "b": ("int32", 1),
        "c": ("int32", 2),
    }


@pytest.mark.parametrize(
    ("graph", "columns", "by_token", "message"),
    [
        (ANY, 2, False, ""),
        (FIXED, 3, True, ""),
        (ANY, 3, False, "output 'logits' has the axes [batch, 2], the task needs [batch, 3]"),
        (ANY, 2, True, "output 'logits' has the axes [batch, 2], the task needs [batch, source, 2]"),
        (FIXED, 3, False, "output 'logits' has the axes [1, source, 3], the task needs [1, 3]"),
        (with_input(role="input_idz"), 2, False, "unknown input role 'input_idz', did you mean 'input_ids'?"),
        (replace(ANY, inputs=ANY.inputs[1:]), 2, False, "it has no input of the role 'input_ids'"),
        (with_input(axes=("source", "batch")), 2, False, "input 'input_ids' has the axes [source, batch]"),
        (
            with_input(axes=(1, "source")),
            2,
            False,
            "the axes [batch, source], the task needs [1, source]",
        ),
        (
            with_input(axes=("batch", 8)),
            2,
            False,
            "the axes [batch, 8], the task needs [batch, source]",
        ),
        (with_output(role="scores"), 2, False, "unknown output role 'scores'"),
    ],
)
def test_a_graph_must_be_what_its_task_needs(graph: Graph, columns: int, by_token: bool, message: str) -> None:
    task = TaskGraph(by_token=by_token)
    if not message:
        task.check(graph, columns)
        return
    with pytest.raises(ValueError, match=re.escape(message)):
        task.check(graph, columns)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fil": "x"}, "unknown key 'graph.fil', did you mean 'file'?"),
        ({"lengths": {"source": [16, 8]}}, r"'graph': lengths of source: \[16, 8\] does not rise from above 0"),
        ({"lengths": {"source": [0]}}, "does not rise from above 0"),
        ({"lengths": {"source": []}}, "does not rise from above 0"),
        ({"lengths": {"width": [8]}}, "'graph': unknown axis 'width', known: batch, source, target, past"),
        ({"lengths": {"sorce": [8]}}, "'graph': unknown axis 'sorce', did you mean 'source'?"),
        ({"lengths": {"past": [8]}}, "'graph': lengths of past: no input has this axis"),
        ({"inputs": value(ANY)["inputs"][:1] * 2}, "'graph': two inputs have the role 'input_ids'"),
        ({"inputs": changed(1, name="input_ids")}, "'graph': two inputs have the name 'input_ids'"),
        ({"inputs": []}, "'graph': it has no inputs"),
        ({"outputs": []}, "'graph': it has no outputs"),
        (
            {"inputs": changed(0, axes=["batch", "sorce"])},
            "'graph.inputs.0': unknown axis 'sorce', did you mean 'source'",
        ),
        ({"inputs": changed(2, axes=["batch", 0])}, "'graph.inputs.2': 'token_type_ids' has an axis of the size 0"),
        ({"inputs": changed(0, name="")}, "'graph.inputs.0': the tensor of the role 'input_ids' has no name"),
        (
            {"inputs": changed(0, dtype="float16")},
            "'graph.inputs.0.dtype': Input should be 'int32', 'int64' or 'float32'",
        ),
        ({"file": None}, "'graph.file': Input should be a valid string"),
    ],
)
def test_an_impossible_graph_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(Manifest, {"graph": {**value(ANY), **changes}}, "x")
