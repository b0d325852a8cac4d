"""What works on this machine: each runtime runs a tiny model whose answers are known."""
