"""The tables of a variant's slices."""
