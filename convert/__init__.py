"""Conversion of a student to an artifact for each runtime and precision."""
