"""Plain text to training sentences for general distillation, in bounded memory whatever its size."""

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.progress import bar
from contract.tokens import Tokens

PARAGRAPHS_AT_ONCE = 256


def read(
    path: Path, tokenizer: PreTrainedTokenizerFast, *, tokens: int, length_tokens: int, cache: Path, tokenizer_key: str
) -> Tokens:
    """Return the first tokens of a corpus as sentences of one length, memory-mapped.

    The paragraphs are joined and cut, so that no sentence holds padding; each has its own special tokens.

    Args:
        path: a text file, plain or .gz, one paragraph a line.
        tokenizer: of the teacher.
        tokens: how many at least, special tokens included.
        length_tokens: of each sentence.
        cache: folder of the token file, which is found again by what it was made from.
        tokenizer_key: hash of the tokenizer.

    Raises:
        InputError: the corpus is missing, no text, or shorter than asked for.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such corpus", "set general.corpus to a text file, plain or .gz")
    sentences = -(-tokens // length_tokens)
    stat = path.stat()
    key = sha256_of_value([path.name, stat.st_size, stat.st_mtime_ns, tokenizer_key, sentences, length_tokens])
    file = cache / f"corpus-{key[:16]}.npy"
    if not file.is_file():
        _write(path, tokenizer, file, sentences, length_tokens)
    ids_NL = np.load(file, mmap_mode="r", allow_pickle=False)
    return Tokens(
        ids_T=ids_NL.reshape(-1),
        types_T=np.broadcast_to(np.int8(0), ids_NL.size),
        offsets=np.arange(0, ids_NL.size + 1, length_tokens, dtype=np.int64),
    )


def paragraphs(path: Path) -> Iterator[str]:
    """Give the paragraphs of a corpus one by one.

    Raises:
        InputError: it cannot be read as UTF-8 text.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for line in file:
                if text := line.strip():
                    yield text
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as text ({reason})", "give UTF-8 text, plain or .gz") from error


def _write(path: Path, tokenizer: PreTrainedTokenizerFast, file: Path, sentences: int, length_tokens: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(".partial")
    array_NL = np.lib.format.open_memmap(half, mode="w+", dtype=np.int32, shape=(sentences, length_tokens))
    try:
        with bar("Tokenising the corpus", sentences) as advance:
            rows = 0
            for ids in islice(_cut(path, tokenizer, length_tokens), sentences):
                array_NL[rows] = ids
                rows += 1
                advance(1)
        if rows < sentences:
            raise InputError(
                f"{path}: holds {rows * length_tokens:,} tokens, not the {sentences * length_tokens:,} asked for",
                "lower general.tokens or give a larger corpus",
            )
        array_NL.flush()
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)


def _cut(path: Path, tokenizer: PreTrainedTokenizerFast, length_tokens: int) -> Iterator[list[int]]:
    """Give sentences of exactly so many token ids, special tokens included."""
    first_id, last_id = tokenizer.cls_token_id, tokenizer.sep_token_id
    if first_id is None or last_id is None:
        raise InputError("the teacher's tokenizer has no [CLS] and [SEP]", "give a BERT-like teacher")
    body = length_tokens - 2
    pending: list[int] = []
    texts = paragraphs(path)
    while batch := list(islice(texts, PARAGRAPHS_AT_ONCE)):
        for ids in tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]:
            pending += ids
        whole = len(pending) // body * body
        for first in range(0, whole, body):
            yield [first_id, *pending[first : first + body], last_id]
        pending = pending[whole:]
