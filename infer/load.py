"""Loads models written by `tinybert convert`, `pack` or `distill`, to answer texts."""

from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from contract.errors import InputError
from infer import runtimes
from infer.encoder import Encoder
from infer.folders.artifact import THREADS_LIMIT, Artifact
from infer.folders.student import Model as HuggingFaceModel
from infer.predictor import Predictor
from infer.shipping.contents import contents
from infer.shipping.unpack import unpacked
from infer.shipping.verify import verify_contents
from infer.tasks import changed


def load(path: str | PathLike[str], *, threads: int | None = None, **settings: Any) -> Predictor:
    """Load a model to answer texts, after checking each file against its SHA-256.

    Args:
        path: an artifact folder, an archive of one (`tinybert pack`), or a student or teacher folder (needs torch).
        threads: number of threads of one inference; if not given, the target profile's, or 1 for a student or teacher.
        settings: changes to the task's settings, such as `aggregation="simple"` for token classification.

    Returns:
        The loaded model: `load("onnx-int8")("a wonderful film")`.

    Raises:
        InputError: the folder is not whole or not known, a setting is not the task's, or the library of its runtime is
            not installed.
    """
    if threads is not None and not 1 <= threads <= THREADS_LIMIT:
        raise InputError(f"threads={threads}", f"give a number from 1 to {THREADS_LIMIT}")
    with ExitStack() as stack:
        # The end of this block compares an archive byte for byte, before anything of it is used.
        with contents(Path(path)) as files:
            verified = verify_contents(files)
            manifest = verified.manifest
            folder = Path(path) if Path(path).is_dir() else stack.enter_context(unpacked(files))
        assert isinstance(manifest, Artifact | HuggingFaceModel)
        model = manifest.model(folder)
        model = replace(model, threads=threads or model.threads)
        runtime = runtimes.get(model.runtime)
        runtime.start()
        return Predictor(
            model,
            runtime.load(folder, model.graph, threads=model.threads),
            Encoder(verified.tokenizer, _max_length_tokens(manifest)),
            changed(manifest.task, settings) if settings else manifest.task,
            stack.pop_all(),
        )


def _max_length_tokens(manifest: Artifact | HuggingFaceModel) -> int:
    return manifest.tokenizer.max_length_tokens if isinstance(manifest, Artifact) else manifest.max_length_tokens
