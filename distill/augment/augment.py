"""Make new training rows from the existing ones, cached in a file until any input changes."""

import json
import random
from pathlib import Path

from contract.digest import sha256_of_file, sha256_of_value
from contract.errors import InputError
from contract.files import write_atomic
from contract.progress import note
from contract.versions import versions_of
from distill.augment import masked_lm as masked_lms
from distill.augment.candidates import find_candidates
from distill.augment.sample import NewRow, sample_rows
from distill.data.rows import Rows, labelled
from distill.model import source
from distill.recipe.augmentation import Augmentation

REVISION = 1  # bump when the same settings would give other rows
SAMPLES_SHOWN = 20


def augment(
    rows: Rows, settings: Augmentation, *, masked_lm: Path | None, neighbours: Path | None, seed: int, cache: Path
) -> Rows:
    """Return new rows, each with the label of its source row, and print some of them.

    The two texts of a pair are sampled separately, while the other text stays unchanged, so a pair gives up to twice
    `samples_per_sentence` rows. A new row never equals an existing row or another new row.

    Args:
        rows: N rows of the training split.
        settings: the recipe's [augmentation] section.
        masked_lm: folder of the masked LM, or None.
        neighbours: file of word vectors or word pairs, or None.
        seed: the same seed gives the same rows.
        cache: folder for the new rows, in a file named by the hash of all inputs.

    Raises:
        InputError: the masked LM has no head, the neighbours cannot be read, Chinese words cannot be segmented, or
            there is no new row.
    """
    file = cache / f"augmented-{_key(rows, settings, masked_lm, neighbours, seed)[:16]}.jsonl"
    if file.is_file():
        new_rows = _read(file)
    else:
        new_rows = _make(rows, settings, masked_lm, neighbours, seed)
        lines = (json.dumps([row.source, row.text, row.pair], ensure_ascii=False) for row in new_rows)
        write_atomic(file, "".join(f"{line}\n" for line in lines))
    show(rows, new_rows, seed)
    return labelled(
        [row.text for row in new_rows],
        None if rows.pairs is None else [str(row.pair) for row in new_rows],
        rows.labels_N[[row.source for row in new_rows]],
    )


def show(rows: Rows, new_rows: list[NewRow], seed: int) -> None:
    """Print the number of new rows, and some of them next to their source text."""
    note(f"{len(new_rows)} new rows from {len(rows)}; some of them:")
    for row in random.Random(seed).sample(new_rows, min(SAMPLES_SHOWN, len(new_rows))):
        before, after = rows.texts[row.source], row.text
        if rows.pairs is not None and before == after:
            before, after = rows.pairs[row.source], str(row.pair)
        note(f"  {before} -> {after}")


def _make(
    rows: Rows, settings: Augmentation, masked_lm: Path | None, neighbours: Path | None, seed: int
) -> list[NewRow]:
    # The candidates of a text that occurs in several rows, such as a premise, are only searched once.
    texts = tuple(dict.fromkeys((*rows.texts, *(rows.pairs or ()))))
    lm = None if masked_lm is None else masked_lms.load(masked_lm)
    candidates = dict(zip(texts, find_candidates(texts, settings, lm, neighbours), strict=True))
    new_rows = sample_rows(rows, candidates, settings, seed)
    if not new_rows:
        raise InputError(
            "no word of the training texts has a replacement candidate",
            "set augmentation.masked_lm or augmentation.neighbours to another source",
        )
    return new_rows


def _key(rows: Rows, settings: Augmentation, masked_lm: Path | None, neighbours: Path | None, seed: int) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "rows": rows.key(),
            # The names of the two sources and the batch size do not change the rows.
            "settings": settings.model_dump(exclude={"masked_lm", "neighbours", "batch_size"}),
            "masked_lm": masked_lm and source.locate(str(masked_lm)).sha256,
            "neighbours": neighbours and sha256_of_file(neighbours),
            "segmenter": versions_of("jieba").get("jieba") if settings.unit == "word" else None,
            "seed": seed,
        }
    )


def _read(file: Path) -> list[NewRow]:
    try:
        return [NewRow(*json.loads(line)) for line in file.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file}: cannot be read", "delete it and run again") from error
