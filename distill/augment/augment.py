"""New training rows from the rows there are, kept in a file until anything that made them changes."""

import json
import random
from pathlib import Path

from contract.digest import sha256_of_file, sha256_of_value
from contract.errors import InputError
from contract.files import write_atomic
from contract.progress import note
from contract.versions import versions_of
from distill.augment import masked_lm as masked_lms
from distill.augment.candidates import candidates
from distill.augment.draw import NewRow, new_rows
from distill.data.rows import Rows, labelled
from distill.model import source
from distill.recipe.augmentation import Augmentation

REVISION = 1  # bump when the same settings would give other rows
SAMPLES_SHOWN = 20


def augment(
    rows: Rows, settings: Augmentation, *, masked_lm: Path | None, neighbours: Path | None, seed: int, cache: Path
) -> Rows:
    """Return new rows, each with the label of the row it was made from, and show some of them.

    The texts of a pair are drawn from one at a time, each beside the other as it was; so a pair gives up to twice
    `samples_per_sentence` rows. No new row is like a row there is or like another new one.

    Args:
        rows: N rows of the training split.
        settings: the recipe's section.
        masked_lm: folder of the masked LM, or None.
        neighbours: word vectors or a list of pairs, or None.
        seed: the same seed gives the same rows.
        cache: folder where the rows are kept, in a file named by the hash of all that made them.

    Raises:
        InputError: the masked LM has no head, the neighbours cannot be read, Chinese words cannot be told apart, or
            not a single new row was found.
    """
    file = cache / f"augmented-{_key(rows, settings, masked_lm, neighbours, seed)[:16]}.jsonl"
    if file.is_file():
        found = _read(file)
    else:
        found = _make(rows, settings, masked_lm, neighbours, seed)
        lines = (json.dumps([row.source, row.text, row.pair], ensure_ascii=False) for row in found)
        write_atomic(file, "".join(f"{line}\n" for line in lines))
    show(rows, found, seed)
    return labelled(
        [row.text for row in found],
        None if rows.pairs is None else [str(row.pair) for row in found],
        rows.labels_N[[row.source for row in found]],
    )


def show(rows: Rows, found: list[NewRow], seed: int) -> None:
    """Tell how many rows were made, and print some of them beside what they were made from."""
    note(f"{len(found)} new rows from {len(rows)}; some of them:")
    for row in random.Random(seed).sample(found, min(SAMPLES_SHOWN, len(found))):
        before, after = rows.texts[row.source], row.text
        if rows.pairs is not None and before == after:
            before, after = rows.pairs[row.source], str(row.pair)
        note(f"  {before} -> {after}")


def _make(
    rows: Rows, settings: Augmentation, masked_lm: Path | None, neighbours: Path | None, seed: int
) -> list[NewRow]:
    # A text that stands in several rows, as premises do, is asked for once.
    texts = tuple(dict.fromkeys((*rows.texts, *(rows.pairs or ()))))
    lm = None if masked_lm is None else masked_lms.load(masked_lm)
    choices = dict(zip(texts, candidates(texts, settings, lm, neighbours), strict=True))
    found = new_rows(rows, choices, settings, seed)
    if not found:
        raise InputError(
            "no word of the training texts has a candidate to replace it",
            "give another augmentation.masked_lm or augmentation.neighbours",
        )
    return found


def _key(rows: Rows, settings: Augmentation, masked_lm: Path | None, neighbours: Path | None, seed: int) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "rows": rows.key(),
            # How the two sources are named and how many texts go at a time changes nothing.
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
        raise InputError(f"{file}: cannot be read", "remove it and run again") from error
