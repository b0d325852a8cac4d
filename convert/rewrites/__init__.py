"""Exact rewrites of a student before export, which reduce computation and keep the logits."""

from convert.rewrites.rewrite import rewrite

__all__ = ["rewrite"]
