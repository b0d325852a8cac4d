"""A plain-text corpus: tokenise it for general distillation or count its word pieces, in bounded memory."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from contract.digest import sha256_of_value
from contract.disk import preallocate
from contract.errors import InputError
from contract.progress import bar
from contract.tokens import Tokens

PARAGRAPHS_AT_ONCE = 256
VOCABULARY_CORPUS_KEY = "student.vocabulary.corpus"


def read(
    path: Path, tokenizer: PreTrainedTokenizerFast, *, tokens: int, length_tokens: int, cache: Path, tokenizer_key: str
) -> Tokens:
    """Return the first tokens of a corpus as sentences of equal length, memory-mapped.

    The paragraphs are joined and cut so that no sentence contains padding; each sentence has its own special tokens.

    Args:
        path: text file, plain or .gz, one paragraph per line.
        tokenizer: the teacher's tokenizer.
        tokens: minimum number of tokens, special tokens included.
        length_tokens: length of a sentence.
        cache: folder for the token file, which is reused while its inputs stay the same.
        tokenizer_key: hash of the tokenizer.

    Raises:
        InputError: the corpus is missing, not text, or too short.
    """
    _check(path, "general.corpus")
    sentences = -(-tokens // length_tokens)
    stat = path.stat()
    key = sha256_of_value([path.name, stat.st_size, stat.st_mtime_ns, tokenizer_key, sentences, length_tokens])
    file = cache / f"corpus-{key[:16]}.npy"
    if not _is_complete(file, (sentences, length_tokens)):
        _write(path, tokenizer, file, sentences, length_tokens)
    ids_NL = np.load(file, mmap_mode="r", allow_pickle=False)
    return Tokens(
        ids_T=ids_NL.reshape(-1),
        types_T=np.broadcast_to(np.int8(0), ids_NL.size),
        offsets=np.arange(0, ids_NL.size + 1, length_tokens, dtype=np.int64),
    )


def count(path: Path, tokenizer: PreTrainedTokenizerFast, *, lines: int, size: int) -> NDArray[np.int64]:
    """Count the occurrences of each word piece in a corpus, without special tokens.

    Args:
        path: text file, plain or .gz, one paragraph per line.
        tokenizer: tokenizer with V pieces.
        lines: maximum number of paragraphs to read.
        size: V.

    Returns:
        The counts, shape (V,), read-only.

    Raises:
        InputError: the corpus is missing, empty, or not text.
    """
    _check(path, VOCABULARY_CORPUS_KEY)
    document = json.loads(tokenizer.backend_tokenizer.to_str())
    # Some tokenizers have truncation or padding switched on; paragraphs are counted whole and without padding.
    plain = json.dumps({**document, "truncation": None, "padding": None}, sort_keys=True)
    return _count(path, path.stat().st_mtime_ns, plain, lines, size)


@lru_cache(maxsize=4)  # the check before a run, the run, and all trials of a search need the same counts
def _count(path: Path, _mtime_ns: int, document: str, lines: int, size: int) -> NDArray[np.int64]:
    tokenizer: Tokenizer = Tokenizer.from_str(document)
    counts_V = np.zeros(size, dtype=np.int64)
    texts = islice(paragraphs(path), lines)
    with bar("Counting the word pieces of the corpus", lines) as advance:
        while batch := list(islice(texts, PARAGRAPHS_AT_ONCE)):
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                counts_V += np.bincount(np.asarray(encoding.ids, dtype=np.int64), minlength=size)
            advance(len(batch))
    if not counts_V.any():
        raise InputError(f"{path}: contains no text", f"set {VOCABULARY_CORPUS_KEY} to a text in the task's language")
    counts_V.setflags(write=False)
    return counts_V


def digest(path: Path, lines: int) -> str:
    """Return the SHA-256 of the first paragraphs of a corpus, independent of its name and compression.

    Args:
        path: text file, plain or .gz, one paragraph per line.
        lines: number of paragraphs.

    Raises:
        InputError: the corpus is missing or not text.
    """
    _check(path, VOCABULARY_CORPUS_KEY)
    sha256 = hashlib.sha256()
    for text in islice(paragraphs(path), lines):
        sha256.update(f"{text}\n".encode())
    return sha256.hexdigest()


def paragraphs(path: Path) -> Iterator[str]:
    """Yield the non-empty paragraphs of a corpus.

    Raises:
        InputError: the corpus cannot be read as UTF-8 text.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for line in file:
                if "\0" in line:
                    raise ValueError("it contains NUL bytes")
                if text := line.strip():
                    yield text
    except (OSError, EOFError, ValueError, zlib.error) as error:  # ValueError includes UnicodeDecodeError
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as text ({reason})", "give UTF-8 text, plain or .gz") from error


def _is_complete(file: Path, shape: tuple[int, int]) -> bool:
    if not file.is_file():
        return False
    try:
        return bool(np.load(file, mmap_mode="r", allow_pickle=False).shape == shape)
    except (ValueError, EOFError):  # truncated
        return False


def _check(path: Path, key: str) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such corpus", f"set {key} to a text file, plain or .gz")


def _write(path: Path, tokenizer: PreTrainedTokenizerFast, file: Path, sentences: int, length_tokens: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    array_NL = np.lib.format.open_memmap(partial, mode="w+", dtype=np.int32, shape=(sentences, length_tokens))
    try:
        preallocate(partial)
        with bar("Tokenising the corpus", sentences) as advance:
            rows = 0
            for ids in islice(_cut(path, tokenizer, length_tokens), sentences):
                array_NL[rows] = ids
                rows += 1
                advance(1)
        if rows < sentences:
            raise InputError(
                f"{path}: has {rows * length_tokens:,} tokens, but {sentences * length_tokens:,} are needed",
                "lower general.tokens or use a larger corpus",
            )
        array_NL.flush()
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _cut(path: Path, tokenizer: PreTrainedTokenizerFast, length_tokens: int) -> Iterator[list[int]]:
    """Yield sentences of exactly `length_tokens` ids, special tokens included."""
    first_id, last_id = tokenizer.cls_token_id, tokenizer.sep_token_id
    if first_id is None or last_id is None:
        raise InputError("the teacher's tokenizer has no [CLS] and [SEP]", "use a BERT-like teacher")
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
