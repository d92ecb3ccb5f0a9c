"""Variants as points of two figures: what the charts of cost, gap and performance share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ...audit.result import AuditResult, Frontier, Standing
from ..words.kinds import is_mitigated
from ..words.language import kept, tr
from ..words.spoken import visible
from ..words.worst_gap import gap_kind
from .labels import Box, Label, placed, width_of
from .limit_lines import Lines
from .panels import ACCENT, AFTER, INK, LINE, PAPER, SOFT, theme
from .svg import Drawing, inline_svg

WIDTH, HEIGHT = 600, 340
MARGIN = 0.06
"""Free part of each axis beyond the outermost point."""
TEXT_ROW = 14
"""Height of a line's text (px)."""


@dataclass(frozen=True)
class Axis:
    """An axis: its title, the Vega expression of its labels, and the part of the values that it shows."""

    title: str
    label: str
    low: float
    high: float

    def at(self, value: float) -> float:
        """Place of a value, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Point:
    """A variant's place, and the limits of its whisker (None: it has none)."""

    standing: Standing
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Plot:
    """What is drawn: points, the line that joins the ``front``, limits across and upright, and ``rest``.

    ``clear``: names keep clear of the line.
    """

    x: Axis
    y: Axis
    points: list[Point]
    front: list[Point]
    across: Lines
    upright: Lines = field(default_factory=list)
    rest: list[dict[str, Any]] = field(default_factory=list)
    clear: bool = False


def draw(
    plot: Plot, result: AuditResult, frontier: Frontier, key: str, title: str, told: str
) -> tuple[Drawing, int]:
    """Draw the plot; also count the variants whose name has no room."""
    names, unnamed = _names(plot, frontier)
    values = [
        *plot.rest,
        *({"part": "limit", "y": value, "px": _end(text, plot), "text": text} for value, text in plot.across),
        *_uprights(plot),
        *({"part": "front", "x": point.x, "y": point.y} for point in plot.front),
        *(_mark(point, result, frontier) for point in plot.points),
        *names,
    ]
    spec = _template(plot.x.title, plot.x.label, plot.y.title, plot.y.label) | {"data": {"values": values}}
    _set_domains(spec, plot)
    return inline_svg(spec, key, title, told), unnamed


def axis(title: str, label: str, values: list[float]) -> Axis:
    """An axis that shows all values and a little room beyond them."""
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) * MARGIN
    return Axis(title, label, max(0.0, low - room) if low >= 0 else low - room, high + room)


def gap_axis(result: AuditResult, values: list[float], *, downwards: bool) -> Axis:
    """The axis of largest gaps, the smaller and fairer ones below or at the left."""
    points = gap_kind(result) == "gap"
    label = "format(datum.value * 100, '~r')" if points else "format(datum.value, '~r')"
    if points:
        below, left = (
            tr("Largest gap, points: fairer downwards"),
            tr("Largest gap, points: fairer to the left"),
        )
    else:
        below, left = tr("Largest gap, size: fairer downwards"), tr("Largest gap, size: fairer to the left")
    return axis(below if downwards else left, label, values)


def _end(text: str, plot: Plot) -> float:
    """Where the text of a line across ends (px): at the right, or before an upright line that cuts it."""
    uprights = (plot.x.at(value) * WIDTH for value, _ in plot.upright)
    cut = [place for place in uprights if place > WIDTH - 8 - width_of(text)]
    return min([WIDTH, *cut]) - 4


def _uprights(plot: Plot) -> list[dict[str, Any]]:
    """Upright lines with their texts above the plot, a row each: inside, they would stand on the points."""
    # Texts run away from the nearer side; in this order no line cuts the text of another.
    ordered = sorted(plot.upright, key=lambda one: abs(plot.x.at(one[0]) - 0.5))
    values: list[dict[str, Any]] = []
    for row, (value, text) in enumerate(ordered):
        top, left = -8 - row * TEXT_ROW, plot.x.at(value) < 0.5
        values += [
            {"part": "upright", "x": value, "py": top - TEXT_ROW / 2},
            {
                "part": "label",
                "px": plot.x.at(value) * WIDTH + (4 if left else -4),
                "py": top,
                "text": text,
                "align": "left" if left else "right",
                "weight": "normal",
            },
        ]
    return values


def _mark(point: Point, result: AuditResult, frontier: Frontier) -> dict[str, Any]:
    standing, recommended = point.standing, point.standing.variant == frontier.recommended
    colour = AFTER if recommended else ACCENT
    return {
        "part": "point",
        "x": point.x,
        "y": point.y,
        "low": point.low,
        "high": point.high,
        "shape": _shape(standing, result, frontier),
        "size": 190 if recommended else 75,
        "fill": colour if standing.verdict == "pass" else PAPER,
        "stroke": colour,
    }


def _shape(standing: Standing, result: AuditResult, frontier: Frontier) -> str:
    if standing.variant == frontier.recommended:
        return "diamond"
    if result.variants and standing.variant == result.variants[0].name:
        return "square"
    return "triangle-up" if is_mitigated(result, standing.variant) else "circle"


def _names(plot: Plot, frontier: Frontier) -> tuple[list[dict[str, Any]], int]:
    """Place the variants' names where none covers another, with a line to those that stand apart."""

    def across(value: float) -> float:
        return plot.x.at(value) * WIDTH

    def down(value: float) -> float:
        return HEIGHT - plot.y.at(value) * HEIGHT

    # The recommended one chooses its place first.
    ordered = sorted(
        plot.points,
        key=lambda p: (p.standing.variant != frontier.recommended, p.standing.worst_gap or 0.0),
    )
    labels = [
        Label(
            ("★ " if p.standing.variant == frontier.recommended else "") + visible(p.standing.variant),
            across(p.x),
            down(p.y),
        )
        for p in ordered
    ]
    blocked: list[Box] = [(across(value) - 1, 0.0, across(value) + 1, HEIGHT) for value, _ in plot.upright]
    if plot.clear:
        corners = sorted((across(p.x), down(p.y)) for p in plot.front)
        blocked += [box for pair in pairwise(corners) for box in _boxes_along(*pair)]
    spots = placed(labels, WIDTH, HEIGHT, [down(value) for value, _ in plot.across], blocked)
    values: list[dict[str, Any]] = [
        {
            "part": "label",
            "px": spot.x,
            "py": spot.y,
            "text": spot.text,
            "align": spot.align,
            "weight": "bold" if label.text.startswith("★ ") else "normal",
        }
        for label, spot in zip(labels, spots, strict=True)
        if spot is not None
    ]
    values += [
        {"part": "leader", "px": spot.from_x, "py": spot.from_y, "px2": spot.to_x, "py2": spot.to_y}
        for spot in spots
        if spot is not None and spot.apart
    ]
    return values, spots.count(None)


def _boxes_along(one: tuple[float, float], other: tuple[float, float]) -> list[Box]:
    """Small boxes that cover a line (px)."""
    (x, y), (right, down) = one, other
    steps = int(math.dist(one, other) / 4) + 1
    places = [(x + (right - x) * k / steps, y + (down - y) * k / steps) for k in range(steps + 1)]
    return [(px - 1, py - 1, px + 1, py + 1) for px, py in places]


def _set_domains(spec: dict[str, Any], plot: Plot) -> None:
    """Give every layer the same axes: the labels were placed by them."""
    from copy import deepcopy

    spec["layer"] = deepcopy(spec["layer"])
    for layer in spec["layer"]:
        for channel, side in (("x", plot.x), ("y", plot.y)):
            encoded = layer["encoding"].get(channel, {})
            if "scale" in encoded and encoded["scale"] is not None:
                encoded["scale"]["domain"] = [side.low, side.high]


@kept
def _template(x_title: str, x_label: str, y_title: str, y_label: str) -> dict[str, Any]:
    """Specify the chart without its data."""
    import altair as alt

    base: Any = alt.Chart()

    def scaled(channel: Any, name: str, title: str, label: str) -> Any:
        scale = alt.Scale(domain=[0, 1], nice=False, zero=False)
        return channel(name, scale=scale, axis=alt.Axis(title=title, tickCount=6, labelExpr=label))

    x = scaled(alt.X, "x:Q", x_title, x_label)
    y = scaled(alt.Y, "y:Q", y_title, y_label)

    def part(name: str) -> Any:
        return base.transform_filter(f"datum.part === '{name}'")

    pixels = {
        "x": alt.X("px:Q", scale=None, axis=None),
        "y": alt.Y("py:Q", scale=None, axis=None),
    }
    limit, point = part("limit"), part("point")
    layers = [
        part("region").mark_rect(fill="#eef3f8", opacity=1).encode(x=x, x2="x2:Q", y=y, y2="y2:Q"),
        part("original").mark_rule(stroke=SOFT, strokeDash=[2, 3]).encode(x=x),
        limit.mark_rule(stroke=INK, strokeDash=[5, 3]).encode(y=y),
        limit.mark_text(align="right", dy=-6, fontSize=11, color=INK).encode(
            x=pixels["x"], y=y, text="text:N"
        ),
        part("upright").mark_rule(stroke=INK, strokeDash=[5, 3]).encode(
            x=x, y=pixels["y"], y2=alt.value(HEIGHT)
        ),
        point.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_rule(stroke="#aab4bd", strokeWidth=1)
        .encode(x=x, y=scaled(alt.Y, "low:Q", y_title, y_label), y2="high:Q"),
        part("front").mark_line(stroke=SOFT, strokeWidth=1.5).encode(x=x, y=y, order="x:Q"),
        part("leader").mark_rule(stroke=LINE, strokeWidth=1).encode(**pixels, x2="px2:Q", y2="py2:Q"),
        point.mark_point(filled=True, strokeWidth=1.8, opacity=1).encode(
            x=x,
            y=y,
            shape=alt.Shape("shape:N", scale=None, legend=None),
            size=alt.Size("size:Q", scale=None, legend=None),
            fill=alt.Fill("fill:N", scale=None, legend=None),
            stroke=alt.Stroke("stroke:N", scale=None, legend=None),
        ),
        *(
            part("label").transform_filter(f"datum.weight === '{weight}' && datum.align === '{align}'")
            .mark_text(align=align, baseline="middle", fontSize=11, fontWeight=weight, color=INK)
            .encode(**pixels, text="text:N")
            for weight in ("bold", "normal") for align in ("left", "center", "right")
        ),
    ]  # fmt: skip
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=WIDTH, height=HEIGHT)
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec
