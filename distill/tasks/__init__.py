"""One module for each kind of task: rows, labels, decoding of outputs, metric. Torch-free."""
