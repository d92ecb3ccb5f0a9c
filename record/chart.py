"""The chart of a series: a dot and an interval per release, the limit beside them."""

from __future__ import annotations

from typing import Any

from ..models.extras import optional
from ..reports.drawing.panels import ACCENT, AFTER, INK, LINE, PAPER, SOFT, theme
from ..reports.drawing.svg import inline_svg
from ..reports.words.spoken import visible
from .numbers import ends, number, places
from .series import Point, Series, limits_beside

HEIGHT = 180
NARROWEST, WIDEST, STEP = 240, 720, 56
LONGEST_NAME = 90
"""Of a release under its dot (px); longer ones are cut, and whole in the table."""


def series_chart(series: Series, key: str) -> str | None:
    """Draw a series as an SVG; None where no release has a figure.

    A filled dot is a release within its limit, or a figure without one; a hollow dot is inconclusive; a
    triangle fails; the first that failed has its name in bold above it.
    """
    if not series.known:
        return None
    values = [_mark(i, p, series) for i, p in enumerate(series.points)]
    return inline_svg(_spec(values, series), key, visible(series.title), _described(series)).svg


def _mark(position: int, point: Point, series: Series) -> dict[str, Any]:
    found = point.found
    limits = limits_beside(found, series) if found else ()
    failed = found is not None and found.verdict in ("fail", "error")
    open_ = found is not None and found.verdict == "inconclusive"
    return {
        "position": position,
        "release": visible(point.release.name),
        "value": _finite(found.value) if found else None,
        "low": _finite(found.low) if found else None,
        "high": _finite(found.high) if found else None,
        "limit": limits[0] if limits else None,
        "mirrored": limits[1] if len(limits) > 1 else None,
        "fill": PAPER if open_ else AFTER if failed else ACCENT,
        "stroke": AFTER if failed else ACCENT,
        "shape": "triangle-down" if failed else "circle",
        "first": "first to break the limit" if point.first_broken else "",
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or abs(value) == float("inf") else value


def _spec(values: list[dict[str, Any]], series: Series) -> dict[str, Any]:
    alt = optional("altair", "a chart of a history", "charts")

    base: Any = alt.Chart(alt.InlineData(values=values))
    names = [value["release"] for value in values]
    labels = "[" + ",".join(_quoted(name) for name in names) + "][datum.value]"
    axis = alt.Axis(
        title=None, labelExpr=labels, labelAngle=0, labelLimit=LONGEST_NAME, labelOverlap=True, grid=False
    )
    x = alt.X("position:O", axis=axis, scale=alt.Scale(padding=0.5))
    free = alt.Scale(zero=False, nice=True, padding=8)
    y = alt.Y("value:Q", title=None, scale=free, axis=alt.Axis(tickCount=5))
    line = base.mark_line(stroke=SOFT, strokeWidth=1).encode(x=x, y=y)
    intervals = base.mark_rule(strokeWidth=2).encode(
        x=x, y=alt.Y("low:Q", title=None, scale=free), y2="high:Q", stroke=alt.Stroke("stroke:N", scale=None)
    )
    dots = base.mark_point(filled=True, size=70, strokeWidth=1.5, opacity=1).encode(
        x=x,
        y=y,
        fill=alt.Fill("fill:N", scale=None, legend=None),
        stroke=alt.Stroke("stroke:N", scale=None, legend=None),
        shape=alt.Shape("shape:N", scale=None, legend=None),
    )
    once = base.transform_filter("datum.first !== ''")
    rule = once.mark_rule(stroke=LINE, strokeWidth=1).encode(x=x)
    first = once.mark_text(fontSize=11, fontWeight="bold", color=INK, baseline="bottom").encode(
        x=x, y=alt.value(-4), text="first:N"
    )
    layers = [rule, line, intervals, dots, first]
    dashed = base.mark_line(stroke=INK, strokeDash=[4, 3], strokeWidth=1, interpolate="step")
    for side in ("limit", "mirrored"):
        if any(v[side] is not None for v in values):
            layers.insert(0, dashed.encode(x=x, y=alt.Y(f"{side}:Q", title=None, scale=free)))
    width = min(max(NARROWEST, STEP * len(values)), WIDEST)
    chart = alt.layer(*layers).properties(width=width, height=HEIGHT).configure(**theme())
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def _quoted(text: str) -> str:
    """A string of Vega's expressions."""
    import json

    return json.dumps(text)


def _described(series: Series) -> str:
    """Every figure in words: the image alone must stand for itself."""
    decimals = places(series)
    told = []
    for point in series.points:
        found = point.found
        name = visible(point.release.name)
        if found is None or found.value is None:
            told.append(f"{name}: no figure")
            continue
        limits = f" ({told_ends})" if (told_ends := ends(found, decimals)) else ""
        verdict = f", limit {found.limit}, {found.verdict}" if found.verdict else ""
        first = ", the first to break the limit" if point.first_broken else ""
        told.append(f"{name}: {number(found.value, decimals)}{limits}{verdict}{first}")
    return visible("; ".join(told) + ".")
