"""``fairweigh init``: a commented audit.yaml from the columns of a table."""
