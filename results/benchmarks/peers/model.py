"""A model to time: one of this project's artifacts, another tool's model file, or a Hugging Face folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infer import runtimes
from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
from infer.folders.graph import Graph, encoder
from infer.folders.model import MODEL, Model
from results.benchmarks.peers import student as students
from targets.profile import RuntimeName

RUNTIMES = {runtimes.get(name).TRAITS.suffix: name.value for name in RuntimeName}


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A model to time.

    Attributes:
        model: the model for its runtime.
        is_artifact: whether it is one of this project's artifacts.
    """

    name: str
    model: Model
    is_artifact: bool = False

    @property
    def size_bytes(self) -> int:
        """Size of the model alone, without the tokenizer."""
        weights = self.model.folder / (self.model.graph.file or "model.safetensors")
        return sum(file.stat().st_size for file in {weights, weights.with_suffix(".bin")} if file.is_file())

    @property
    def source_lengths(self) -> tuple[int, ...]:
        """The lengths that it accepts; empty if it accepts any."""
        return self.model.graph.source_lengths

    def accepts(self, length_tokens: int) -> bool:
        """Return whether it accepts a sentence of this length."""
        return not self.source_lengths or length_tokens <= max(self.source_lengths)

    def fixed(self, lengths_tokens: Sequence[int]) -> "Peer":
        """Return this model of any length, prepared for these lengths alone."""
        model = self.model.padded_to(tuple(sorted(lengths_tokens)))
        return replace(self, name=f"{self.name}, fixed lengths", model=model)


def read(argument: str, *, threads: int, student: Path) -> Peer:
    """Read the model of an argument `[NAME=]PATH`."""
    name, _, path_text = argument.rpartition("=")
    path = Path(path_text).resolve()
    if (path / ARTIFACT_MANIFEST).is_file():
        model = replace(read_artifact(path).model(path), threads=threads, pad_id=students.pad_id(student))
        return Peer(name=name or f"tinybert-edge {path.name}", model=model, is_artifact=True)
    if path.is_file() and path.suffix in RUNTIMES:
        runtime = RUNTIMES[path.suffix]
        model = _model(path.parent, runtime, _graph(path, runtime, student), threads, student)
        return Peer(name=name or path.name, model=model)
    if (path / "config.json").is_file():
        model = _model(path, runtimes.PYTORCH, _graph(Path(), runtimes.PYTORCH, student), threads, student)
        return Peer(name=name or f"{path.name} (PyTorch)", model=model)
    raise SystemExit(
        f"error: {path_text} is not an .onnx, .xml or .tflite file, an artifact folder or a Hugging Face folder"
    )


def _model(folder: Path, runtime: str, graph: Graph, threads: int, student: Path) -> Model:
    return Model(
        folder=folder, runtime=runtime, graphs={MODEL: graph}, threads=threads, pad_id=students.pad_id(student)
    )


def _graph(path: Path, runtime: str, student: Path) -> Graph:
    """Return the graph of a model made from the student; other tools use the same names for inputs and outputs."""
    traits, columns = runtimes.get(runtime).TRAITS, students.columns(student)
    lengths = _signature_lengths(path) if traits.needs_lengths else ()
    return encoder(path.name, columns=columns, by_token=False, layout=traits.layout, source_lengths=lengths)


def _signature_lengths(path: Path) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    names = Interpreter(model_path=str(path)).get_signature_list()
    return tuple(sorted(int(name.removeprefix("seq")) for name in names))
