"""Curves of rankings: what the items of each slice have of the exposure among the first ranks."""

from __future__ import annotations

from typing import Any

from ...audit.result import SliceResult
from ..words.formats import count, figure
from ..words.language import Sentence, kept, say, series, tr
from ..words.spoken import plain, slice_name
from .panels import ACCENT, INK, LINE, percent_labels, theme
from .score_charts import MOST_SLICES, PANEL, PANELS_PER_ROW
from .svg import Drawing, inline_svg
from .titles import spaced, title_layers, titled


def exposure_chart(rows: list[SliceResult], key: str) -> Drawing | None:
    """Draw a panel per slice, the largest ones of many; None where none has a curve."""
    drawn = [row for row in sorted(rows, key=lambda row: -row.n)[:MOST_SLICES] if row.exposure is not None]
    if not drawn:
        return None
    drawn.sort(key=rows.index)
    values: list[dict[str, Any]] = []
    for panel, row in enumerate(drawn):
        curve = row.exposure
        assert curve is not None
        values.append(
            {
                "panel": panel,
                **titled(plain(slice_name(row.slice, short=True)), PANEL),
                "subtitle": tr("{n} rows", n=count(row.n)),
            }
        )
        values += [
            {"panel": panel, "part": "own", "x": rank, "y": share}
            for rank, share in zip(curve.ranks, curve.share, strict=True)
        ]
        for part, level in (("relevance", curve.relevance), ("items", curve.items)):
            ends = {curve.ranks[0], curve.ranks[-1]} if level is not None else ()
            values += [{"panel": panel, "part": part, "x": rank, "y": level} for rank in sorted(ends)]
    spec = spaced(_spec(percent_labels()), values)
    told = plain(say("{clauses}.", clauses=series(map(_told, drawn))))
    return inline_svg(spec, key, tr("Exposure by rank and slice"), told)


def _told(row: SliceResult) -> Sentence:
    curve = row.exposure
    assert curve is not None
    parts: dict[str, str | Sentence] = {
        "slice": slice_name(row.slice, short=True),
        "first": figure(curve.share[0], "percent"),
        "last": figure(curve.share[-1], "percent"),
        "rank": count(curve.ranks[-1]),
        "items": figure(curve.items, "percent"),
    }
    if curve.relevance is None:
        return say("{slice}: {first} at the first rank, {last} down to rank {rank}; items {items}", **parts)
    return say(
        "{slice}: {first} at the first rank, {last} down to rank {rank}; relevance {relevance}, items "
        "{items}",
        relevance=figure(curve.relevance, "percent"),
        **parts,
    )


@kept
def _spec(percent: str) -> dict[str, Any]:
    """Specify the chart without its data."""
    import altair as alt

    base: Any = alt.Chart()
    x = alt.X(
        "x:Q",
        scale=alt.Scale(zero=False, nice=False),
        axis=alt.Axis(title=None, tickCount=4, format="~d", tickMinStep=1),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(zero=False, nice=True, padding=6),
        axis=alt.Axis(title=None, tickCount=4, labelExpr=percent),
    )
    marks: dict[str, dict[str, Any]] = {
        "items": {"color": LINE, "strokeWidth": 4},
        "relevance": {"color": INK, "strokeWidth": 1, "strokeDash": [3, 3]},
        "own": {"color": ACCENT, "strokeWidth": 2},
    }
    layers = [
        base.transform_filter(f"datum.part === '{part}'").mark_line(**mark).encode(x=x, y=y)
        for part, mark in marks.items()
    ]
    layers += title_layers(base, PANEL)
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=PANEL, height=PANEL)
        .facet(
            facet=alt.Facet("panel:O", header=alt.Header(title=None, labelExpr="''")),
            columns=PANELS_PER_ROW,
            spacing={"row": 62, "column": 48},
        )
        .resolve_scale(y="independent")
        .resolve_axis(x="independent", y="independent")
        .properties(bounds="flush")
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec
