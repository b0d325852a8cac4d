"""A variant: one way to convert a student for one runtime. Torch-free."""

from typing import Any, Literal

from pydantic import Field, model_validator

from contract.strict import Slug, Strict
from infer import runtimes
from infer.folders.rewrite import Calibration, Rewrite
from targets.profile import Precision, RuntimeName

# The tokens of the last layer that the answer depends on, as a task declares them.
Reads = Literal["first", "all"]
# Rewrites of the student itself, for every runtime; the others change a runtime's operations.
STUDENT_REWRITES = frozenset({Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT})


def default_rewrites(runtime: RuntimeName, reads: Reads) -> tuple[Rewrite, ...]:
    """Return the rewrites that are applied by default, in the order of `Rewrite`."""
    task_rewrites = (Rewrite.FIRST_TOKEN,) if reads == "first" else ()
    defaults = {*task_rewrites, Rewrite.SCALED_QUERY, *runtimes.get(runtime).TRAITS.default_rewrites}
    return tuple(rewrite for rewrite in Rewrite if rewrite in defaults)


def rewrites_of(runtime: RuntimeName) -> frozenset[Rewrite]:
    """Return the rewrites that a runtime supports."""
    return STUDENT_REWRITES | runtimes.get(runtime).TRAITS.rewrites


def _default(fields: dict[str, Any]) -> tuple[Rewrite, ...]:
    # An invalid runtime or `reads` has its own error.
    is_valid = {"runtime", "reads"} <= fields.keys()
    return default_rewrites(fields["runtime"], fields["reads"]) if is_valid else ()


class Variant(Strict):
    """One way to convert a student.

    Attributes:
        reads: which tokens of the last layer the student's answer depends on: the `first`, or `all`.
        rewrites: rewrites that the runtime supports, in the order of `Rewrite`.
        calibration: calibration of static int8.
        kept_in_float: operations that are not quantised, by the names of `convert.operations`; only for precisions
            that can treat operations differently.
    """

    runtime: RuntimeName
    precision: Precision
    reads: Reads = "first"
    rewrites: tuple[Rewrite, ...] = Field(default_factory=_default)
    calibration: Calibration = Calibration.MIN_MAX
    kept_in_float: tuple[Slug, ...] = ()

    @model_validator(mode="after")
    def _fits_runtime(self) -> "Variant":
        unsupported = set(self.rewrites) - rewrites_of(self.runtime)
        if unsupported:
            raise ValueError(f"{', '.join(sorted(unsupported))}: not for {self.runtime}")
        if Rewrite.FIRST_TOKEN in self.rewrites and self.reads != "first":
            raise ValueError(f"{Rewrite.FIRST_TOKEN}: not if the answer depends on all tokens")
        if self.kept_in_float and self.precision in (Precision.FP32, *runtimes.get(self.runtime).TRAITS.uniform):
            raise ValueError(f"kept_in_float: {self.runtime} {self.precision} treats all operations alike")
        return self

    @property
    def name(self) -> str:
        """A short name, which is also that of its folder."""
        parts: list[str] = [self.runtime, self.precision]
        if self.calibration is not Calibration.MIN_MAX:
            parts.append(self.calibration)
        if self.rewrites != default_rewrites(self.runtime, self.reads):
            parts.append("+".join(self.rewrites) or "plain")
        if self.kept_in_float:
            parts.append("float-" + "+".join(self.kept_in_float))
        return "-".join(parts)

    @property
    def base(self) -> "Variant":
        """The fp32 variant that this one is made from."""
        return Variant(runtime=self.runtime, precision=Precision.FP32, reads=self.reads, rewrites=self.rewrites)
