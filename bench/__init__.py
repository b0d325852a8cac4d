"""Measurement: latency, memory and accuracy of artifacts on the device itself, and the report of them."""
