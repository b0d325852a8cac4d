"""Dry run: report what a recipe would do before anything is trained."""
