"""A finished classifier of the user's own as a student folder, so that it is converted without being distilled."""
