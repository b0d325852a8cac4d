"""What the files of an artifact must be before anything opens them: names, archives, arrays, models of each runtime."""
