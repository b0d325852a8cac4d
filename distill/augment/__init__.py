"""Data augmentation: new training texts made by replacing words (TinyBERT, Algorithm 1)."""
