"""Finished runs on record: the history of a model's releases, kept in a database."""
