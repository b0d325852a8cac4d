"""A graph is the same after JSON, whoever reads it, and says what is wrong with one that is none."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.errors import InputError
from contract.strict import Strict, parse
from infer.folders import graph as graphs
from infer.folders import model as models
from infer.folders.graph import Graph, Layout, encoder
from infer.folders.model import MODEL, Model

FIXED_LAYOUT = Layout(entry="seq{source}", batch=1)
FIXED = encoder("model.tflite", columns=3, by_token=True, layout=FIXED_LAYOUT, source_lengths=(8, 16))
ANY = encoder("model.onnx", columns=2, by_token=False)


class Manifest(Strict):
    graph: Graph


def value(graph: Graph) -> Any:
    return json.loads(json.dumps(asdict(graph)))


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
    ("changes", "message"),
    [
        ({"fil": "x"}, "unknown key 'graph.fil', did you mean 'file'?"),
        ({"lengths": {"source": [16, 8]}}, r"'graph': lengths of source: \[16, 8\] does not rise from above 0"),
        ({"lengths": {"source": [0]}}, "does not rise from above 0"),
        ({"lengths": {"source": []}}, "does not rise from above 0"),
        ({"lengths": {"width": [8]}}, "'graph.lengths.width': Input should be 'batch', 'source'"),
        ({"inputs": value(ANY)["inputs"][:1] * 2}, "'graph': a role comes twice"),
        ({"file": None}, "'graph.file': Input should be a valid string"),
    ],
)
def test_what_is_no_graph_is_refused_in_a_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(Manifest, {"graph": {**value(ANY), **changes}}, "x")
