"""Multitask distillation: one student encoder with a head per task, taught by one teacher per task."""
