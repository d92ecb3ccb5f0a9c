"""What a value of a slice says: that it is missing, or a band of a number (`18-24`, `65 and over`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

UNKNOWN = "(unknown)"
"""What stands for a value that is missing: the slice of such rows, and the level that models are shown."""

_UNIT = r"(?:k|years?|yrs?|y|jahren?|ans|años|anos|岁|歳|%|°|[$€£¥])?"
_N = rf"[$€£¥]?\s*([+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?)\s*{_UNIT}"
_BELOW = re.compile(
    rf"(?:under|below|less than|lower than|younger than|up to|at most|unter|bis(?: unter)?|hasta|moins de|"
    rf"menos de|menor(?:es)? de|<=?|≤|≦|小于|低于|不满|未满)\s*{_N}"
    rf"|{_N}\s*(?:(?:and|or) (?:under|less|below|younger|fewer)|und jünger|以下|以内|未满|未満)"
)
_ABOVE = re.compile(
    rf"(?:over|above|more than|greater than|older than|from|at least|über|ab|mehr als|plus de|más de|"
    rf"mayor(?:es)? de|>=?|≥|≧|大于|高于|超过)\s*{_N}"
    rf"|{_N}\s*(?:\+|plus|(?:and|or|&) (?:over|above|older|more|up|greater)|und (?:älter|mehr)|et plus|"
    r"y más|以上)"
)
_BETWEEN = re.compile(
    rf"[\[(]?\s*{_N}\s*(?:-|,|;|\.\.\.?|to(?: under)?|until|bis(?: unter)?|a|à|至|到)\s*{_N}\s*[\])]?"
)
_ALONE = re.compile(_N)
_DASHES = str.maketrans("–—−‐‑~～〜", "--------")
LEAST = 2
"""Bands that make a column one of bands."""


def edges(value: str) -> tuple[float, float] | None:
    """Return the lower and upper edge of a band, ``(65, inf)`` of '65 and over'; None where it is none."""
    text = " ".join(value.translate(_DASHES).casefold().split())
    for pattern, at in ((_BELOW, -1), (_ABOVE, 1)):
        if found := pattern.fullmatch(text):
            edge = next(_number(group) for group in found.groups() if group)
            return (-math.inf, edge) if at < 0 else (edge, math.inf)
    if found := _BETWEEN.fullmatch(text):
        low, high = map(_number, found.groups())
        return (low, high) if low <= high else None
    return (_number(alone[1]),) * 2 if (alone := _ALONE.fullmatch(text)) else None


def _number(text: str) -> float:
    """A number as people write an edge: 50,000 has a mark between thousands, 2,5 a decimal comma."""
    return float(re.sub(r",(?=\d{3}(?!\d))", "", text).replace(",", ".")) if text.count(".") < 2 else math.nan


def in_order(values: Iterable[str]) -> list[str] | None:
    """Return the values of a column of bands by their edges, other words last; None where it is none.

    Numbers alone are no bands, but may stand beside some ('0', '1', '2 or more').
    """
    values = list(values)
    found = {value: place for value in values if (place := edges(value))}
    bands = [value for value, (low, high) in found.items() if low < high]
    if len(bands) < LEAST - (len(found) > len(bands)) or 2 * len(found) < len(values):
        return None
    last = (math.inf, math.inf)
    return sorted(values, key=lambda value: (value not in found, found.get(value, last)))
