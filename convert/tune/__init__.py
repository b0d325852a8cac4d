"""The search for a device's fastest variant above an accuracy floor, across students, runtimes and precisions."""
