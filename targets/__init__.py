"""Target profiles: what a device is, what runs well on it, and its budget."""
