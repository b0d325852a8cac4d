"""What is timed: one of this project's artifacts, another tool's model file, or a Hugging Face folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infer.folders.artifact import ARTIFACT_MANIFEST, read_artifact
from infer.folders.model import INPUTS, Loadable
from infer.runtimes import PYTORCH

LITERT_INPUTS = ("args_0", "args_1", "args_2")  # the exporter's own names, in the order of the forward function
RUNTIMES = {".onnx": "onnx", ".xml": "openvino", ".tflite": "tflite"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model.

    Attributes:
        loadable: how its runtime takes it.
        is_own: one of this project's artifacts.
    """

    name: str
    loadable: Loadable
    is_own: bool = False

    @property
    def size_bytes(self) -> int:
        """Size of the model alone, without the tokenizer."""
        weights = self.loadable.folder / (self.loadable.model_file or "model.safetensors")
        return sum(one.stat().st_size for one in {weights, weights.with_suffix(".bin")} if one.is_file())

    @property
    def buckets(self) -> tuple[int, ...]:
        """The lengths it takes; empty if it takes any."""
        return self.loadable.buckets

    def takes(self, length_tokens: int) -> bool:
        """Tell whether it takes a sentence so long."""
        return not self.buckets or length_tokens <= max(self.buckets)

    def fixed(self, lengths_tokens: Sequence[int]) -> "Model":
        """Return a model that takes any length as its runtime runs it when it is prepared for some."""
        loadable = replace(self.loadable, buckets=tuple(sorted(lengths_tokens)))
        return replace(self, name=f"{self.name}, fixed lengths", loadable=loadable)


def read(argument: str, *, threads: int, pad_id: int) -> Model:
    """Read what an argument names: `[NAME=]PATH`."""
    name, _, place = argument.rpartition("=")
    path = Path(place).resolve()
    if (path / ARTIFACT_MANIFEST).is_file():
        return _artifact(name, path, threads, pad_id)
    if path.is_file() and path.suffix in RUNTIMES:
        return _file(name, path, threads, pad_id)
    if (path / "config.json").is_file():
        loadable = Loadable(
            folder=path, runtime=PYTORCH, model_file="", inputs=INPUTS, buckets=(), threads=threads, pad_id=pad_id
        )
        return Model(name=name or f"{path.name} (PyTorch)", loadable=loadable)
    raise SystemExit(f"error: {place} is no .onnx, .xml or .tflite file, artifact folder or Hugging Face folder")


def _artifact(name: str, folder: Path, threads: int, pad_id: int) -> Model:
    artifact = read_artifact(folder)
    loadable = artifact.loadable(folder, threads=threads, buckets=artifact.length_buckets_tokens)
    return Model(
        name=name or f"tinybert-edge {folder.name}",
        loadable=replace(loadable, pad_id=pad_id),
        is_own=True,
    )


def _file(name: str, path: Path, threads: int, pad_id: int) -> Model:
    runtime = RUNTIMES[path.suffix]
    is_litert = runtime == "tflite"
    loadable = Loadable(
        folder=path.parent,
        runtime=runtime,
        model_file=path.name,
        inputs=LITERT_INPUTS if is_litert else INPUTS,
        buckets=_signature_lengths(path) if is_litert else (),
        threads=threads,
        pad_id=pad_id,
    )
    return Model(name=name or path.name, loadable=loadable)


def _signature_lengths(path: Path) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    names = Interpreter(model_path=str(path)).get_signature_list()
    return tuple(sorted(int(name.removeprefix("seq")) for name in names))
