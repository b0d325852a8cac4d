"""A variant: one way to convert a student for one runtime. Torch-free."""

from typing import Any, Literal

from pydantic import Field, model_validator

from contract.strict import Strict
from infer import runtimes
from infer.folders.rewrite import Calibration, Rewrite
from targets.profile import Precision, RuntimeName

# What of the last layer the answer is made of, as a task says it.
Reads = Literal["first", "all"]
# Those of the student itself, whatever runs it; others are of a runtime's operations.
OF_STUDENT = frozenset({Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT})


def default_rewrites(runtime: RuntimeName, reads: Reads) -> tuple[Rewrite, ...]:
    """Return those that are applied where nothing else is said, in the order of `Rewrite`."""
    of_task = (Rewrite.FIRST_TOKEN,) if reads == "first" else ()
    wanted = {*of_task, Rewrite.SCALED_QUERY, *runtimes.get(runtime).TRAITS.default_rewrites}
    return tuple(one for one in Rewrite if one in wanted)


def rewrites_of(runtime: RuntimeName) -> frozenset[Rewrite]:
    """Return those that a runtime can run."""
    return OF_STUDENT | runtimes.get(runtime).TRAITS.rewrites


def _default(fields: dict[str, Any]) -> tuple[Rewrite, ...]:
    # A value that is none of its field's has an error of its own.
    known = {"runtime", "reads"} <= fields.keys()
    return default_rewrites(fields["runtime"], fields["reads"]) if known else ()


class Variant(Strict):
    """One way to convert a student.

    Attributes:
        reads: what of the last layer the student's answer is made of: its `first` token, or `all` of them.
        rewrites: in the order of `Rewrite`; those that the runtime can run.
        calibration: of static int8.
        kept_in_float: operations that are not quantised, by the names of `convert.operations`; of precisions that
            can treat one otherwise than another.
    """

    runtime: RuntimeName
    precision: Precision
    reads: Reads = "first"
    rewrites: tuple[Rewrite, ...] = Field(default_factory=_default)
    calibration: Calibration = Calibration.MIN_MAX
    kept_in_float: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_runtime(self) -> "Variant":
        others = set(self.rewrites) - rewrites_of(self.runtime)
        if others:
            raise ValueError(f"{', '.join(sorted(others))}: not for {self.runtime}")
        if Rewrite.FIRST_TOKEN in self.rewrites and self.reads != "first":
            raise ValueError(f"{Rewrite.FIRST_TOKEN}: not where the answer is made of all tokens")
        if self.kept_in_float and self.precision in (Precision.FP32, *runtimes.get(self.runtime).TRAITS.uniform):
            raise ValueError(f"kept_in_float: {self.runtime} {self.precision} treats all operations alike")
        return self

    @property
    def name(self) -> str:
        """The variant in a few words, which also name its folder."""
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
        """The fp32 model that this one is made from."""
        return Variant(runtime=self.runtime, precision=Precision.FP32, reads=self.reads, rewrites=self.rewrites)
