"""A loaded BERT-like model: its source, its layers and states, and its outputs."""
