"""A run on disk: its folder, its manifest and signature, files of a schema."""
