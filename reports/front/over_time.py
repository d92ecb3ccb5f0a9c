"""A figure over time: a dot and its interval for each moment, what was allowed shaded behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from .axes import Axis, spanning
from .strips import attribute, drawing, mark

if TYPE_CHECKING:
    from markupsafe import Markup

PAD = 10.0
"""Pixels above and below what is drawn."""


@dataclass(frozen=True)
class Moment:
    """A figure at one of several times.

    Attributes
    ----------
    value : float or None
        None where it was not measured.
    low, high : float or None
        Its limits.
    kind : str
        As of a dot: ``pass``, ``open``, ``fail``, ``free``.
    allowed : tuple of float, optional
        What lies between was allowed; an end may be infinite.
    says : str
        All of it in words.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    kind: str = "free"
    allowed: tuple[float, float] | None = None
    says: str = ""


@dataclass(frozen=True)
class Height:
    """Places of values from top to bottom, in pixels."""

    axis: Axis
    pixels: int

    def __call__(self, value: float) -> float:
        """Place of a value; what lies beyond is on the edge."""
        axis = self.axis
        inside = min(max(value, axis.low), axis.high)
        return round(PAD + (axis.high - inside) / (axis.high - axis.low) * (self.pixels - 2 * PAD), 1)


def height_of(moments: Sequence[Moment], pixels: int) -> Height:
    """The axis that holds all moments and their limits."""
    ends = [end for one in moments for end in one.allowed or () if math.isfinite(end)]
    values = [value for one in moments for value in (one.value, one.low, one.high)]
    # Of a limit on both sides the far one is left out, unless something comes near it.
    known = [value for value in values if value is not None and math.isfinite(value)]
    middle = sum(known) / len(known) if known else 0.0
    reach = max((abs(value - middle) for value in known), default=0.0)
    near = [end for end in ends if abs(end - middle) <= max(3 * reach, min(abs(e - middle) for e in ends))]
    return Height(spanning([*known, *near]), pixels)


def over_time(moments: Sequence[Moment], height: Height) -> Markup:
    """Draw moments from left to right, each in a column of its own."""
    wide = 100 / max(len(moments), 1)
    places = [round((k + 0.5) * wide, 2) for k in range(len(moments))]
    parts: list[str] = []
    # What was allowed alike from one moment to the next is one band.
    for allowed, alike in groupby(range(len(moments)), key=lambda k: moments[k].allowed):
        columns = list(alike)
        parts += _allowed(allowed, height, columns[0] * wide, len(columns) * wide)
    parts += [
        f'<line x1="0" x2="100%" y1="{height(tick)}" y2="{height(tick)}" class="grid"/>'
        for tick in height.axis.ticks(3)
    ]
    parts += _joined(moments, places, height)
    for x, one in zip(places, moments, strict=True):
        if one.value is not None:
            drawn = f"{_limits(one, height, x)}{mark(x, height(one.value), one.kind, 4.8)}"
            parts.append(f"<g><title>{attribute(one.says)}</title>{drawn}</g>")
    return drawing(parts, height.pixels, "series")


def scale(height: Height, labels: Sequence[tuple[float, str]]) -> Markup:
    """The axis beside it."""
    parts = [
        f'<text x="100%" y="{height(value)}" dy=".32em" text-anchor="end">{attribute(text)}</text>'
        for value, text in labels
    ]
    return drawing(parts, height.pixels, "ticks")


def _allowed(allowed: tuple[float, float] | None, height: Height, start: float, wide: float) -> Iterator[str]:
    if allowed is None:
        return
    low, high = allowed
    top, bottom = (0.0 if high == math.inf else height(high)), height(low)
    if low == -math.inf:
        bottom = float(height.pixels)
    tall = max(bottom - top, 0)
    yield f'<rect x="{start:.2f}%" width="{wide:.2f}%" y="{top:g}" height="{tall:g}" class="band"/>'
    for end in allowed:
        if math.isfinite(end) and height.axis.holds(end):
            y = height(end)
            yield f'<line x1="{start:.2f}%" x2="{start + wide:.2f}%" y1="{y}" y2="{y}" class="limit"/>'


def _joined(moments: Sequence[Moment], places: Sequence[float], height: Height) -> Iterator[str]:
    """Lines from each moment to the next that was measured."""
    known = [(x, height(one.value)) for x, one in zip(places, moments, strict=True) if one.value is not None]
    for (x, y), (to, down) in pairwise(known):
        yield f'<line x1="{x}%" y1="{y}" x2="{to}%" y2="{down}" class="zero"/>'


def _limits(one: Moment, height: Height, x: float) -> str:
    if one.low is None or one.high is None:
        return ""
    high, low = height(one.high), height(one.low)
    caps = "".join(
        f'<svg x="{x}%" y="{height(end)}" overflow="visible"><path d="M-4 0h8"/></svg>'
        for end in (one.low, one.high)
        if height.axis.holds(end)
    )
    return f'<g class="limits {one.kind}"><line x1="{x}%" x2="{x}%" y1="{low}" y2="{high}"/>{caps}</g>'
