"""Ships an artifact to a device: packs it into one file, and verifies the folder or the file."""
