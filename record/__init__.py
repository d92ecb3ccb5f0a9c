"""Finished runs on record: the history of a model's releases in a database, and trackers."""
