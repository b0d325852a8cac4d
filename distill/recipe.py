"""A recipe: the data, the teacher, the student and the training stages of one distillation, read from TOML."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from contract.errors import InputError
from contract.strict import Strict, near_miss, parse, read_toml
from distill import tasks
from distill.augment.settings import Augmentation
from distill.change import change
from distill.expected import Expected
from distill.search_space import Search
from distill.shape import Shape
from distill.vocabulary import Vocabulary

NotFinite = Literal["stop", "skip"]
FakeQuantize = Literal["dynamic", "static"]
DataFormat = Literal["tsv", "csv", "jsonl", "parquet", "hub", "generated"]
# Another key changes what the student may score, so that what was measured with the recipe no longer holds.
UNEXPECTING = ("seed", "student.seed", "name", "expected")
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Data(Strict):
    """Where the task's sentences are.

    Attributes:
        format: of the files; `hub` for a Hugging Face data set, `generated` for the project's own sentences.
        train, validation: file names below --data, or split names of a hub data set.
        dataset: the hub data set, `name` or `name:configuration`.
        text, text_pair, label: column names; no text_pair for single sentences.
        label_names: in the order of the label numbers; none for regression, whose labels are scores.
        train_rows: train on so many rows, drawn by the recipe's seed, instead of all.
    """

    format: DataFormat
    train: str = "train"
    validation: str = "validation"
    dataset: str = ""
    text: str = "text"
    text_pair: str = ""
    label: str = "label"
    label_names: tuple[str, ...] = ()
    train_rows: Annotated[int, Field(ge=2)] | None = None

    @field_validator("label_names")
    @classmethod
    def _distinct(cls, label_names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(label_names)) < len(label_names):
            raise ValueError(f"names a label twice: {', '.join(label_names)}")
        return label_names


class Training(Strict):
    """One pass of training.

    Attributes:
        epochs: passes over the training sentences.
        learning_rate: its highest value, after a warm-up over `warmup` of the steps, then falling to 0 linearly.
        batch_size: sentences a step, of all processes together.
        not_finite: what to do where loss or gradients are not finite: `stop`, or `skip` the step, ten in a row at most.
    """

    epochs: Annotated[float, Field(ge=0)]
    learning_rate: Positive
    batch_size: Annotated[int, Field(ge=1)] = 32
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    not_finite: NotFinite = "stop"


class TeacherRecipe(Training):
    """The teacher.

    Attributes:
        model: `package:NAME`, a Hugging Face name, or a folder; fine-tuned when it is not yet a classifier.
        floor: of the recipe's metric on the validation split; below it the teacher is refused.
        also: more teachers of the same task, whose logits are fused with its own; what is learned of the inside is
            learned from `model` alone.
        fusion: `mean`, `weighted` by `weights`, or `best`, the teacher nearest the label of each training sentence.
        weights: of `model` and each of `also`.
    """

    model: str
    floor: Annotated[float, Field(ge=0, le=1)]
    also: tuple[str, ...] = ()
    fusion: Literal["mean", "weighted", "best"] = "mean"
    weights: tuple[Weight, ...] = ()

    @model_validator(mode="after")
    def _weights_fit(self) -> "TeacherRecipe":
        wanted = 1 + len(self.also) if self.fusion == "weighted" else 0
        if len(self.weights) != wanted or (wanted and not any(self.weights)):
            raise ValueError(
                f"fusion = {self.fusion!r} of {1 + len(self.also)} teachers needs {wanted} weights, not all 0"
            )
        return self


class StudentRecipe(Strict):
    """The student's shape and start; give `layers`, `preset` or `shape`.

    Attributes:
        layers: teacher layers to start from, from 0; alone, the student has the teacher's width and a copy of these.
        preset: a named shape.
        shape: a free shape.
        start: `copied` from teacher layers; `narrowed`, copied from teacher layers cut to the shape's width by what is
            most important there; `general`, from the general distillation of the recipe's section; `random`.
            By default copied for `layers` alone, general where the recipe has such a section, else random.
        mapping: which teacher layers it learns from: a strategy, or one teacher layer for each of its own;
            by default those it is copied from, else uniform.
        seed: of the student alone, in place of the recipe's, to train several of one teacher.
        vocabulary: keep the word pieces that the training sentences, and perhaps a corpus, need, and no others.
        cut_positions: give it positions for the recipe's max_length_tokens alone.
        embedding_width: of a factorised embedding, projected to the student's width.
        convolution_layers: layers, from 0, with a depthwise-separable convolution in place of attention.
        convolution_kernel: how many tokens one of these sees.
        pooled_after: layers after which each two tokens become one, [CLS] apart.
    """

    layers: tuple[int, ...] = ()
    preset: str = ""
    shape: Shape | None = None
    start: Literal["copied", "narrowed", "general", "random"] | None = None
    mapping: Literal["uniform", "top", "bottom", "last"] | tuple[int, ...] | None = None
    seed: Seed | None = None
    vocabulary: Vocabulary | None = None
    cut_positions: bool = False
    embedding_width: Annotated[int, Field(ge=1)] | None = None
    convolution_layers: tuple[int, ...] = ()
    convolution_kernel: Annotated[int, Field(ge=1)] = 7
    pooled_after: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _one_shape(self) -> "StudentRecipe":
        if sum(map(bool, (self.preset, self.shape))) > 1 or not (self.layers or self.preset or self.shape):
            raise ValueError("give either layers, preset or shape")
        shaped = bool(self.preset or self.shape)
        if self.layers and shaped and self.start != "narrowed":
            raise ValueError('layers and a shape together need start = "narrowed"')
        if not shaped and self.start not in (None, "copied", "random"):
            raise ValueError(f"start = {self.start!r} needs preset or shape")
        if shaped and self.start == "copied":
            raise ValueError('start = "copied" needs layers alone; start = "narrowed" cuts them to a shape')
        return self


class LossWeights(Strict):
    """Weight of each loss; 0 leaves it out.

    Attributes:
        embedding, hidden, attention: the transformer-layer losses (TinyBERT, section 3.1).
        relation: query, key and value relations of the last layer (MiniLMv2), for students of other heads or width.
        prediction: soft cross-entropy with the teacher's logits.
        labels: cross-entropy with the data's labels.
    """

    embedding: Weight = 0.0
    hidden: Weight = 0.0
    attention: Weight = 0.0
    relation: Weight = 0.0
    prediction: Weight = 0.0
    labels: Weight = 0.0

    @model_validator(mode="after")
    def _some(self) -> "LossWeights":
        if not any(self.model_dump().values()):
            raise ValueError("all weights are 0")
        return self


class Stage(Training):
    """One training stage of the student.

    Attributes:
        prediction_loss: how logits are compared with the teacher's: soft cross-entropy (TinyBERT), divergence, or their
            squared difference.
        temperature: divides both logits in the first two.
        relation_heads: how many heads the relation loss splits the vectors of both into.
        dropout: of the student, in place of its configuration's.
        cache_layers: keep what the teacher shows inside on disk, so that it runs over the data once for all epochs.
        fake_quantize: train with weights and activations rounded as int8 will be: `dynamic`, as in ONNX Runtime and
            LiteRT, or `static`, as in OpenVINO.
    """

    name: str
    losses: LossWeights
    prediction_loss: Literal["soft_cross_entropy", "divergence", "squared_error"] = "soft_cross_entropy"
    temperature: Positive = 1.0
    relation_heads: Annotated[int, Field(ge=1)] = 12
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    cache_layers: bool = False
    fake_quantize: FakeQuantize | None = None


class General(Stage):
    """General distillation: the encoder, not fine-tuned, teaches a new student on plain text (TinyBERT, section 3.2).

    Attributes:
        model: the encoder, where teacher.model is one that was fine-tuned; by default that.
        corpus: a text file, plain or .gz, one paragraph a line.
        tokens: how many of its tokens to train on.
        length_tokens: tokens of one training sentence.
    """

    name: str = "general"
    losses: LossWeights = LossWeights(embedding=1.0, hidden=1.0, attention=1.0)
    epochs: Annotated[float, Field(ge=0)] = 1
    model: str = ""
    corpus: str
    tokens: Annotated[int, Field(ge=1)]
    length_tokens: Annotated[int, Field(ge=8, le=512)] = 128

    @model_validator(mode="after")
    def _no_task(self) -> "General":
        if self.losses.prediction or self.losses.labels:
            raise ValueError("general distillation has no task, so no prediction or labels loss")
        if self.fake_quantize:
            raise ValueError("the stages after general distillation would undo fake_quantize, give it to one of them")
        return self


class Soup(Strict):
    """Several students of one start, whose weights are averaged to one (Wortsman et al., Model soups, 2203.05482).

    Attributes:
        students: how many are trained, each with its own order and dropout.
        kind: `uniform`, the mean of all; `greedy`, of those that do not lower the score on rows held out of the
            training split, which are then not trained on.
    """

    students: Annotated[int, Field(ge=2)]
    kind: Literal["uniform", "greedy"] = "uniform"


class Recipe(Strict):
    """A whole distillation.

    Attributes:
        metric: what the teacher and the student are judged by first; the task's usual one if not given.
        expected: what the student scored when the recipe was written, if that was measured.
    """

    schema_version: Literal[1]
    name: str
    task: tasks.Name
    metric: str = ""
    seed: Seed = 0
    max_length_tokens: Annotated[int, Field(ge=8, le=512)] = 128
    calibration_sentences: Annotated[int, Field(ge=1)] = 128
    data: Data
    teacher: TeacherRecipe
    student: StudentRecipe
    general: General | None = None
    augmentation: Augmentation | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    soup: Soup | None = None
    search: Search | None = None
    expected: Expected | None = None

    @property
    def main_metric(self) -> str:
        """The metric to judge by first."""
        return self.metric or tasks.get(self.task).METRICS[0]

    @model_validator(mode="after")
    def _fits_task(self) -> "Recipe":
        known = tasks.get(self.task).METRICS
        if self.metric and self.metric not in known:
            raise ValueError(f"{self.task} has no metric {self.metric!r}, only {', '.join(known)}")
        if self.task == "classification":
            if len(self.data.label_names) < 2:
                raise ValueError("classification needs at least two data.label_names")
            if self.metric == "f1_binary" and len(self.data.label_names) != 2:
                raise ValueError("the metric f1_binary is of two labels, use f1_macro")
        elif self.data.label_names or self.data.format == "generated":
            raise ValueError("regression has scores: no data.label_names, and no generated data")
        return self

    @property
    def student_seed(self) -> int:
        """The seed of the student."""
        return self.seed if self.student.seed is None else self.student.seed

    @property
    def start(self) -> str:
        """How the student starts, with the default resolved."""
        if self.student.start is not None:
            return self.student.start
        if not (self.student.preset or self.student.shape):
            return "copied"
        return "general" if self.general else "random"

    @model_validator(mode="after")
    def _general_is_there(self) -> "Recipe":
        if self.student.start == "general" and self.general is None:
            raise ValueError('student.start = "general" needs a section [general]')
        return self

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError("use letters, digits, '-' and '_' only")
        return name


def names() -> list[str]:
    """Return the names of the recipes that come with this project."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read(name: str, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        name: a TOML file, or the name of a recipe that comes with this project.
        overrides: `key=value` with a dotted key, such as `student.layers=[1, 5]`; the value is TOML, or else a string.

    Raises:
        InputError: no such recipe or key (with the near miss), or a value out of its range.
    """
    path = Path(name)
    if not path.is_file() and not name.endswith(".toml"):
        path = _folder() / f"{name}.toml"
        if not path.is_file():
            raise InputError(f"unknown recipe {name!r}{near_miss(name, names())}", f"known: {', '.join(names())}")
    recipe = read_toml(path, Recipe)
    return changed(recipe, overrides) if overrides else recipe


def changed(recipe: Recipe, overrides: tuple[str, ...]) -> Recipe:
    """Return a recipe with some keys changed.

    Args:
        recipe: stays as it is.
        overrides: as `read` takes them.

    Raises:
        InputError: no such key (with the near miss), or a value out of its range.
    """
    document = recipe.model_dump(mode="json", exclude_unset=True)
    if any(override.partition("=")[0].strip() not in UNEXPECTING for override in overrides):
        document.pop("expected", None)
    for override in overrides:
        change(document, override)
    return parse(Recipe, document, "--set")


def _folder() -> Path:
    return Path(str(files("distill"))) / "recipes"
