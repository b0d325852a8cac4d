"""Ablation: measure the contribution of each part of a recipe."""
