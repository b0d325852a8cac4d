"""Slim students: BERT with convolution in place of attention in some layers, and a sequence halved between others.

Importing this makes transformers' Auto classes know them; a folder of such a student cannot be loaded before.
"""

from distill.slim.make import check, slim
from distill.slim.model import Convolution, SlimBertConfig, SlimBertForSequenceClassification
from distill.slim.pooling import pool, pooled_times

__all__ = [
    "Convolution",
    "SlimBertConfig",
    "SlimBertForSequenceClassification",
    "check",
    "pool",
    "pooled_times",
    "slim",
]
