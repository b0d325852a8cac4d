"""A model that refers to other files is refused before a runtime opens it, wherever the reference stands."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from contract.errors import InputError
from contract.tokens import from_rows
from convert.converter import Exported
from convert.job import Job, Source, perform
from infer.folders.graph import encoder
from infer.folders.model import MODEL, Model
from infer.folders.variant import Variant
from infer.safety import onnx_graph
from infer.safety.protobuf import DEPTH_LIMIT
from infer.worker.client import outputs_of
from targets.profile import Precision, Profile, RuntimeName

VALUES = np.arange(4, dtype=np.float32)
Insert = Callable[[onnx.ModelProto, TensorProto], None]


def tiny(domain: str = "") -> onnx.ModelProto:
    """A model that adds a constant to its input."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "weights"], ["y"], domain=domain)],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(VALUES, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="weights", dims=[4], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def check(data: bytes) -> None:
    onnx_graph.check(io.BytesIO(data), len(data), "model.onnx")


def attribute(model: onnx.ModelProto) -> Any:
    return model.graph.node[0].attribute.add(name="value")


LOCATIONS: dict[str, Insert] = {
    "initializer": lambda model, tensor: model.graph.initializer[0].CopyFrom(tensor),
    "sparse values": lambda model, tensor: model.graph.sparse_initializer.add().values.CopyFrom(tensor),
    "sparse indices": lambda model, tensor: model.graph.sparse_initializer.add().indices.CopyFrom(tensor),
    "constant": lambda model, tensor: attribute(model).t.CopyFrom(tensor),
    "constants": lambda model, tensor: attribute(model).tensors.append(tensor),
    "sparse constant": lambda model, tensor: attribute(model).sparse_tensor.values.CopyFrom(tensor),
    "subgraph": lambda model, tensor: attribute(model).g.initializer.append(tensor),
    "subgraphs": lambda model, tensor: attribute(model).graphs.add().node.add().attribute.add().t.CopyFrom(tensor),
    "function": lambda model, tensor: model.functions.add().node.add().attribute.add().t.CopyFrom(tensor),
    "function default": lambda model, tensor: model.functions.add().attribute_proto.add().t.CopyFrom(tensor),
    "training": lambda model, tensor: model.training_info.add().initialization.initializer.append(tensor),
}


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "weights.bin"])
@pytest.mark.parametrize("where", sorted(LOCATIONS))
def test_external_data_is_refused(where: str, location: str) -> None:
    model = tiny()
    LOCATIONS[where](model, external(location))
    with pytest.raises(InputError) as caught:
        check(model.SerializeToString())
    assert str(caught.value).startswith(f"model.onnx: keeps tensors in another file ('{location}')")


@pytest.mark.parametrize("field", ["data_location", "external_data"])
def test_half_a_reference_is_refused(field: str) -> None:
    tensor = external("weights.bin")
    tensor.ClearField(field)
    model = tiny()
    model.graph.initializer[0].CopyFrom(tensor)
    with pytest.raises(InputError, match="keeps tensors in another file"):
        check(model.SerializeToString())


def test_inputs_and_outputs_are_those_of_the_outermost_graph() -> None:
    model = tiny()
    inner = attribute(model).g
    inner.input.add(name="inner x")
    inner.output.add(name="inner y")
    model.training_info.add().initialization.input.add(name="trained")
    data = model.SerializeToString()
    interface = onnx_graph.check(io.BytesIO(data), len(data), "model.onnx")
    assert [port.names for port in (*interface.inputs, *interface.outputs)] == [("x",), ("y",)]


@pytest.mark.parametrize("domain", ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"])
def test_known_domains_are_taken(domain: str) -> None:
    check(tiny(domain).SerializeToString())


@pytest.mark.parametrize("where", ["node", "node of a function", "function"])
def test_an_unknown_domain_is_named(where: str) -> None:
    model = tiny("evil.ops" if where == "node" else "")
    if where == "node of a function":
        model.functions.add().node.add(domain="evil.ops")
    elif where == "function":
        model.functions.add(domain="evil.ops")
    with pytest.raises(InputError, match=r"^model.onnx: uses operators of the domain 'evil.ops'"):
        check(model.SerializeToString())


def nested(depth: int) -> bytes:
    """Graphs inside of attributes of nodes of graphs."""
    data = b""
    for _ in range(depth):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # the graph of an attribute of a node
            data = tag + varint(len(data)) + data
    return b"\x3a" + varint(len(data)) + data


def varint(value: int) -> bytes:
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "it has no graph", id="empty"),
        pytest.param(b"\x08\x08", "it has no graph", id="no graph"),
        pytest.param(b"not a model", "a field", id="text"),
        pytest.param(b"\x3a\x7f", "a field ends behind its message", id="cut"),
        pytest.param(b"\x3a\xff\xff\xff\xff\x7f", "a field longer than 2 GiB", id="huge"),
        pytest.param(b"\x08" + b"\xff" * 10, "a number of more than 10 bytes", id="endless number"),
        pytest.param(b"\x3b\x3c", "a field of wire type 3", id="group"),
        pytest.param(b"\x00\x00", "a field with an impossible number", id="field 0"),
        pytest.param(nested(DEPTH_LIMIT), "nested too deeply", id="deep"),
    ],
)
def test_what_is_no_model_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^model.onnx: cannot be read as ONNX \({reason}"):
        check(data)


def test_a_file_that_would_be_walked_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infer.safety.protobuf.FIELDS_LIMIT", 1000)
    with pytest.raises(InputError, match="more than 1,000 fields"):
        check(b"\x08\x08" * 2000)


def _paths(message: Any, parents: frozenset[str] = frozenset()) -> set[str]:
    """Return the messages below a message in which a tensor or a node can stand."""
    if message.name in parents:
        return set()
    inner = [field.message_type for field in message.fields if field.message_type]
    names = set().union(*(_paths(child, parents | {message.name}) for child in inner)) if inner else set()
    return names | ({message.name} if names or message.name in ("TensorProto", "NodeProto") else set())


def test_the_schema_is_that_of_onnx() -> None:
    """Every field of onnx.proto that leads to a tensor or a node is followed, and numbers are those of onnx.proto."""
    holding = _paths(onnx.ModelProto.DESCRIPTOR)
    followed = {
        name: {
            field.number: field.message_type.name
            for field in getattr(onnx, name).DESCRIPTOR.fields
            if field.message_type and field.message_type.name in holding
        }
        for name in holding
    }
    assert followed == onnx_graph.MESSAGES
    number = {name: field.number for name, field in TensorProto.DESCRIPTOR.fields_by_name.items()}
    assert (number["external_data"], number["data_location"]) == (13, 14)
    graph = {name: field.number for name, field in onnx.GraphProto.DESCRIPTOR.fields_by_name.items()}
    assert (graph["input"], graph["output"]) == (onnx_graph.INPUT[1], onnx_graph.OUTPUT[1])
    assert onnx.ValueInfoProto.DESCRIPTOR.fields_by_name["name"].number == onnx_graph.VALUE_INFO_NAME
    assert onnx.NodeProto.DESCRIPTOR.fields_by_name["domain"].number == 7
    assert onnx.FunctionProto.DESCRIPTOR.fields_by_name["domain"].number == 10


HOSTILE = tiny()
HOSTILE.graph.node[0].attribute.add(name="value").t.CopyFrom(external("../secret"))
HOSTILE_BYTES = HOSTILE.SerializeToString()


@settings(max_examples=500)
@given(
    changes=st.dictionaries(st.integers(0, len(HOSTILE_BYTES) - 1), st.integers(0, 255), max_size=3),
    kept=st.integers(0, len(HOSTILE_BYTES)) | st.just(len(HOSTILE_BYTES)),
)
def test_what_the_library_reads_as_external_is_refused(changes: dict[int, int], kept: int) -> None:
    """Whatever becomes of the bytes: what protobuf still reads as a reference is refused, nothing else is raised."""
    data = bytearray(HOSTILE_BYTES)
    for position, value in changes.items():
        data[position] = value
    data = data[:kept]
    try:
        check(bytes(data))
        model = onnx.load_model_from_string(bytes(data))
    except (InputError, DecodeError):
        return
    tensors = external_data_helper._get_all_tensors(model)
    assert not any(external_data_helper.uses_external_data(tensor) for tensor in tensors)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A model with its weights in another file."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(VALUES.tobytes())
    model = tiny()
    model.graph.initializer[0].CopyFrom(external("weights.bin"))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder


def test_the_runtime_itself_reads_the_other_file(hostile: Path) -> None:
    """So it must be refused before."""
    session = onnxruntime.InferenceSession(hostile / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": VALUES})[0].tolist() == (2 * VALUES).tolist()


def run(folder: Path, file: str) -> Any:
    tokens = from_rows([[2, 3]], [[0, 0]])
    model = Model(
        folder=folder, runtime="onnx", graphs={MODEL: encoder(file, columns=2, by_token=False)}, threads=1, pad_id=0
    )
    return outputs_of(model, tokens, timeout_s=60)


def test_a_worker_refuses_it(hostile: Path) -> None:
    with pytest.raises(InputError, match=r"model.onnx: keeps tensors in another file \('weights.bin'\)"):
        run(hostile, "model.onnx")


def test_a_worker_refuses_a_format_that_a_name_chooses(hostile: Path) -> None:
    (hostile / "model.onnx").rename(hostile / "model.ort")
    with pytest.raises(InputError, match=r"model.ort: not a model for onnx, whose files end in .onnx"):
        run(hostile, "model.ort")


def test_a_conversion_refuses_it_as_its_source(hostile: Path, student: Path, profile: Profile, tmp_path: Path) -> None:
    made = Exported(graph=encoder("model.onnx", columns=2, by_token=False))
    job = Job(
        variant=Variant(runtime=RuntimeName.ONNX, precision=Precision.INT8),
        student=student,
        destination=tmp_path,
        profile=profile,
        lengths_tokens=(),
        fp32=Source(folder=hostile, exported=made),
    )
    with pytest.raises(InputError, match="keeps tensors in another file"):
        perform(job)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
