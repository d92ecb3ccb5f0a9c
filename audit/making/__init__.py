"""What is audited, made ready: rows, models, training rows, variants, and their scores."""
