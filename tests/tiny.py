"""Tiny fixtures: a tokenizer with a few word pieces, a narrow two-layer BERT for each task, sentences whose label is
their last word, and a recipe to distil them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, PreTrainedModel, PreTrainedTokenizerFast

from distill import tasks

WORDS = ("good", "bad", "film", "the", "a", "was", "not", "very", "fine", "poor")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
NAMES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def tokenizer(
    pieces: Sequence[str] = (*SPECIAL, *WORDS), *, like_bert: bool = False, **names: str
) -> PreTrainedTokenizerFast:
    """Return a lower-case WordPiece tokenizer.

    Args:
        pieces: vocabulary, in the order of the ids.
        like_bert: split texts like BERT, which makes each Chinese character a word; otherwise only at spaces and
            punctuation.
        names: further special tokens, such as mask_token.
    """
    made = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer() if like_bert else normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer() if like_bert else pre_tokenizers.Whitespace()
    first, last = (("[CLS]", pieces.index("[CLS]")), ("[SEP]", pieces.index("[SEP]")))
    made.post_processor = processors.BertProcessing(last, first)
    return PreTrainedTokenizerFast(tokenizer_object=made, **NAMES, **names)


def config(**changes: Any) -> BertConfig:
    """Return the configuration of a tiny BERT without dropout, by default for the vocabulary of `tokenizer`."""
    shape: dict[str, Any] = {
        "vocab_size": len(SPECIAL + WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return BertConfig(**{**shape, **changes})


def model(task: str, names: Sequence[str] = (), **changes: Any) -> PreTrainedModel:
    """Return a tiny model with the untrained head of a task.

    Args:
        task: name of the task.
        names: the model's labels or tags; none for scores.
        changes: changes to `config`.
    """
    half = tasks.get(task)
    made: PreTrainedModel = half.model_class().from_config(config(**half.head_config(names), **changes))
    made.eval()
    return made


def write_sentences(folder: Path, train_rows: int = 64, validation_rows: int = 16) -> Path:
    """Write train.tsv and dev.tsv with sentences whose last word decides the label; return their folder."""
    folder.mkdir(exist_ok=True)
    for name, first, rows in (("train.tsv", "the", train_rows), ("dev.tsv", "a", validation_rows)):
        lines = [f"{first} {subject(row)} {'good' if row % 2 else 'bad'}\t{row % 2}" for row in range(rows)]
        (folder / name).write_text("sentence\tlabel\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


def subject(row: int) -> str:
    """Return the beginning of a sentence; its length depends on the row."""
    return " ".join(["film was", *("very" for _ in range(row % 5))])


def write_recipe(path: Path, model: Path, *, floor: float = 0.9, student: str = "layers = [1]") -> Path:
    """Write a classification recipe; return its path."""
    path.write_text(
        f"""
schema_version = 1
name = "tiny"
task = "classification"
seed = 1
max_length_tokens = 16
calibration_sentences = 8

[data]
format = "tsv"
train = "train.tsv"
validation = "dev.tsv"
text = "sentence"
label_names = ["negative", "positive"]

[teacher]
model = "{model}"
epochs = 12
learning_rate = 3e-3
batch_size = 8
floor = {floor}

[student]
{student}

[[stages]]
name = "layers"
epochs = 2
learning_rate = 1e-3
batch_size = 8
losses = {{ embedding = 1.0, hidden = 1.0, attention = 1.0 }}

[[stages]]
name = "prediction"
epochs = 6
learning_rate = 1e-3
batch_size = 8
losses = {{ prediction = 1.0, labels = 0.5 }}
""",
        encoding="utf-8",
    )
    return path
