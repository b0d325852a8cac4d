"""`tinybert predict`: answers texts from the command line or a file."""
