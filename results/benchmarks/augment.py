"""How much faster texts are augmented in batches than one masked word at a time.

Run from the repository's root:

    python results/benchmarks/augment.py --vocabulary vocab.txt --texts train.tsv --column sentence

The vocabulary is a WordPiece one, such as that of bert-base-uncased; the masked LM is made at random, as its answers do
not matter for the speed. The ways run in turn, round after round, so that a disturbance meets all of them; each finds
the candidates of the same words and draws the same number of samples from them.

- `batched`: distill.augment as it is: all texts in batches of like length, 15 % of a text's tokens masked at a time.
- `batched, a word a time`: the same with `masked_share = 0`: each word masked in a copy of the text of its own.
- `one at a time`: a forward pass and the whole output for each masked word. Answers like the way before,
  which is checked.
- `authors' way`: as data_augmentation.py of the TinyBERT paper's authors does it: one at a time as well, the text as it
  was put behind the masked one, and all tokens of the vocabulary sorted.
"""

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from distill.augment import masked_lm
from distill.augment.candidates import Choice, blanks_of, candidates
from distill.augment.draw import new_rows
from distill.augment.fill import Blank, Guess, masked
from distill.augment.masked_lm import MaskedLM
from distill.augment.words import words_of
from distill.data.rows import labelled
from distill.quiet import quiet
from distill.recipe.augmentation import Augmentation

Choices = list[tuple[Choice, ...]]
# Enough to find so many whole words among them; the answers are compared.
MOST_PROBABLE = 40
Ask = Callable[[Blank, MaskedLM], torch.Tensor]


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    quiet()
    torch.set_num_threads(arguments.threads)
    settings = Augmentation()
    alone = Augmentation(masked_share=0)
    texts = _read(arguments.texts, arguments.column, arguments.sentences)
    with tempfile.TemporaryDirectory() as folder:
        lm = _make(Path(folder), arguments)
    ways: dict[str, Callable[[], Choices]] = {
        "batched": lambda: candidates(texts, settings, lm, None),
        "batched, a word a time": lambda: candidates(texts, alone, lm, None),
        "one at a time": lambda: _one_at_a_time(texts, settings, lm, _ask),
        "authors' way": lambda: _one_at_a_time(texts, settings, lm, _ask_as_the_authors),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    words = 0
    for _ in range(arguments.rounds):
        found = {name: _timed(way, texts, settings, seconds[name]) for name, way in ways.items()}
        assert found["batched, a word a time"] == found["one at a time"], "they answer differently"
        words = sum(map(len, found["batched"]))
    shape = f"{arguments.layers} layers, {arguments.width} wide, {len(lm.words_V)} tokens"
    print(f"{words} words in {len(texts)} texts; {shape}; threads: {arguments.threads}; rounds: {arguments.rounds}\n")  # noqa: T201
    print(_table(seconds, words))  # noqa: T201


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=Path, required=True, help="a vocab.txt")
    parser.add_argument("--texts", type=Path, required=True, help="a .tsv with a header line")
    parser.add_argument("--column", default="sentence")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _read(path: Path, column: str, sentences: int) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row[column] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    # Spread over the file, whose rows may be in some order.
    return texts[:: max(1, len(texts) // sentences)][:sentences]


def _make(folder: Path, arguments: argparse.Namespace) -> MaskedLM:
    tokenizer = BertWordPieceTokenizer(str(arguments.vocabulary))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=arguments.width,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        intermediate_size=4 * arguments.width,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    return masked_lm.load(folder)


def _one_at_a_time(texts: Sequence[str], settings: Augmentation, lm: MaskedLM, ask: Ask) -> Choices:
    found = []
    for text in texts:
        words = words_of(text, settings.unit, keep_function_words=settings.keep_function_words)
        choices = []
        for _, word, blank in blanks_of([text], [words], lm):
            order = [lm.words_V[token] for token in ask(blank, lm)[:MOST_PROBABLE].tolist()]
            answers = [answer for answer in order if answer and answer != word.text.lower()]
            choices.append(Choice(word, tuple(answers[: settings.candidates]) or (word.text,)))
        found.append(tuple(choices))
    return found


def _ask(blank: Blank, lm: MaskedLM) -> torch.Tensor:
    ids_L, (place,) = masked([Guess(0, blank)], lm.mask_id, lm.most_tokens)
    with torch.inference_mode():
        logits_V: torch.Tensor = lm.model(input_ids=torch.from_numpy(ids_L)[None].to(lm.model.device)).logits[0, place]
    return (logits_V + lm.other_V).topk(MOST_PROBABLE).indices


def _ask_as_the_authors(blank: Blank, lm: MaskedLM) -> torch.Tensor:
    ids_L, (place,) = masked([Guess(0, blank)], lm.mask_id, lm.most_tokens)
    both_L = torch.from_numpy(np.concatenate([ids_L, blank.ids_L[1:]]))[None].to(lm.model.device)
    types_L = (torch.arange(both_L.shape[1], device=both_L.device) >= len(ids_L)).long()[None]
    logits_V: torch.Tensor = lm.model(input_ids=both_L, token_type_ids=types_L).logits[0, place]
    return logits_V.argsort(descending=True)


def _timed(way: Callable[[], Choices], texts: Sequence[str], settings: Augmentation, seconds: list[float]) -> Choices:
    rows = labelled(tuple(texts), None, np.zeros(len(texts), dtype=np.int64))
    start = time.perf_counter()
    found = way()
    new_rows(rows, dict(zip(texts, found, strict=True)), settings, seed=0)
    seconds.append(time.perf_counter() - start)
    return found


def _table(seconds: dict[str, list[float]], words: int) -> str:
    lines = ["| way | ms a word, median | times as long as batched, median (lowest to highest) |", "|---|---:|---:|"]
    for name, of_rounds in seconds.items():
        ratios = [own / batched for own, batched in zip(of_rounds, seconds["batched"], strict=True)]
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        lines.append(f"| {name} | {statistics.median(of_rounds) / words * 1000:.2f} | {spread} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
