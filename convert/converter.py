"""What a converter is, and where to find one."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from contract.errors import MissingExtraError
from contract.strict import Strict
from contract.tokens import Tokens
from convert.operations import Nodes
from infer.folders.graph import Graph
from infer.folders.rewrite import Calibration, Rewrite
from infer.folders.variant import Variant
from targets.profile import Precision, Profile, RuntimeName

EXTRA = "convert"


class Exported(Strict):
    """A model that a converter wrote.

    Attributes:
        graph: what its file takes and gives.
        rewrites: those that could be applied to the student.
        quantization: what was quantised and how, one line a step; empty for fp32.
    """

    graph: Graph
    rewrites: tuple[Rewrite, ...] = ()
    quantization: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """Whether a precision makes sense, and why, in a sentence without a full stop."""

    offered: bool
    reason: str


class Converter(Protocol):
    """A module of convert/ that writes models for one runtime; its name is the runtime's.

    Attributes:
        LIBRARIES: the distributions it works with.
        NODES: how its exporter names the nodes of a model.
        CALIBRATIONS: the ways to measure ranges that it has, by the precisions that leave a choice.
    """

    LIBRARIES: tuple[str, ...]
    NODES: Nodes
    CALIBRATIONS: Mapping[Precision, tuple[Calibration, ...]]

    def offer(self, precision: Precision, profile: Profile) -> Verdict:
        """Tell what a processor makes of a precision, whatever its profile leaves out."""
        ...

    def depends_on(self, variant: Variant, profile: Profile) -> dict[str, Any]:
        """Return what else of a profile a variant's files depend on, for the artifact's key."""
        ...

    def lengths(self, profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
        """Return the padded lengths a model must take, rising; empty if one model takes any.

        Raises:
            InputError: the profile's longest bucket is too short for the student.
        """
        ...

    def export(
        self, student: Path, destination: Path, *, rewrites: tuple[Rewrite, ...], lengths_tokens: tuple[int, ...]
    ) -> Exported:
        """Write the student's fp32 model into a folder.

        Args:
            student: its folder.
            destination: the folder to write to.
            rewrites: exact ones, each applied where the student is laid out for it.
            lengths_tokens: padded lengths the model must take; empty for any.
        """
        ...

    def quantize(
        self,
        source: Path,
        fp32: Exported,
        destination: Path,
        *,
        variant: Variant,
        profile: Profile,
        calibration: Tokens,
    ) -> Exported:
        """Write a variant of an fp32 model in another precision into a folder.

        Args:
            source: the folder of the fp32 model.
            fp32: what `export` said of it.
            destination: the folder to write to.
            variant: what to make of it.
            profile: the device it is for.
            calibration: training sentences, where ranges of activations are measured.

        Raises:
            InputError: this converter has no such precision.
        """
        ...


def get(name: RuntimeName) -> Converter:
    """Return the converter of a runtime; its libraries are imported only when it converts."""
    return cast("Converter", import_module(f"convert.{name}"))


def require(name: RuntimeName) -> None:
    """Check that a converter's libraries are installed, without importing them.

    Raises:
        MissingExtraError: one is not.
    """
    for library in get(name).LIBRARIES:
        if find_spec(library.replace("-", "_")) is None:
            raise MissingExtraError(library, EXTRA)
