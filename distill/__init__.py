"""Distillation: from a teacher and a task's data to a small student."""
