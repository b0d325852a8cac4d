"""An artifact on its way to a device: packed to one file, and either form of it verified."""
