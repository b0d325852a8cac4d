"""Conversion: from a student to one artifact for each runtime and precision."""
