"""The student: how it is initialised and made smaller, and the folder it is written to."""
