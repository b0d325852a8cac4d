"""The artifact folder: one model for one runtime, and all a device needs to run and time it."""

from pathlib import Path

from contract.folder import Manifest, read_manifest
from contract.strict import Strict
from infer.folders.model import Loadable
from infer.folders.variant import Variant
from targets.profile import Precision, RuntimeName

ARTIFACT_MANIFEST = "artifact.json"
EVALUATION = "evaluation.npz"
TOKENIZER = "tokenizer.json"


class Parity(Strict):
    """How far an artifact's outputs are from the PyTorch student's, on real padded sentences.

    Attributes:
        sentences: how many were compared.
        agreement: share of sentences with the same predicted label; of a score, with nearly the same one.
        max_abs_difference: largest difference of one logit.
        mean_abs_difference: mean difference of a logit.
    """

    sentences: int
    agreement: float
    max_abs_difference: float
    mean_abs_difference: float


class Quality(Strict):
    """How right an artifact answered when it was converted, on all evaluation sentences; another device may differ.

    Attributes:
        metric: what the student's recipe judges by.
        value, student, teacher: of the artifact, of the PyTorch student, of the teacher.
        lost: sentences whose label the student has right and the artifact wrong; null for scores.
        gained: the other way round.
        divergence: mean Kullback-Leibler divergence from the teacher's probabilities, in nats; null for scores.
    """

    metric: str
    value: float
    student: float
    teacher: float
    lost: int | None
    gained: int | None
    divergence: float | None


class Artifact(Manifest):
    """artifact.json.

    Attributes:
        name: the student's recipe.
        variant: how it was converted; its rewrites are those that could be applied.
        model_file: the file to load, among `files`.
        inputs: names of the model's inputs, in the order ids, mask, token types.
        length_buckets_tokens: the padded lengths it takes; empty if it takes any.
        threads: what its profile gives a runtime.
        quantization: what was quantised and how, one line a step; empty for fp32.
    """

    name: str
    task: str
    label_names: tuple[str, ...]
    variant: Variant
    target: str
    model_file: str
    inputs: tuple[str, str, str]
    length_buckets_tokens: tuple[int, ...]
    max_length_tokens: int
    threads: int
    quantization: tuple[str, ...]
    parity: Parity
    quality: Quality

    @property
    def runtime(self) -> RuntimeName:
        """What runs it."""
        return self.variant.runtime

    @property
    def precision(self) -> Precision:
        """The numbers it is stored and computed in."""
        return self.variant.precision

    @property
    def model_size_bytes(self) -> int:
        """Size of what a device needs to answer: the model and the tokenizer, without the evaluation sentences."""
        return self.size_bytes - self.files[EVALUATION].size_bytes

    def loadable(self, folder: Path, *, threads: int, buckets: tuple[int, ...]) -> Loadable:
        """Return the model as its runtime takes it.

        Args:
            folder: of this artifact.
            threads: how many one inference may use.
            buckets: the lengths to pad to; not at all if empty.
        """
        return Loadable(
            folder=folder,
            runtime=self.runtime,
            model_file=self.model_file,
            inputs=self.inputs,
            buckets=buckets,
            threads=threads,
        )


def read_artifact(folder: Path) -> Artifact:
    """Read artifact.json.

    Raises:
        InputError: not a finished artifact folder.
    """
    return read_manifest(folder / ARTIFACT_MANIFEST, Artifact)
