"""The chart of the errors of predicted numbers: their quantiles, slice by slice, as a box with its line."""

from __future__ import annotations

from typing import Any

from ...audit.result import Quantile, ScoreDetail
from ..words.formats import count, figure, interval
from ..words.language import Sentence, kept, listed, say, series, tr
from ..words.spoken import plain, slice_name
from .panels import (
    ACCENT,
    INK,
    PAPER,
    RowChart,
    facets,
    filled,
    headings,
    row_axis,
    row_labels,
    value_axis,
)
from .svg import inline_svg

WIDTH = 420
HEIGHT = 30
BOX = "#c9d9ec"
MIDDLE = 0.5
"""The share of the median."""


def quantile_chart(details: list[ScoreDetail], key: str) -> RowChart | None:
    """Draw the outermost quantiles as a line, the inner ones as a box, and the median with its limits.

    None where no slice has quantiles.
    """
    drawn = [detail for detail in details if any(q.value is not None for q in detail.quantiles)]
    if not drawn:
        return None
    values = [
        _row(detail) | {"panel": 0, "row": position, "title": "", "subtitle": ""}
        for position, detail in enumerate(drawn)
    ]
    values[0] |= {
        "title": tr("Quantiles of the error"),
        "subtitle": tr("prediction − outcome"),
    }
    spec = filled(_template(), values, len(drawn), HEIGHT)
    told = plain(say("{clauses}.", clauses=series(map(_told, drawn))))
    drawing = inline_svg(spec, key, tr("Quantiles of the error by slice"), told)
    names = [(slice_name(detail.slice, short=True), count(detail.n)) for detail in drawn]
    return RowChart(drawing, row_labels(drawing, names, HEIGHT), HEIGHT)


def quantile_caption(quantiles: list[Quantile]) -> str:
    """Say what line, box and dot are."""
    shares = [figure(q.share, "percent", decimals=0) for q in quantiles]
    return tr(
        "Quantiles of the error. Line: {first} to {last}; box: {low} to {high}; dot: median, its limits are "
        "the short line below. Right of the dashed 0 predictions are too high, left of it too low. The "
        "limits of every quantile are in the table.",
        first=shares[0], last=shares[-1], low=shares[1], high=shares[-2],
    )  # fmt: skip


def _row(detail: ScoreDetail) -> dict[str, Any]:
    """Take what is drawn of a slice from the result."""
    first, low, *_, high, last = detail.quantiles
    middle = next(q for q in detail.quantiles if q.share == MIDDLE)
    return {
        "first": first.value, "last": last.value, "low": low.value, "high": high.value,
        "middle": middle.value, "middle_low": middle.low, "middle_high": middle.high,
        "small": middle.status != "ok",
    }  # fmt: skip


def _told(detail: ScoreDetail) -> Sentence:
    middle = next(q for q in detail.quantiles if q.share == MIDDLE)
    values = [
        say(
            "{share} up to {value}",
            share=figure(q.share, "percent", decimals=0), value=figure(q.value, "moved"),
        )
        for q in detail.quantiles
    ]  # fmt: skip
    return say(
        "{slice}: {values} (limits of the median: {limits})",
        slice=slice_name(detail.slice, short=True),
        values=listed(values),
        limits=interval(middle.low, middle.high, "moved"),
    )


@kept
def _template() -> dict[str, Any]:
    """Specify the chart without its data."""
    import altair as alt

    base: Any = alt.Chart()
    y, axis = row_axis(), value_axis("moved")
    scale = alt.Scale(zero=True, nice=True, padding=6)
    # The median's limits stand under the box, which would hide them.
    up, down = -4, 8
    zero = base.transform_filter("datum.row === 0").mark_rule(stroke=INK, strokeDash=[3, 3])
    line = base.mark_rule(stroke=ACCENT, strokeWidth=1.5, yOffset=up).encode(
        x=alt.X("first:Q", axis=axis, scale=scale), x2="last:Q", y=y
    )
    box = base.mark_bar(
        height=12, fill=BOX, stroke=ACCENT, strokeWidth=1, opacity=1, yOffset=up, y2Offset=up
    ).encode(x=alt.X("low:Q", axis=axis), x2="high:Q", y=y)
    dash = alt.condition("datum.small", alt.value([3, 2]), alt.value([1, 0]))
    limits = base.mark_rule(stroke=INK, strokeWidth=1.5, yOffset=down).encode(
        x=alt.X("middle_low:Q", axis=axis), x2="middle_high:Q", y=y, strokeDash=dash
    )
    dot = base.mark_point(
        size=46, filled=True, fill=ACCENT, stroke=PAPER, strokeWidth=1, opacity=1, yOffset=up
    ).encode(x=alt.X("middle:Q", axis=axis), y=y)
    layers = [line, box, zero.encode(x=alt.datum(0)), limits, dot]
    return facets([*layers, *headings(base, width=WIDTH)], width=WIDTH)
