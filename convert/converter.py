"""The interface of a converter, and the lookup of a runtime's converter."""

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
    """Description of a model that a converter wrote.

    Attributes:
        graph: the model's file, inputs and outputs.
        rewrites: the rewrites that could be applied to the student.
        quantization: the quantisation, one line for each step; empty for fp32.
    """

    graph: Graph
    rewrites: tuple[Rewrite, ...] = ()
    quantization: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """Whether a precision is useful, and the reason, as a sentence without a full stop."""

    offered: bool
    reason: str


class Converter(Protocol):
    """A module of convert/ that writes models for one runtime, and has the runtime's name.

    Attributes:
        LIBRARIES: the distributions that the converter uses.
        NODES: patterns of the node names that the exporter writes.
        CALIBRATIONS: the supported calibration methods, for precisions with more than one.
    """

    LIBRARIES: tuple[str, ...]
    NODES: Nodes
    CALIBRATIONS: Mapping[Precision, tuple[Calibration, ...]]

    def offer(self, precision: Precision, profile: Profile) -> Verdict:
        """Return whether the processor supports a precision, regardless of the precisions that the profile names."""
        ...

    def depends_on(self, variant: Variant, profile: Profile) -> dict[str, Any]:
        """Return further properties of the profile that a variant's files depend on, for the artifact's key."""
        ...

    def lengths(self, profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
        """Return the padded lengths that a model must take, in ascending order; empty for any length.

        Raises:
            InputError: the profile's longest bucket is too short for the student.
        """
        ...

    def export(
        self, student: Path, destination: Path, *, rewrites: tuple[Rewrite, ...], lengths_tokens: tuple[int, ...]
    ) -> Exported:
        """Write the student's fp32 model into a folder.

        Args:
            student: the student folder.
            destination: the folder to write to.
            rewrites: exact rewrites, each applied if the student's architecture allows it.
            lengths_tokens: padded lengths that the model must take; empty for any length.
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
            fp32: the description of the fp32 model that `export` returned.
            destination: the folder to write to.
            variant: the variant to write.
            profile: the device.
            calibration: training sentences for measuring the ranges of activations.

        Raises:
            InputError: this converter does not support the precision.
        """
        ...


def get(name: RuntimeName) -> Converter:
    """Return the converter of a runtime, which imports its libraries only when it converts."""
    return cast("Converter", import_module(f"convert.{name}"))


def require(name: RuntimeName) -> None:
    """Check that a converter's libraries are installed, without importing them.

    Raises:
        MissingExtraError: a library is not installed.
    """
    for library in get(name).LIBRARIES:
        if find_spec(library.replace("-", "_")) is None:
            raise MissingExtraError(library, EXTRA)
