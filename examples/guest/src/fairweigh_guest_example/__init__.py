"""What this package adds to fairweigh: importing it registers everything."""

from . import counts, kappa, rounding, section

__all__ = ["counts", "kappa", "rounding", "section"]
