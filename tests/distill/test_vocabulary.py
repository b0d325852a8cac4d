"""Pruned vocabularies: the corpus is tokenised as before, and words never seen still are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    ElectraConfig,
    ElectraForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.prune import kept_ids, prune_embedding, prune_tokenizer
from distill.vocabulary import Ids, Vocabulary

LETTERS = "abcdeé1!"
WORDS = ("ab", "##ab", "abc", "cab", "bad", "##bad", "bead", "##de", "éa", "##ce", "dabble", "unused")
CHARACTERS = tuple(prefix + letter for letter in LETTERS for prefix in ("", "##"))
# The special tokens do not come first, as in BERT's own vocabulary.
PIECES = tuple(dict.fromkeys(("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *CHARACTERS)))
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SHAPE: dict[str, Any] = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
SENTENCES = st.lists(st.text(alphabet=f"{LETTERS} ", max_size=30), min_size=1, max_size=6)


def whole(post_processor: str = "template") -> PreTrainedTokenizerFast:
    vocabulary = {piece: place for place, piece in enumerate(PIECES)}
    if post_processor == "bert tokenizer":
        made: PreTrainedTokenizerFast = BertTokenizer(vocab=vocabulary, do_lower_case=True, strip_accents=False)
        return made
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    cls, sep = ("[CLS]", PIECES.index("[CLS]")), ("[SEP]", PIECES.index("[SEP]"))
    template = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[cls, sep]
    )
    tokenizer.post_processor = {
        "template": template,
        "pair": processors.BertProcessing(sep, cls),
        "sequence": processors.Sequence([template]),
    }[post_processor]
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=17, **SPECIAL)


def tokenised(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> Tokens:
    ids = tokenizer(texts)["input_ids"]
    return from_rows(ids, [[0] * len(row) for row in ids])


def pieces(tokenizer: PreTrainedTokenizerFast, text: str, second: str | None = None) -> list[str]:
    return list(tokenizer.convert_ids_to_tokens(tokenizer(text, second)["input_ids"]))


@pytest.mark.parametrize("post_processor", ["template", "pair", "sequence", "bert tokenizer"])
@given(corpus=SENTENCES, unseen=st.text(alphabet=LETTERS + " ", max_size=30))
@settings(deadline=None, max_examples=25)
def test_the_corpus_keeps_its_pieces_and_unseen_words_have_some(
    post_processor: str, corpus: list[str], unseen: str
) -> None:
    tokenizer = whole(post_processor)
    kept_K = kept_ids(tokenizer, tokenised(tokenizer, [*corpus, LETTERS]), Vocabulary())
    pruned = prune_tokenizer(tokenizer, kept_K)
    for text in corpus:
        assert pieces(pruned, text) == pieces(tokenizer, text)
        assert pieces(pruned, text, unseen)[0] == "[CLS]"
        assert kept_K[pruned(text)["input_ids"]].tolist() == tokenizer(text)["input_ids"]
    assert "[UNK]" not in pieces(pruned, unseen)
    assert (np.diff(kept_K) > 0).all()
    assert pruned.pad_token_id == tokenizer.pad_token_id == 0
    assert len(pruned) == len(kept_K) < len(tokenizer)


@given(corpus=SENTENCES, minimum_count=st.integers(1, 4), rows=st.none() | st.integers(25, 35))
@settings(deadline=None, max_examples=25)
def test_with_pieces_dropped_words_are_split_into_shorter_ones(
    corpus: list[str], minimum_count: int, rows: int | None
) -> None:
    tokenizer = whole()
    tokens = tokenised(tokenizer, [*corpus, LETTERS])
    kept_K = kept_ids(tokenizer, tokens, Vocabulary(minimum_count=minimum_count, rows=rows))
    pruned = prune_tokenizer(tokenizer, kept_K)
    assert rows is None or len(kept_K) <= rows
    for text in corpus:
        assert "[UNK]" not in pieces(pruned, text)
        words = [text.replace(" ", ""), "".join(piece.removeprefix("##") for piece in pieces(pruned, text)[1:-1])]
        assert words[0] == words[1]


def test_the_most_frequent_rows_are_kept() -> None:
    tokenizer = whole()
    tokens = tokenised(tokenizer, ["abc bead cab"] + ["bead bad"] * 3 + ["bad"])
    always = len(kept_ids(tokenizer, tokens, Vocabulary(minimum_count=100)))
    for more, expected in ((1, {"bad"}), (2, {"bad", "bead"}), (4, {"bad", "bead", "abc", "cab"})):
        kept_K = kept_ids(tokenizer, tokens, Vocabulary(rows=always + more))
        assert {PIECES[place] for place in kept_K} & set(WORDS) == expected
    with pytest.raises(InputError, match=f"has no room for its special tokens and characters: allow at least {always}"):
        kept_ids(tokenizer, tokens, Vocabulary(rows=always - 1))


def test_more_texts_count_as_corpus() -> None:
    tokenizer = whole()
    kept_K = kept_ids(tokenizer, tokenised(tokenizer, ["bad"]), Vocabulary(), texts=["bead", "cab ab"])
    assert {PIECES[place] for place in kept_K} & set(WORDS) == {"bad", "bead", "cab", "ab"}


def kept_of_a_corpus(tokenizer: PreTrainedTokenizerFast) -> Ids:
    return kept_ids(tokenizer, tokenised(tokenizer, ["bad bead", "éab1!"]), Vocabulary())


@pytest.mark.parametrize("post_processor", ["template", "pair", "sequence", "bert tokenizer"])
def test_tokenizer_survives_being_saved(tmp_path: Path, post_processor: str) -> None:
    tokenizer = whole(post_processor)
    pruned = prune_tokenizer(tokenizer, kept_of_a_corpus(tokenizer))
    pruned.save_pretrained(tmp_path)
    text, ids = "bead bad [MASK] abé!", pruned("bead bad [MASK] abé!")["input_ids"]
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert type(again) is type(tokenizer)
    assert again(text)["input_ids"] == ids
    assert again.special_tokens_map == tokenizer.special_tokens_map
    assert again.model_max_length == tokenizer.model_max_length
    assert again.all_special_ids == pruned.all_special_ids
    plain = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert plain.encode(text).ids == ids


def embedding(model: PreTrainedModel) -> torch.nn.Embedding:
    found = model.get_input_embeddings()
    assert isinstance(found, torch.nn.Embedding)
    return found


@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_embedding_keeps_the_rows(tmp_path: Path, kind: str) -> None:
    tokenizer = whole()
    kept_K = kept_of_a_corpus(tokenizer)
    pruned = prune_tokenizer(tokenizer, kept_K)
    model: PreTrainedModel = (
        BertForSequenceClassification(BertConfig(vocab_size=len(PIECES), **SHAPE))
        if kind == "bert"
        else ElectraForSequenceClassification(ElectraConfig(vocab_size=len(PIECES), embedding_size=4, **SHAPE))
    )
    model.eval()
    rows = embedding(model).weight.detach().clone()
    text = "bead bad éab1!"
    with torch.inference_mode():
        before = model(**tokenizer(text, return_tensors="pt")).logits
        prune_embedding(model, kept_K)
        model.save_pretrained(tmp_path)
        after = type(model).from_pretrained(tmp_path)(**pruned(text, return_tensors="pt")).logits
    assert torch.equal(embedding(model).weight, rows[torch.from_numpy(kept_K)])
    assert embedding(model).weight.requires_grad
    assert torch.allclose(before, after, atol=1e-6)
    assert model.config.vocab_size == len(kept_K) == len(pruned)


def test_padding_is_renumbered() -> None:
    order = {piece: place for place, piece in enumerate(reversed(PIECES))}
    made = BertTokenizer(vocab=order, do_lower_case=True)
    kept_K = kept_ids(made, tokenised(made, ["bad"]), Vocabulary())
    pruned = prune_tokenizer(made, kept_K)
    model = BertForSequenceClassification(BertConfig(vocab_size=len(order), pad_token_id=made.pad_token_id, **SHAPE))
    prune_embedding(model, kept_K)
    assert model.config.pad_token_id == pruned.pad_token_id == len(kept_K) - 1
    assert embedding(model).padding_idx == pruned.pad_token_id


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
def test_other_tokenizers_are_refused(kind: str) -> None:
    model = models.BPE({"[UNK]": 0}, []) if kind == "BPE" else models.Unigram([("[UNK]", 0.0)], 0, False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), unk_token="[UNK]")
    with pytest.raises(InputError, match=f"the vocabulary of a {kind} tokenizer cannot be pruned, only word pieces"):
        prune_tokenizer(tokenizer, np.array([0]))
