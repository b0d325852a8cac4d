"""Runs a model; everything a device needs to answer with it. NumPy, tokenizers and one runtime; no torch."""
