"""The folders of a model: their manifests, and how a runtime loads the model."""
