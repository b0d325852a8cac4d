"""Metrics: a reduction of statistics that each example has by itself, and the only place where intervals are made."""
