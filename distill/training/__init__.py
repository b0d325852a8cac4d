"""Training: its losses by name, batches, caches, stops and records."""
