"""The sentences of a task: reading, generating, splitting and tokenising them."""
