"""What this package adds to fairweigh: importing it registers everything."""

from . import counts, house_rule, rounding, section, youden

__all__ = ["counts", "house_rule", "rounding", "section", "youden"]
