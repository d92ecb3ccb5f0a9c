"""The chart of slices: a dot and an interval per slice, one panel per metric."""

from __future__ import annotations

from typing import Any

from ...audit.result import USABLE, AuditResult, Estimate, SliceResult, Variant
from ..words.formats import Kind, count, figure, interval
from ..words.language import Sentence, kept, listed, say, sentences, series
from ..words.spoken import metric_kind, plain, slice_name, title_of, visible
from .panels import (
    ACCENT,
    INK,
    PAPER,
    RowChart,
    by_axis,
    facets,
    filled,
    headings,
    row_axis,
    row_height,
    row_labels,
    value_axis,
    whole_words,
)
from .svg import inline_svg


def slice_charts(
    rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult, key: str
) -> list[RowChart]:
    """Draw the slices' metrics, those that are percentages in one image and plain numbers in another."""
    # A panel of undefined figures alone would be empty: the table says why they are.
    defined = [name for name in metrics if any(_value(row, name) is not None for row in rows)]
    groups = by_axis(defined, result.definitions)
    keys = [key if n == 1 else f"{key}-{n}" for n in range(1, len(groups) + 1)]
    drawn = [slice_chart(rows, variant, names, result, k) for names, k in zip(groups, keys, strict=True)]
    return [chart for chart in drawn if chart is not None]


def _value(row: SliceResult, metric: str) -> float | None:
    estimate = row.metrics.get(metric)
    return None if estimate is None else estimate.value


def slice_chart(
    rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult, key: str
) -> RowChart | None:
    """Draw the slices' metrics against those of all rows (dashed); None when nothing is defined.

    The metrics are all percentages, or all plain numbers.

    A hollow dot is a slice with few rows. Undefined figures are left blank: the table says why.
    """
    values = _chart_values(rows, variant, metrics, result)
    if not any(value["value"] is not None for value in values):
        return None
    height = row_height(len(rows))
    spec = filled(_slice_template(metric_kind(metrics[0], result.definitions)), values, len(rows), height)
    titles = listed(title_of(name, result.definitions) for name in metrics)
    title = plain(say("{titles} by slice", titles=titles))
    drawing = inline_svg(spec, key, title, _describe(rows, variant, metrics, result))
    names = [(slice_name(row.slice, short=True), count(row.n)) for row in rows]
    return RowChart(drawing, row_labels(drawing, names, height), height)


def _chart_values(
    rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult
) -> list[dict[str, Any]]:
    values = []
    for panel, name in enumerate(metrics):
        overall = variant.overall[name].value
        kind = metric_kind(name, result.definitions)
        for position, row in enumerate(rows):
            estimate = row.metrics.get(name)
            values.append(
                {
                    "panel": panel,
                    "row": position,
                    "value": estimate.value if estimate else None,
                    "low": estimate.low if estimate else None,
                    "high": estimate.high if estimate else None,
                    "fill": ACCENT if _judged(row, estimate) else PAPER,
                    # Once per panel: the dashed line and the two lines of its heading.
                    "overall": overall if position == 0 else None,
                    "title": visible(title_of(name, result.definitions)) if position == 0 else "",
                    "subtitle": whole_words(figure(overall, kind)) if position == 0 else "",
                }
            )
    return values


def _judged(row: SliceResult, estimate: Estimate | None) -> bool:
    """Whether a slice and its figure rest on enough rows."""
    return row.status == "ok" and (estimate is None or estimate.status in USABLE)


@kept
def _slice_template(kind: Kind) -> dict[str, Any]:
    """Specify the chart without its data; kept, because building one costs more than drawing it."""
    import altair as alt

    y, axis = row_axis(), value_axis(kind)
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
    return facets([overall, intervals, dots, *headings(base)])


def _describe(rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult) -> str:
    """Say in words what the chart shows: every figure, since the image alone must stand for itself."""
    told = []
    for name in metrics:
        kind = metric_kind(name, result.definitions)
        parts = [_named_estimate(row, name, kind) for row in rows]
        overall = figure(variant.overall[name].value, kind)
        told.append(
            say(
                "{metric}: {slices}; all rows {overall}.",
                metric=title_of(name, result.definitions), slices=series(parts), overall=overall,
            )
        )  # fmt: skip
    return plain(sentences(told))


def _named_estimate(row: SliceResult, metric: str, kind: Kind) -> Sentence:
    estimate = row.metrics.get(metric)
    name = slice_name(row.slice, short=True)
    if estimate is None or estimate.value is None:
        return say("{slice} undefined", slice=name)
    limits = interval(estimate.low, estimate.high, kind, unit=True)
    return say("{slice} {value} ({limits})", slice=name, value=figure(estimate.value, kind), limits=limits)
