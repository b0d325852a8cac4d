"""The face of the project: the command line. Nothing below imports it."""
