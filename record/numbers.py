"""Figures of a history as they are written: so many decimals that none is rounded onto its limit."""

from __future__ import annotations

import math

from ..reports.words.formats import (
    MINUS,
    Kind,
    Limit,
    decimals_beside,
    figure,
    outward_decimals,
    rounded_outward,
)
from ..reports.words.language import tr
from .history import Recorded
from .series import Series
from .titles import kind_of

DECIMALS = 3


def places(series: Series) -> int:
    """Return the decimals of a series."""
    return max([DECIMALS, *(_places(f) for f in series.known if f.limit_value is not None)])


def _places(found: Recorded) -> int:
    assert found.limit_value is not None
    # The operator does not matter for the decimals; a difference may lie on either side of 0.
    bounds = {found.limit_value, -found.limit_value if found.compare == "difference" else found.limit_value}
    needed = [decimals_beside([found.value], Limit("≤", bound), "number") for bound in bounds]
    for bound in bounds:
        needed.append(outward_decimals(found.low, bound, "number", up=False))
        needed.append(outward_decimals(found.high, bound, "number", up=True))
    return max(needed)


def number(value: float | None, decimals: int = DECIMALS) -> str:
    """Write a figure in plain letters; a dash where there is none."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.{decimals}f}" if abs(value) < 1e6 else f"{value:.6g}"


def printed(
    value: float | None, decimals: int = DECIMALS, kind: Kind = "number", *, unit: bool = True
) -> str:
    """Write a figure as a page does, with a minus sign and a dash."""
    if value is None:
        return "–"
    if kind == "number" or math.isinf(value):
        return number(value, decimals).replace("-", MINUS)
    return figure(value, kind, decimals=max(decimals - 2, 1), unit=unit)


def printed_ends(found: Recorded, decimals: int) -> str:
    """Write the ends of an interval as a page does."""
    kind = kind_of(found)
    if kind == "number" or found.low is None or found.high is None:
        return ends(found, decimals).replace("-", MINUS)
    low, high, places = found.low, found.high, max(decimals, 3)
    if found.part == "gate":
        low, high = rounded_outward(low, places, up=False), rounded_outward(high, places, up=True)
    low_text, high_text = (printed(end, places, kind, unit=False) for end in (low, high))
    return tr("{low} to {high}", low=low_text, high=high_text)


def ends(found: Recorded, decimals: int) -> str:
    """Write the ends of a figure's interval, or the decision limits of a gate, which are rounded outward."""
    low, high = found.low, found.high
    if low is None or high is None:
        return ""
    if found.part == "gate":
        low, high = rounded_outward(low, decimals, up=False), rounded_outward(high, decimals, up=True)
    return tr("{low} to {high}", low=number(low, decimals), high=number(high, decimals))
