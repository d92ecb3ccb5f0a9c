"""One adapter per kind of model."""
