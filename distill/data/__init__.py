"""The sentences of a task: read, generated, parted, and turned to token ids."""
