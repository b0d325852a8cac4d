"""The student: its start, everything that makes it smaller, and the folder it is kept in."""
