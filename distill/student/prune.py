"""Drop the word pieces that a student does not need, from its tokenizer and from its embedding.

Shapes: V pieces of the whole vocabulary, K pieces that are kept.
"""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.errors import InputError
from contract.tokens import Tokens
from distill.data import corpus
from distill.data.tokenise import TOKENIZER_FILE, load_tokenizer
from distill.model import positions
from distill.recipe.vocabulary import Vocabulary
from distill.student.vocabulary import CONTINUING, Ids, choose, count


def kept_ids(tokenizer: PreTrainedTokenizerFast, tokens: Tokens, settings: Vocabulary) -> Ids:
    """Choose the pieces that the training sentences, a corpus, the special tokens and unseen words need.

    Args:
        tokenizer: the teacher's tokenizer.
        tokens: training sentences, tokenised with it.
        settings: how many pieces to keep, and the corpus.

    Returns:
        The teacher's id of each new id, in ascending order, shape (K,).

    Raises:
        InputError: the tokenizer has no word pieces, `rows` is too low, or the corpus cannot be used.
    """
    document = _document(tokenizer)
    pieces: dict[str, int] = document["model"]["vocab"]
    special = {*tokenizer.all_special_ids, *(int(token["id"]) for token in document["added_tokens"])}
    size = max(*pieces.values(), *special) + 1
    counts_V, corpus_counts_V = count(tokens, size), np.zeros(size, dtype=np.int64)
    if settings.corpus:
        corpus_counts_V = corpus.count(Path(settings.corpus), tokenizer, lines=settings.corpus_lines, size=size)
    return choose(pieces, sorted(special), counts_V, corpus_counts_V, settings)


def prune_tokenizer(tokenizer: PreTrainedTokenizerFast, kept_K: Ids) -> PreTrainedTokenizerFast:
    """Return a copy of a tokenizer that knows only the kept pieces.

    Args:
        tokenizer: a tokenizer of word pieces.
        kept_K: old id of each new id.

    Raises:
        InputError: the tokenizer has no word pieces.
    """
    new_id = {int(old): new for new, old in enumerate(kept_K)}
    document = _document(tokenizer)
    vocabulary = document["model"]["vocab"]
    document["model"]["vocab"] = {
        piece: new_id[old] for piece, old in sorted(vocabulary.items(), key=lambda item: item[1]) if old in new_id
    }
    for token in document["added_tokens"]:
        token["id"] = new_id[token["id"]]
    if document["padding"]:
        document["padding"]["pad_id"] = new_id[document["padding"]["pad_id"]]
    if document["post_processor"]:
        _renumber(document["post_processor"], new_id)
    with TemporaryDirectory() as name:
        # This way its class and its options are kept.
        tokenizer.save_pretrained(name)
        (Path(name) / TOKENIZER_FILE).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return load_tokenizer(Path(name))


def prune_embedding(model: PreTrainedModel, kept_K: Ids) -> None:
    """Keep only some rows of a model's embedding.

    Args:
        model: model whose embedding and configuration are changed.
        kept_K: old id of each new id; if the padding id is not kept, the tokenizer does not use it, and it is unset.

    Raises:
        InputError: the padding id would change, and the model derives its positions from it.
    """
    whole = model.get_input_embeddings()
    assert isinstance(whole, nn.Embedding)
    new_id = {int(old): new for new, old in enumerate(kept_K)}
    pad_id = new_id.get(model.config.pad_token_id)
    if positions.first(model) and pad_id != model.config.pad_token_id:
        raise InputError(
            f"the vocabulary of a {model.config.model_type} with padding id {model.config.pad_token_id} cannot be "
            "pruned, its positions are counted from that id",
            "leave out student.vocabulary",
        )
    pruned = nn.Embedding(len(kept_K), whole.embedding_dim, padding_idx=pad_id, device=whole.weight.device)
    with torch.no_grad():
        pruned.weight.copy_(whole.weight[torch.from_numpy(kept_K)])
    model.set_input_embeddings(pruned)
    model.config.vocab_size = len(kept_K)
    model.config.pad_token_id = pad_id


def _document(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return the contents of tokenizer.json.

    Raises:
        InputError: the tokenizer has no word pieces.
    """
    document: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    kind, prefix = document["model"]["type"], document["model"].get("continuing_subword_prefix")
    if kind != "WordPiece" or prefix != CONTINUING:
        raise InputError(
            f"the vocabulary of a {kind} tokenizer cannot be pruned, only WordPiece with {CONTINUING!r}",
            "leave out student.vocabulary",
        )
    return document


def _renumber(processor: dict[str, Any], new_id: dict[int, int]) -> None:
    """Renumber the special tokens that a post-processor adds."""
    if processor["type"] in _PROCESSORS:
        _PROCESSORS[processor["type"]](processor, new_id)


def _renumber_template(processor: dict[str, Any], new_id: dict[int, int]) -> None:
    for token in processor["special_tokens"].values():
        token["ids"] = [new_id[old] for old in token["ids"]]


def _renumber_pair(processor: dict[str, Any], new_id: dict[int, int]) -> None:
    for role in ("sep", "cls"):
        piece, old = processor[role]
        processor[role] = [piece, new_id[old]]


def _renumber_sequence(processor: dict[str, Any], new_id: dict[int, int]) -> None:
    for inner in processor["processors"]:
        _renumber(inner, new_id)


_PROCESSORS: dict[str, Callable[[dict[str, Any], dict[int, int]], None]] = {
    "TemplateProcessing": _renumber_template,
    "BertProcessing": _renumber_pair,
    "RobertaProcessing": _renumber_pair,
    "Sequence": _renumber_sequence,
}
