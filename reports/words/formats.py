"""Figures as a reader sees them: percentages, points, ratios, counts and intervals.

Numbers are only rounded here, never computed. A minus is a real minus (−), thousands are
separated by a comma, and a no-break space keeps a figure and its unit on one line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from .language import language, tr, tr_n

Kind = Literal["percent", "points", "gap", "ratio", "number", "signed", "index", "amount", "moved"]
"""How a figure is shown: a rate, a difference of rates, the size of one, a ratio, a plain number, a plain
difference, an index over all slices (a variance of rates is no rate), an amount in the units of the outcome,
and a difference of two."""

NBSP = "\u00a0"
MINUS = "\u2212"
UNDEFINED = "—"

MOST_DECIMALS = 6
FINEST_DECIMALS = 9
"""Of a limit that is all but on its bound: what lies nearer is on it."""


class Shown(str):
    """A figure as it is written, with the value behind it, which tables are sorted by."""

    __slots__ = ("value",)

    value: float | None

    def __new__(cls, text: str, value: float | None) -> Shown:
        """Keep a value with its text; None and NaN are no values."""
        shown = super().__new__(cls, text)
        shown.value = None if value is None or math.isnan(value) else float(value)
        return shown


@dataclass(frozen=True)
class Style:
    """The scale, decimals, unit and sign of one kind of figure; ``by_size``: large ones have fewer."""

    scale: float
    decimals: int
    unit: Literal["", "percent", "points"]
    signed: bool
    by_size: bool = False


STYLES: dict[Kind, Style] = {
    "percent": Style(100, 1, "percent", signed=False),
    "points": Style(100, 1, "points", signed=True),
    "gap": Style(100, 1, "points", signed=False),
    "ratio": Style(1, 2, "", signed=False),
    "number": Style(1, 3, "", signed=False),
    "signed": Style(1, 3, "", signed=True),
    "index": Style(1, 4, "", signed=False),
    "amount": Style(1, 3, "", signed=False, by_size=True),
    "moved": Style(1, 3, "", signed=True, by_size=True),
}


def usual_decimals(kind: Kind, *values: float | None) -> int:
    """Return the decimals of some figures that stand together, where nothing asks for more."""
    style = STYLES[kind]
    size = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    if not style.by_size or size < 10:
        return style.decimals
    return max(style.decimals - int(math.log10(size)), 0)


def figure(value: float | None, kind: Kind, *, decimals: int | None = None, unit: bool = True) -> str:
    """Write a figure of the given kind, such as ``44.8 %`` or ``−17.0 points``; ``—`` when undefined."""
    style = STYLES[kind]
    if value is None or math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return Shown("∞" if value > 0 else f"{MINUS}∞", value)
    places = usual_decimals(kind, value) if decimals is None else decimals
    rounded = round(value * style.scale, places)
    digits = f"{abs(rounded):,.{places}f}"
    if rounded < 0:
        digits = MINUS + digits
    elif rounded > 0 and style.signed:
        digits = "+" + digits
    return Shown(_with_unit(digits, style) if unit else digits, value)


def _with_unit(digits: str, style: Style, one: bool = False) -> str:
    if style.unit == "percent":
        return tr("{figure}\u00a0%", figure=digits)
    if style.unit == "points":
        return tr_n("{figure}\u00a0point", "{figure}\u00a0points", 1 if one else 2, figure=digits)
    return digits


def interval(
    low: float | None, high: float | None, kind: Kind, *, decimals: int | None = None, unit: bool = False
) -> str:
    """Write the limits of an interval, such as ``42.6 to 47.2``; ``—`` when there are none."""
    if low is None and high is None:
        return UNDEFINED
    decimals = usual_decimals(kind, low, high) if decimals is None else decimals
    # English tells the unit once, Chinese the per cent sign at both ends (GB/T 15835).
    twice = unit and language() != "en" and STYLES[kind].unit == "percent"
    left = figure(low, kind, decimals=decimals, unit=twice)
    right = figure(high, kind, decimals=decimals, unit=unit)
    return tr("{low} to {high}", low=left, high=right)


def outward(value: float, kind: Kind, *, up: bool, decimals: int | None = None, unit: bool = True) -> str:
    """Write a limit rounded away from what it encloses: an upper one up, a lower one down."""
    style = STYLES[kind]
    places = usual_decimals(kind, value) if decimals is None else decimals
    rounded = rounded_outward(value * style.scale, places, up=up) / style.scale
    return figure(rounded, kind, decimals=places, unit=unit)


def outward_decimals(
    value: float | None, bound: float | None, kind: Kind, *, up: bool, least: int | None = None
) -> int:
    """Choose the decimals at which a limit rounded outward stays on its side of a bound.

    An upper limit of 9.96 beside a bound of 10 shows as 9.96, since 10.0 would not lie within it.
    """
    style = STYLES[kind]
    least = usual_decimals(kind, value) if least is None else least
    if value is None or bound is None or not math.isfinite(value):
        return least
    size, mark = value * style.scale, bound * style.scale
    for places in range(least, FINEST_DECIMALS):
        if _side(rounded_outward(size, places, up=up), mark) == _side(size, mark):
            return places
    return FINEST_DECIMALS


def rounded_outward(size: float, places: int, *, up: bool) -> float:
    """Round up or down to so many decimals; an infinite size stays."""
    if not math.isfinite(size):
        return size
    # What only the last bits of arithmetic set apart is not rounded away from.
    steps = round(size * 10.0**places, 6)
    return float(math.ceil(steps) if up else math.floor(steps)) / 10.0**places


def _side(size: float, mark: float) -> int:
    """On which side of a mark a size lies; 0 on the mark."""
    if math.isclose(size, mark, rel_tol=1e-9, abs_tol=1e-9):
        return 0
    return 1 if size > mark else -1


def count(n: int | float | None) -> str:
    """Write a number of rows, such as ``7,214``; ``—`` when unknown."""
    if n is None:
        return UNDEFINED
    return Shown(f"{n:,.0f}" if float(n).is_integer() else f"{n:,.1f}", n)


def p_value(p: float | None) -> str:
    """Write a p value; below 0.001 only that it is."""
    if p is None:
        return UNDEFINED
    return Shown("< 0.001" if p < 0.001 else f"{p:.3f}", p)


def magnitude(value: float | None, unit: str) -> str:
    """Write a quantity with its decimal prefix, such as ``23.6 MB`` or ``1.33 GFLOP``; ``—`` when unknown."""
    if value is None:
        return UNDEFINED
    size, prefix = abs(float(value)), ""
    for larger in "kMGTP":
        if size < 999.5:
            break
        size, prefix = size / 1000, larger
    digits = f"{size:.0f}" if not prefix and size == int(size) else f"{size:#.3g}".rstrip(".")
    return Shown(f"{digits}{NBSP}{prefix}{unit}", value)


def milliseconds(value: float) -> str:
    """Write a time, such as ``39.6 ms``."""
    digits = f"{value:#.3g}" if 0.001 <= value < 100 else f"{value:,.0f}"
    return Shown(f"{digits}{NBSP}ms", value)


def confidence(level: float) -> str:
    """Write a confidence, such as ``95 %``."""
    return _with_unit(f"{level * 100:g}", STYLES["percent"])


def near_one(level: float, *, asked: bool = False) -> str:
    """Write a confidence near one so that what it leaves open keeps two figures, such as ``0.9958``.

    ``asked``: one that is to be set, in four decimals at least and the nearest; else one that is held, which
    is rounded down.
    """
    open_ = 1 - level
    if not 0 < open_ < 1:
        return f"{level:g}"
    places = max(4 * asked, 1 - math.floor(math.log10(open_) + 1e-9))
    steps = round(level, places) if asked else rounded_outward(level, places, up=False)
    steps = min(steps, 1 - 10**-places)
    return f"{steps:.{places}f}".rstrip("0")


@dataclass(frozen=True)
class Limit:
    """A gate's limit, read from text such as ``<= 0.1``."""

    operator: Literal["≤", "≥", "<", ">"]
    value: float

    @property
    def upper(self) -> bool:
        """Whether the limit bounds from above."""
        return self.operator in "≤<"

    def words(self, kind: Kind) -> str:
        """Write the limit's figure, without decimals it does not need, such as ``10 points``."""
        style = STYLES[kind]
        digits = f"{float(f'{self.value * style.scale:.10g}'):,.10g}".replace("-", MINUS)
        return _with_unit(digits, style, one=digits in ("1", f"{MINUS}1"))


_LIMIT = re.compile(r"\s*(<=|>=|<|>|≤|≥)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\Z")
_OPERATORS: dict[str, Literal["≤", "≥", "<", ">"]] = {
    "<=": "≤",
    ">=": "≥",
    "≤": "≤",
    "≥": "≥",
    "<": "<",
    ">": ">",
}


def read_limit(text: str) -> Limit | None:
    """Read a gate's limit; None when the text has another form and must be printed as it stands."""
    found = _LIMIT.match(text)
    return Limit(_OPERATORS[found[1]], float(found[2])) if found else None


def decimals_beside(
    values: list[float | None], limit: Limit | None, kind: Kind, least: int | None = None
) -> int:
    """Choose the decimals at which no value is rounded onto a limit that it does not lie on.

    0.7996 beside a limit of 0.8 shows as 0.7996 and not as 0.80, which would contradict its verdict.
    """
    style = STYLES[kind]
    least = usual_decimals(kind, *values) if least is None else least
    if limit is None:
        return least
    bound = abs(limit.value * style.scale) if style.signed else limit.value * style.scale
    needed = least
    for value in values:
        if value is None or not math.isfinite(value):
            continue
        size = abs(value * style.scale) if style.signed else value * style.scale
        places = least
        # A value that only the last bit of its arithmetic sets apart from the limit lies on it.
        beside = not math.isclose(size, bound, rel_tol=1e-9, abs_tol=1e-9)
        while places < MOST_DECIMALS and round(size, places) == bound and beside:
            places += 1
        needed = max(needed, places)
    return needed
