"""What this package adds to fairweigh: importing it registers everything."""

from . import counts, rounding, section, youden

__all__ = ["counts", "rounding", "section", "youden"]
