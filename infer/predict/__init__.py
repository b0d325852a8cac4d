"""`tinybert predict`: texts from the command line or a file, to answers."""
