"""Target profiles: what a device is, what makes sense on it, and what it must keep to."""
