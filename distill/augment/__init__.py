"""Data augmentation: more training texts from those there are, by replacing words (TinyBERT, Algorithm 1)."""
