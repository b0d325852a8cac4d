"""`tinybert init`: a first recipe from a user's own data. Torch-free: it answers at once."""
