"""A limit as configurations write it, such as ``<= 0.1`` or ``>= 80 %``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A parsed limit."""

    upper: bool
    value: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read a limit; ValueError when it does not parse."""
        match = re.fullmatch(r"\s*(<=|>=|<|>|≤|≥)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(%?)\s*", text)
        try:
            number = float(match.group(2)) if match else None
        except ValueError:
            number = None
        if match is None or number is None or not math.isfinite(number):
            raise ValueError(f"expected a limit such as '<= 0.1' or '>= 0.8', got {text!r}")
        return cls(upper=match.group(1) in ("<=", "<", "≤"), value=number / 100 if match.group(3) else number)

    def holds(self, value: float) -> bool:
        """Return whether a value is within the limit."""
        return value <= self.value if self.upper else value >= self.value
