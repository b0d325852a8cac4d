"""A masked LM with random weights and a given vocabulary."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from distill.augment import masked_lm
from distill.augment.masked_lm import MaskedLM


def make(arguments: argparse.Namespace) -> MaskedLM:
    """Make the model and load it as distillation does."""
    tokenizer = BertWordPieceTokenizer(str(arguments.vocabulary))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=arguments.width,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        intermediate_size=4 * arguments.width,
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token="[PAD]",
            unk_token="[UNK]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            mask_token="[MASK]",
        ).save_pretrained(folder)
        BertForMaskedLM(config).save_pretrained(folder)
        return masked_lm.load(folder)
