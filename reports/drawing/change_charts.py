"""Charts of one variant before and after: the metrics of each slice, and the flips by direction."""

from __future__ import annotations

from typing import Any

from ...audit.result import AuditResult, Comparison, Estimate, Flips, SliceResult, Variant
from ..words.formats import Kind, count, figure, interval
from ..words.language import kept, say, sentences, series, tr
from ..words.meaning import Meaning, bar_words, sides_words
from ..words.spoken import Given, metric_kind, plain, slice_name, title_of, visible
from ..words.turned import Moved, directed, turned_bar, turned_sides
from .panels import (
    ACCENT,
    AFTER,
    INK,
    PANEL_WIDTH,
    PAPER,
    SOFT,
    RowChart,
    beside,
    by_axis,
    facets,
    filled,
    headings,
    row_axis,
    row_labels,
    value_axis,
    whole_words,
)
from .svg import inline_svg

DUMBBELL_HEIGHT = 26
FLIP_HEIGHT = 22


def dumbbell_charts(
    rows: list[tuple[SliceResult, SliceResult]], names: list[str], pair: tuple[Variant, Variant],
    result: AuditResult, key: str,
) -> list[RowChart]:  # fmt: skip
    """Draw metrics before and after, percentages in one image and plain numbers in another."""
    groups = by_axis(names, result.definitions)
    keys = [key, *(f"{key}-{n}" for n in range(2, len(groups) + 1))]
    drawn = [dumbbell_chart(rows, some, pair, result, k) for some, k in zip(groups, keys, strict=True)]
    return [chart for chart in drawn if chart is not None]


def dumbbell_chart(
    rows: list[tuple[SliceResult, SliceResult]], names: list[str], pair: tuple[Variant, Variant],
    result: AuditResult, key: str,
) -> RowChart | None:  # fmt: skip
    """Draw metrics of slices before (hollow, above) and after (filled, below); None when none is defined."""
    values = []
    for panel, metric in enumerate(names):
        for position, both in enumerate(rows):
            before, after = (row.metrics.get(metric) for row in both)
            values.append(
                {
                    "panel": panel,
                    "row": position,
                    "before": before.value if before else None,
                    "before_low": before.low if before else None,
                    "before_high": before.high if before else None,
                    "after": after.value if after else None,
                    "after_low": after.low if after else None,
                    "after_high": after.high if after else None,
                    "small": both[0].status != "ok",
                    "title": visible(title_of(metric, result.definitions)) if position == 0 else "",
                    "subtitle": _whole(pair, metric, result) if position == 0 else "",
                }
            )
    if not any(value["before"] is not None or value["after"] is not None for value in values):
        return None
    spec = filled(
        dumbbell_template(metric_kind(names[0], result.definitions)), values, len(rows), DUMBBELL_HEIGHT
    )
    title = plain(
        say(
            "{before} and {after}: before and after by slice",
            before=Given(pair[0].name),
            after=Given(pair[1].name),
        )
    )
    drawing = inline_svg(spec, key, title, _describe_pairs(rows, names, result))
    labels = [(slice_name(before.slice, short=True), count(before.n)) for before, _ in rows]
    return RowChart(drawing, row_labels(drawing, labels, DUMBBELL_HEIGHT), DUMBBELL_HEIGHT)


def _whole(pair: tuple[Variant, Variant], metric: str, result: AuditResult) -> str:
    """Write a metric of all rows before and after, such as ``all rows 46.0 → 45.7 %``."""
    kind = metric_kind(metric, result.definitions)
    before, after = (variant.overall.get(metric) for variant in pair)
    if before is None or after is None:
        return ""
    return whole_words(f"{figure(before.value, kind, unit=False)} → {figure(after.value, kind)}")


@kept
def dumbbell_template(kind: Kind, width: int = PANEL_WIDTH) -> dict[str, Any]:
    """Specify two values of each row, with intervals and what lies between them, without data."""
    import altair as alt

    base: Any = alt.Chart()
    y, axis = row_axis(), value_axis(kind)
    scale = alt.Scale(zero=False, nice=True, padding=6)
    # Before stands a little above the middle of its row, after a little below: neither hides the other.
    up, down = -5, 5
    moved = base.mark_rule(stroke=SOFT, strokeWidth=1, yOffset=up, y2Offset=down).encode(
        x=alt.X("before:Q", axis=axis, scale=scale), x2="after:Q", y=y, y2="row"
    )
    dash = alt.condition("datum.small", alt.value([3, 2]), alt.value([1, 0]))
    old = base.mark_rule(stroke=SOFT, strokeWidth=1.5, yOffset=up).encode(
        x=alt.X("before_low:Q", axis=axis), x2="before_high:Q", y=y, strokeDash=dash
    )
    new = base.mark_rule(stroke=AFTER, strokeWidth=2, yOffset=down).encode(
        x=alt.X("after_low:Q", axis=axis), x2="after_high:Q", y=y, strokeDash=dash
    )
    point: dict[str, Any] = {"filled": True, "opacity": 1}
    hollow = base.mark_point(size=34, fill=PAPER, stroke=SOFT, strokeWidth=1.5, yOffset=up, **point).encode(
        x=alt.X("before:Q", axis=axis), y=y
    )
    solid = base.mark_point(size=40, fill=AFTER, stroke=AFTER, yOffset=down, **point).encode(
        x=alt.X("after:Q", axis=axis), y=y
    )
    return facets([moved, old, new, hollow, solid, *headings(base, width=width)], width=width)


def _describe_pairs(
    rows: list[tuple[SliceResult, SliceResult]], names: list[str], result: AuditResult
) -> str:
    told = []
    for metric in names:
        kind = metric_kind(metric, result.definitions)
        parts = [
            say(
                "{slice} {before} to {after}",
                slice=slice_name(before.slice, short=True),
                before=_estimate_words(before.metrics.get(metric), kind),
                after=_estimate_words(after.metrics.get(metric), kind),
            )
            for before, after in rows
        ]
        title = title_of(metric, result.definitions)
        told.append(say("{metric}: {slices}.", metric=title, slices=series(parts)))
    return plain(sentences(told))


def _estimate_words(estimate: Estimate | None, kind: Kind) -> str:
    if estimate is None or estimate.value is None:
        return tr("undefined")
    limits = interval(estimate.low, estimate.high, kind)
    return tr("{value} ({limits})", value=figure(estimate.value, kind), limits=limits)


def flip_chart(
    rows: list[Flips], item: Comparison, key: str, meaning: Meaning, said: Moved
) -> RowChart | None:
    """Draw decisions lost (leftwards) and gained, and the flip rate with its interval beside all rows'."""
    overall = item.overall.rate if item.overall is not None else None
    sided = directed(item)
    if not any(flips.flips for flips in rows):
        return None
    values = [
        {
            "row": position,
            "lost": flips.lost if sided else flips.spoiled,
            "gained": flips.gained if sided else flips.mended,
            "rate": flips.rate,
            "low": flips.low,
            "high": flips.high,
            "overall": overall if position == 0 else None,
            "title": (sides_words(meaning) if sided else turned_sides()) if position == 0 else "",
            "subtitle": tr(said.counted) if position == 0 else "",
            "title2": tr("Flip rate") if position == 0 else "",
            "subtitle2": whole_words(figure(overall, "percent")) if position == 0 else "",
        }
        for position, flips in enumerate(rows)
    ]
    spec = filled(_flip_template(), values, len(rows), FLIP_HEIGHT)
    drawing = inline_svg(spec, key, tr(said.sides), _describe_flips(rows, item, meaning))
    labels = [(slice_name(flips.slice, short=True), count(flips.n)) for flips in rows]
    return RowChart(drawing, row_labels(drawing, labels, FLIP_HEIGHT), FLIP_HEIGHT)


@kept
def _flip_template() -> dict[str, Any]:
    import altair as alt

    base: Any = alt.Chart()
    y = row_axis()
    whole = alt.Axis(title=None, tickCount=4, format="d", labelExpr="format(abs(datum.value), ',d')",
                     labelOverlap="parity", labelSeparation=6)  # fmt: skip
    left = base.transform_calculate(leftwards="-datum.lost")
    bar: dict[str, Any] = {"height": 11, "opacity": 1}
    lost = left.mark_bar(fill=AFTER, **bar).encode(x=alt.X("leftwards:Q", axis=whole), x2=alt.datum(0), y=y)
    gained = base.mark_bar(fill="#c9d9ec", stroke=ACCENT, strokeWidth=1, **bar).encode(
        x=alt.X("gained:Q", axis=whole), x2=alt.datum(0), y=y
    )
    zero = base.transform_filter("datum.row === 0").mark_rule(stroke=INK, strokeWidth=1)
    axis = value_axis()
    limits = base.mark_rule(stroke=ACCENT, strokeWidth=2).encode(
        x=alt.X("low:Q", axis=axis), x2="high:Q", y=y
    )
    rates = alt.X("rate:Q", axis=axis, scale=alt.Scale(zero=True, nice=True, padding=4))
    dots = base.mark_point(filled=True, size=46, fill=ACCENT, stroke=ACCENT, opacity=1).encode(x=rates, y=y)
    everyone = base.transform_filter("datum.row === 0").mark_rule(stroke=INK, strokeDash=[3, 3])
    return beside(
        [
            [lost, gained, zero.encode(x=alt.datum(0)), *headings(base, width=190)],
            [everyone.encode(x=alt.X("overall:Q", axis=axis)), limits, dots,
             *headings(base, "title2:N", "subtitle2:N", 190)],
        ],
        width=190,
    )  # fmt: skip


def _describe_flips(rows: list[Flips], item: Comparison, meaning: Meaning) -> str:
    sided = directed(item)
    told = []
    for flips in rows:
        rate, limits = figure(flips.rate, "percent"), interval(flips.low, flips.high, "percent", unit=True)
        told.append(bar_words(flips, rate, limits, meaning) if sided else turned_bar(flips, rate, limits))
    overall = figure(item.overall.rate, "percent") if item.overall is not None else tr("unknown")
    return plain(say("{slices}. All rows: {overall}.", slices=series(told), overall=overall))
