"""Small drawings of slices on an axis, as wide as the cell of the table that they stand in.

Every figure drawn stands in words beside it, so that the drawings are hidden from readers of the page's
text. A dot's form tells its verdict, not its colour alone: a full disc passes, a thick ring is open, a
diamond fails, a cross is a slice too small to be judged; a thin ring is the variant that stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ...audit.result import Verdict
from .axes import PAD, Axis

if TYPE_CHECKING:
    from markupsafe import Markup

MARKS: dict[Verdict | None, str] = {
    "pass": "pass", "fail": "fail", "error": "free", "inconclusive": "open", None: "free",
}  # fmt: skip
HEIGHT = 19
NARROW = (120, 180, 240, 320)
"""Widths in pixels below which an axis leaves labels out; the style has a rule for each."""
KEPT = (20.0, 36.0)
"""How far from the middle the labels are that are kept, in per cent of the width."""


@dataclass(frozen=True)
class Dot:
    """A slice on an axis.

    Attributes
    ----------
    key : str
        Of the slice, by which it is followed through the page.
    value : float or None
    low, high : float or None
        Its limits.
    kind : str
        One of `MARKS`, or ``small``.
    before : float, optional
        The value of the variant that stands beside.
    reference : bool
        It is what the others are compared with.
    says : str
        All of it in words, where no row of a table stands beside the dot.
    """

    key: str
    value: float | None
    low: float | None = None
    high: float | None = None
    kind: str = "free"
    before: float | None = None
    reference: bool = False
    says: str = ""


def forms(axis: Axis, dot: Dot) -> frozenset[str]:
    """The forms that a dot is drawn in, which a key has to explain.

    One of `MARKS` or ``small``; ``limits`` beside it, ``before`` for the other variant, and ``off`` for what
    lies beyond the axis.
    """
    if dot.value is None:
        return frozenset()
    found = {dot.kind if axis.holds(dot.value) else "off"}
    if dot.low is not None and dot.high is not None:
        found.add("limits")
    if dot.before is not None and axis.holds(dot.before):
        found.add("before")
    return frozenset(found)


def row(
    axis: Axis, dot: Dot, band: tuple[float, float] | None, *, zero: float | None = None, height: int = HEIGHT
) -> Markup:
    """One slice with its limits, the band that is allowed, and a line at ``zero``."""
    middle = height / 2
    parts = [
        *_band(axis, band, height),
        *(_upright(axis, tick, height, "grid") for tick in axis.ticks()),
        *([_upright(axis, zero, height, "zero")] if zero is not None else []),
    ]
    if dot.reference and zero is not None and dot.value is None:
        parts.append(
            f'<line x1="{axis(zero)}%" x2="{axis(zero)}%" y1="{middle - 7}" y2="{middle + 7}" class="ref"/>'
        )
    if dot.before is not None and axis.holds(dot.before):
        parts.append(_ring(axis, dot.before, middle, 5.5))
    if dot.value is not None:
        parts += [*_limits(axis, dot, middle), _mark(axis, dot, middle, 4.8)]
    return drawing(parts, height, "row")


def cell(axis: Axis, dots: Sequence[Dot], band: tuple[float, float] | None, height: int = 21) -> Markup:
    """All slices of a feature on one line, by their distance from the reference."""
    middle = height / 2
    parts = [
        *_band(axis, band, height),
        f'<line x1="3%" x2="97%" y1="{middle}" y2="{middle}" class="base"/>',
        _upright(axis, 0.0, height, "zero"),
    ]
    parts += [
        _ring(axis, dot.before, middle, 4.2)
        for dot in dots
        if dot.before is not None and axis.holds(dot.before)
    ]
    for dot in sorted(dots, key=lambda one: one.kind != "small"):
        if dot.value is not None:
            drawn = _mark(axis, dot, middle, 4.2)
            said = f"<title>{attribute(dot.says)}</title>" if dot.says else ""
            parts.append(f'<g data-slice="{attribute(dot.key)}">{said}{drawn}</g>')
    return drawing(parts, height, "cells")


def ticks(axis: Axis, labels: Sequence[tuple[float, str]]) -> Markup:
    """The axis itself, as wide as what it stands in; where that is narrow, some labels are left out."""
    kept = _kept(axis, labels)
    # The least width at which the widest label has room between its neighbours, and to the edge.
    wide = max((_pixels(text) for _, text in labels), default=0.0)
    places = sorted(axis(value) for value, _ in labels)
    room = min((b - a for a, b in pairwise(places)), default=100.0) / 100
    if len(places) > 1:
        # A label at an end begins or ends there, and its neighbour needs more room.
        room = min(room, places[1] / 160, (100 - places[-2]) / 160)
    size = next((size for size in NARROW if wide <= room * size), NARROW[-1])
    texts = {
        value: f'<text x="{axis(value)}%" y="11" text-anchor="middle">{attribute(text)}</text>'
        for value, text in labels
    }
    others = "".join(_inside(axis(value), text) for value, text in texts.items() if value not in kept)
    parts = [text for value, text in texts.items() if value in kept]
    if others:
        # Its style gives it the whole width, or none below that many pixels.
        parts.append(f'<svg class="other under-{size}" height="17">{others}</svg>')
    parts += [f'<line x1="{axis(value)}%" x2="{axis(value)}%" y1="14" y2="17"/>' for value, _ in labels]
    return drawing(parts, 17, "ticks")


def _inside(place: float, text: str) -> str:
    """A label within what it stands in, whose edges cut it off."""
    if 2 * PAD < place < 100 - 2 * PAD:
        return text
    x, anchor = ("0%", "start") if place <= 2 * PAD else ("100%", "end")
    return text.replace(f'x="{place}%"', f'x="{x}"').replace('"middle"', f'"{anchor}"')


def _kept(axis: Axis, labels: Sequence[tuple[float, str]]) -> set[float]:
    """The three labels of a narrow axis: the middle one, and one on either side away from the edge."""
    values = [value for value, _ in labels]
    if not values:
        return set()
    middle = min(values, key=lambda value: abs(axis(value) - 50))
    beside = [v for v in values if v != middle and KEPT[0] <= abs(axis(v) - 50) <= KEPT[1]]
    furthest = max((abs(axis(v) - 50) for v in beside), default=0.0)
    return {middle, *(v for v in beside if abs(abs(axis(v) - 50) - furthest) < 1)}


def _pixels(text: str) -> float:
    """How wide a label is with the space beside it, at its size in the report."""
    return 6.2 * len(text) + 8


def drawing(parts: Sequence[str], height: float, name: str) -> Markup:
    """An SVG as wide as what it stands in."""
    from markupsafe import Markup

    # What is drawn is numbers and keys, which are escaped where they are put in.
    return Markup(
        f'<svg class="{name}" width="100%" height="{height:g}" aria-hidden="true">{"".join(parts)}</svg>'
    )


def attribute(text: str) -> str:
    """Text as it is put into a drawing."""
    from markupsafe import escape

    return str(escape(text))


def _band(axis: Axis, band: tuple[float, float] | None, height: float) -> list[str]:
    if band is None:
        return []
    start, end = axis(band[0]), axis(band[1])
    edges = [_upright(axis, edge, height, "limit") for edge in band if axis.holds(edge)]
    return [f'<rect x="{start}%" width="{end - start:.2f}%" height="{height:g}" class="band"/>', *edges]


def _upright(axis: Axis, value: float, height: float, name: str) -> str:
    return f'<line x1="{axis(value)}%" x2="{axis(value)}%" y1="0" y2="{height:g}" class="{name}"/>'


def _ring(axis: Axis, value: float, middle: float, radius: float) -> str:
    return f'<circle cx="{axis(value)}%" cy="{middle:g}" r="{radius}" class="mark before"/>'


def _limits(axis: Axis, dot: Dot, middle: float) -> list[str]:
    """An interval; an end that lies beyond the axis has no cap."""
    if dot.low is None or dot.high is None:
        return []
    start, end = axis(dot.low), axis(dot.high)
    caps = [
        f'<line x1="{place}%" x2="{place}%" y1="{middle - 4.5:g}" y2="{middle + 4.5:g}"/>'
        for place, value in ((start, dot.low), (end, dot.high))
        if axis.holds(value)
    ]
    line = f'<line x1="{start}%" x2="{end}%" y1="{middle:g}" y2="{middle:g}"/>'
    return [f'<g class="limits {dot.kind}">{line}{"".join(caps)}</g>']


def mark(x: float, middle: float, kind: str, radius: float) -> str:
    """A dot at a share of the width, in per cent, by its verdict."""
    if kind == "fail":
        r = round(radius * 1.3, 1)
        return (
            f'<svg x="{x}%" y="{middle:g}" overflow="visible">'
            f'<path d="M0 {-r}L{r} 0 0 {r} {-r} 0z" class="mark fail"/></svg>'
        )
    if kind == "small":
        r = round(radius * 0.75, 1)
        return (
            f'<svg x="{x}%" y="{middle:g}" overflow="visible">'
            f'<path d="M-{r} -{r}L{r} {r}M{r} -{r}L-{r} {r}" class="mark small"/></svg>'
        )
    return f'<circle cx="{x}%" cy="{middle:g}" r="{radius}" class="mark {kind}"/>'


def _mark(axis: Axis, dot: Dot, middle: float, radius: float) -> str:
    assert dot.value is not None
    x = axis(dot.value)
    if not axis.holds(dot.value):
        side = -1 if dot.value < axis.low else 1
        return (
            f'<svg x="{x}%" y="{middle:g}" overflow="visible">'
            f'<path d="M{side * 5} 0L{-side * 3} -4V4z" class="mark {dot.kind}"/></svg>'
        )
    return mark(x, middle, dot.kind, radius)
