"""Run a model: what a device needs to answer with one. NumPy, tokenizers and one runtime; no torch."""
