"""The chart of slices: a dot and an interval per slice, one panel per metric."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..audit.result import AuditResult, SliceResult, Variant
from .formats import count, figure, interval
from .svg import Drawing, inline_svg
from .words import Sentence, plain, slice_name, title_of, visible

INK, SOFT, LINE, PAPER, ACCENT = "#1d2327", "#5a6570", "#d9dee3", "#ffffff", "#1f5fa8"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"

# Axis labels in the form of the text: "40 %".
PERCENT = "format(datum.value * 100, '.0f') + '\\u00a0%'"

PANEL_WIDTH = 140
PANELS_PER_ROW = 3
ROW_HEIGHT = 22
DENSE_ROW_HEIGHT = 18


@dataclass(frozen=True)
class RowLabel:
    """The name beside a row of the chart: its slice, its rows and where it stands (px from the top)."""

    name: Sentence
    n: str
    top: float


@dataclass(frozen=True)
class SliceChart:
    """Panels of dots and intervals, and the names that stand beside them."""

    drawing: Drawing
    labels: list[RowLabel]
    row_height: int


def theme() -> dict[str, Any]:
    """The configuration that all charts share."""
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "domain": False,
            "ticks": False,
            "grid": True,
            "gridColor": LINE,
            "labelColor": SOFT,
            "labelFontSize": 11,
            "labelPadding": 5,
            "titleColor": SOFT,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
        },
    }


def slice_chart(
    rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult, key: str
) -> SliceChart | None:
    """Draw the slices' metrics against those of all rows (dashed); None when nothing is defined.

    A hollow dot is a slice with few rows. Undefined figures are left blank: the table says why.
    """
    values = _chart_values(rows, variant, metrics, result)
    if not any(value["value"] is not None for value in values):
        return None
    height = ROW_HEIGHT if len(rows) <= 20 else DENSE_ROW_HEIGHT
    spec = _slice_spec(values, len(rows), height)
    titles = ", ".join(str(title_of(name, result.definitions)) for name in metrics)
    drawing = inline_svg(spec, key, visible(f"{titles} by slice"), _describe(rows, variant, metrics, result))
    labels = [
        RowLabel(slice_name(row.slice, short=True), count(row.n), top + position * height)
        for top in drawing.panel_tops
        for position, row in enumerate(rows)
    ]
    return SliceChart(drawing, labels, height)


def _chart_values(
    rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult
) -> list[dict[str, Any]]:
    values = []
    for panel, name in enumerate(metrics):
        overall = variant.overall[name].value
        for position, row in enumerate(rows):
            estimate = row.metrics.get(name)
            values.append(
                {
                    "panel": panel,
                    "row": position,
                    "value": estimate.value if estimate else None,
                    "low": estimate.low if estimate else None,
                    "high": estimate.high if estimate else None,
                    "fill": PAPER if row.status != "ok" or (estimate and estimate.status != "ok") else ACCENT,
                    # Once per panel: the dashed line and the two lines of its heading.
                    "overall": overall if position == 0 else None,
                    "title": visible(title_of(name, result.definitions)) if position == 0 else "",
                    "subtitle": f"all rows {figure(overall, 'percent')}" if position == 0 else "",
                }
            )
    return values


def _slice_spec(values: list[dict[str, Any]], rows: int, row_height: int) -> dict[str, Any]:
    """Put data and size into the specification; rows without any figure keep their place."""
    spec = deepcopy(_slice_template())
    spec["data"] = {"values": values}
    spec["spec"]["height"] = rows * row_height
    for layer in spec["spec"]["layer"]:
        y = layer["encoding"].get("y", {})
        if "field" in y:
            y["scale"]["domain"] = list(range(rows))
    return spec


@cache
def _slice_template() -> dict[str, Any]:
    """Specify the chart without its data; kept, because building one costs more than drawing it."""
    import altair as alt

    y = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    axis = alt.Axis(
        format=".0%", title=None, tickCount=4, labelExpr=PERCENT, labelOverlap="parity", labelSeparation=6
    )
    x = alt.X("value:Q", axis=axis, scale=alt.Scale(zero=False, nice=True, padding=6))
    base: Any = alt.Chart()
    intervals = base.mark_rule(stroke=ACCENT, strokeWidth=2).encode(
        x=alt.X("low:Q", axis=axis, title=None), x2="high:Q", y=y
    )
    once = base.transform_filter("datum.row === 0")
    overall = once.mark_rule(stroke=INK, strokeDash=[3, 3], strokeWidth=1).encode(x="overall:Q")
    dots = base.mark_point(filled=True, size=52, stroke=ACCENT, strokeWidth=1.5, opacity=1).encode(
        x=x, y=y, fill=alt.Fill("fill:N", scale=None, legend=None)
    )
    heading: dict[str, Any] = {"align": "left", "baseline": "alphabetic", "limit": PANEL_WIDTH + 10}
    title = once.mark_text(fontSize=12, fontWeight=600, color=INK, **heading).encode(
        x=alt.value(0), y=alt.value(-22), text="title:N"
    )
    subtitle = once.mark_text(fontSize=11, color=SOFT, **heading).encode(
        x=alt.value(0), y=alt.value(-8), text="subtitle:N"
    )
    layers = alt.layer(overall, intervals, dots, title, subtitle, data=alt.InlineData(values=[]))
    chart = (
        layers.properties(width=PANEL_WIDTH)
        .facet(
            facet=alt.Facet("panel:O", header=alt.Header(title=None, labelExpr="''")),
            columns=PANELS_PER_ROW,
            spacing={"row": 66, "column": 26},
        )
        .resolve_scale(x="independent")
        .resolve_axis(x="independent")
        .properties(bounds="flush")
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def _describe(rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult) -> str:
    """Say in words what the chart shows: every figure, since the image alone must stand for itself."""
    sentences = []
    for name in metrics:
        parts = []
        for row in rows:
            estimate = row.metrics.get(name)
            if estimate is None or estimate.value is None:
                parts.append(f"{plain(slice_name(row.slice, short=True))} undefined")
                continue
            limits = interval(estimate.low, estimate.high, "percent", unit=True)
            parts.append(
                f"{plain(slice_name(row.slice, short=True))} {figure(estimate.value, 'percent')} ({limits})"
            )
        overall = figure(variant.overall[name].value, "percent")
        sentences.append(
            f"{visible(title_of(name, result.definitions))}: {'; '.join(parts)}; all rows {overall}."
        )
    return " ".join(sentences)
