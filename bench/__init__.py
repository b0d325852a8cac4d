"""Measurement on the device itself: an artifact's latency, memory and quality, and reports of them."""
