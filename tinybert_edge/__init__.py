"""Use a model that this project made: `from tinybert_edge import load`. The command line is `tinybert`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contract.errors import InputError, TinybertError
    from infer.load import load
    from infer.predictor import Predictor
    from infer.tasks import Entity, Label, Score

__all__ = ["Entity", "InputError", "Label", "Predictor", "Score", "TinybertError", "load"]

_MODULES = {
    "Entity": "infer.tasks",
    "InputError": "contract.errors",
    "Label": "infer.tasks",
    "Predictor": "infer.predictor",
    "Score": "infer.tasks",
    "TinybertError": "contract.errors",
    "load": "infer.load",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that the command line answers --help at once.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
