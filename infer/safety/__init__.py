"""Checks of an artifact's files before anything opens them: names, archives, arrays, and the models of each runtime."""
