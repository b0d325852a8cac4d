"""The fastest variant above an accuracy floor, for one device, across students, runtimes and precisions."""
