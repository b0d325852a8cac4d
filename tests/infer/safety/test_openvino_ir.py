"""The names of the inputs and outputs of an OpenVINO network, read without OpenVINO."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infer.safety import openvino_ir

NESTED = b"""<net><layers>
<layer id="0" type="Parameter"><output><port id="0" names="ids,alias"/></output></layer>
<layer id="1" type="Loop"><body><layers>
<layer id="0" type="Parameter"><output><port id="0" names="inner"/></output></layer>
</layers></body><output><port id="7" names="logits"/></output></layer>
<layer id="2" type="Result"/></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="7" to-layer="2" to-port="0"/></edges></net>"""


def names_in(data: bytes) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    interface = openvino_ir.check(io.BytesIO(data), len(data), "model.xml")
    return [port.names for port in interface.inputs], [port.names for port in interface.outputs]


def test_inner_networks_have_no_inputs_of_the_model() -> None:
    assert names_in(NESTED) == ([("ids", "alias")], [("logits",)])


@pytest.mark.parametrize("data", [b"<net/>", b"<net><layers/><edges><edge/></edges></net>"])
def test_a_network_may_be_empty(data: bytes) -> None:
    assert names_in(data) == ([], [])


def test_names_are_those_that_openvino_reads(model_of: Callable[[str], Any]) -> None:
    import openvino

    model = model_of("openvino")
    path: Path = model.folder / model.graph.file
    network = openvino.Core().read_model(path)
    inputs, outputs = names_in(path.read_bytes())
    assert [set(names) for names in inputs] == [tensor.get_names() for tensor in network.inputs]
    assert [set(names) for names in outputs] == [tensor.get_names() for tensor in network.outputs]
