"""Pruned vocabularies: the corpus is tokenised as before, and unseen words can still be."""

import gzip
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
    RobertaConfig,
    RobertaForSequenceClassification,
)

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.recipe.vocabulary import Vocabulary
from distill.student.prune import kept_ids, prune_embedding, prune_tokenizer
from distill.student.vocabulary import Ids

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
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    if post_processor == "bert tokenizer":
        bert: PreTrainedTokenizerFast = BertTokenizer(vocab=vocabulary, do_lower_case=True, strip_accents=False)
        return bert
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
@settings(max_examples=25)
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
@settings(max_examples=25)
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
        assert {PIECES[number] for number in kept_K} & set(WORDS) == expected
    with pytest.raises(InputError, match=f"has no room for its special tokens and characters: allow at least {always}"):
        kept_ids(tokenizer, tokens, Vocabulary(rows=always - 1))


@pytest.fixture(params=["corpus.txt", "corpus.txt.gz"])
def corpus_file(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A corpus of three paragraphs: bead, cab and ab three, two and one times."""
    content, path = b"bead cab ab\n\n  bead cab\nbead\n", tmp_path / request.param
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"bad", "abc", "bead", "cab", "ab"}),
        ({"corpus_lines": 1}, {"bad", "abc", "bead", "cab", "ab"}),
        ({"minimum_count": 2}, {"bad", "abc", "bead", "cab"}),
        ({"minimum_count": 2, "corpus_lines": 1}, {"bad", "abc"}),
        ({"minimum_count": 3}, {"bad", "bead"}),
    ],
)
def test_pieces_of_the_corpus_are_kept_beside_those_of_the_sentences(
    corpus_file: str, wanted: dict[str, Any], expected: set[str]
) -> None:
    tokenizer = whole()
    # Some tokenizers come with such settings: the whole paragraph is counted nevertheless, without padding.
    tokenizer.backend_tokenizer.enable_truncation(2)
    tokenizer.backend_tokenizer.enable_padding(length=4, pad_id=PIECES.index("unused"), pad_token="unused")
    tokens = tokenised(whole(), ["bad bad bad", "abc abc"])
    kept_K = kept_ids(tokenizer, tokens, Vocabulary(corpus=corpus_file, **wanted))
    assert {PIECES[number] for number in kept_K} & set(WORDS) == expected


def test_rows_go_to_the_sentences_first_and_then_to_the_frequent_of_the_corpus(corpus_file: str) -> None:
    tokenizer = whole()
    tokens = tokenised(tokenizer, ["bad abc", "bad"])
    always = len(kept_ids(tokenizer, tokens, Vocabulary(minimum_count=100)))
    for more, expected in enumerate(["", "bad", "bad abc", "bad abc bead", "bad abc bead cab", "bad abc bead cab ab"]):
        kept_K = kept_ids(tokenizer, tokens, Vocabulary(rows=always + more, corpus=corpus_file))
        assert {PIECES[number] for number in kept_K} & set(WORDS) == set(expected.split())


def test_a_changed_corpus_is_counted_again(tmp_path: Path) -> None:
    tokenizer, corpus = whole(), tmp_path / "corpus.txt"
    for text in ("bead", "cabs"):
        corpus.write_text(text)
        kept_K = kept_ids(tokenizer, tokenised(tokenizer, ["bad"]), Vocabulary(corpus=str(corpus)))
        assert ("bead" in {PIECES[number] for number in kept_K}) == (text == "bead")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.txt", None, "no such corpus: set student.vocabulary.corpus to a text file, plain or .gz"),
        ("empty.txt", b"\n \n", "contains no text: set student.vocabulary.corpus to a text in"),
        ("empty.txt.gz", gzip.compress(b"", mtime=0), "contains no text: set"),
        ("packed.txt", gzip.compress(b"bad", mtime=0), "cannot be read as text .*: give UTF-8 text, plain or .gz"),
        ("plain.gz", b"bad", "cannot be read as text .*: give UTF-8"),
        ("cut.gz", gzip.compress(b"bad " * 9, mtime=0)[:-9], "cannot be read as text .*: give UTF-8"),
        ("broken.gz", gzip.compress(b"bad", mtime=0)[:10] + b"\xff" * 9, "cannot be read as text .*: give UTF-8"),
        ("zeros.bin", b"bad\n" + bytes(9), r"cannot be read as text \(it contains NUL bytes\): give UTF-8"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    tokenizer, corpus = whole(), tmp_path / name
    if content is not None:
        corpus.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        kept_ids(tokenizer, tokenised(tokenizer, ["bad"]), Vocabulary(corpus=str(corpus)))
    assert "\n" not in str(error.value)


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
    layer = model.get_input_embeddings()
    assert isinstance(layer, torch.nn.Embedding)
    return layer


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
    order = {piece: number for number, piece in enumerate(reversed(PIECES))}
    tokenizer = BertTokenizer(vocab=order, do_lower_case=True)
    kept_K = kept_ids(tokenizer, tokenised(tokenizer, ["bad"]), Vocabulary())
    pruned = prune_tokenizer(tokenizer, kept_K)
    model = BertForSequenceClassification(
        BertConfig(vocab_size=len(order), pad_token_id=tokenizer.pad_token_id, **SHAPE)
    )
    prune_embedding(model, kept_K)
    assert model.config.pad_token_id == pruned.pad_token_id == len(kept_K) - 1
    assert embedding(model).padding_idx == pruned.pad_token_id


def test_a_padding_that_is_none_of_the_tokenizers_may_go() -> None:
    model = BertForSequenceClassification(BertConfig(vocab_size=len(PIECES), pad_token_id=1, **SHAPE))
    prune_embedding(model, np.array([0, 2, 3]))
    assert (model.config.pad_token_id, embedding(model).padding_idx) == (None, None)


@pytest.mark.parametrize("kept", [[0, 2, 5], [0, 3, 5]])
def test_positions_that_are_counted_from_the_padding_need_its_id(kept: list[int]) -> None:
    model = RobertaForSequenceClassification(RobertaConfig(vocab_size=len(PIECES), pad_token_id=3, **SHAPE))
    with pytest.raises(InputError, match="roberta with padding id 3 cannot be pruned, its positions are counted"):
        prune_embedding(model, np.array(kept))
    prune_embedding(model, np.array([0, 1, 2, 3, 5]))
    assert model.config.pad_token_id == embedding(model).padding_idx == 3


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
def test_other_tokenizers_are_refused(kind: str) -> None:
    model = models.BPE({"[UNK]": 0}, []) if kind == "BPE" else models.Unigram([("[UNK]", 0.0)], 0, False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), unk_token="[UNK]")
    with pytest.raises(InputError, match=f"the vocabulary of a {kind} tokenizer cannot be pruned, only WordPiece"):
        prune_tokenizer(tokenizer, np.array([0]))
