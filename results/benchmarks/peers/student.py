"""The student that all models were made from: a Hugging Face folder with a tokenizer and labels."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = dict[str, str]


def pad_id(folder: Path) -> int:
    """Return the id of the padding token."""
    return int(_config(folder).get("pad_token_id") or 0)


def columns(folder: Path) -> int:
    """Return the number of labels."""
    return len(_config(folder).get("id2label", ("", "")))


def labels(folder: Path, rows: Sequence[Row]) -> NDArray[np.int64] | None:
    """Return the numbers of the true labels, which may be given by name; None without a column `label`."""
    if "label" not in rows[0]:
        return None
    numbers = _config(folder).get("label2id", {})
    return np.array([int(numbers.get(row["label"], row["label"])) for row in rows])


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config
