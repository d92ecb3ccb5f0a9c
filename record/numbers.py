"""Figures of a history as they are written: so many decimals that none is rounded onto its limit."""

from __future__ import annotations

import math

from ..reports.formats import Limit, decimals_beside
from .series import Series

DECIMALS = 3


def places(series: Series) -> int:
    """Return the decimals of a series."""
    found = [DECIMALS]
    for f in series.known:
        if f.limit_value is not None:
            # The operator does not matter for the decimals.
            found.append(decimals_beside([f.value, f.low, f.high], Limit("≤", f.limit_value), "number"))
    return max(found)


def number(value: float | None, decimals: int = DECIMALS) -> str:
    """Write a figure in plain letters; a dash where there is none."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.{decimals}f}" if abs(value) < 1e6 else f"{value:.6g}"
