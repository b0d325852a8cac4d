"""Training: losses by name, batches, caches, checkpoints, interruptions and logs."""
