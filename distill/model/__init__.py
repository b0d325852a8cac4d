"""A loaded BERT-like model: where it comes from, what goes on inside it, and what it answers."""
