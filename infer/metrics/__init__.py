"""Metrics: reductions of per-example statistics, and the only place where intervals are computed."""
