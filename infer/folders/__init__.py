"""The folders that hold a model: what their manifests say, and how a runtime is to load it."""
