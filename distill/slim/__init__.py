"""Slim students: BERT with convolution in place of attention in some layers, and a sequence halved between others.

Importing this registers them with transformers' Auto classes, which cannot load such a student otherwise.
"""

from distill.slim.from_bert import check, from_bert
from distill.slim.model import Convolution, SlimBertConfig, SlimBertForSequenceClassification
from distill.slim.pooling import pool, pooled_times

__all__ = [
    "Convolution",
    "SlimBertConfig",
    "SlimBertForSequenceClassification",
    "check",
    "from_bert",
    "pool",
    "pooled_times",
]
