"""The chart of a suite's templates: a dot for each, behind the figure of all with its interval."""

from __future__ import annotations

from typing import Any

from ...audit.result import AuditResult, Variant
from ..words.formats import Kind, figure, interval
from ..words.language import Given, kept, say, sentences, series, tr
from ..words.spoken import metric_kind, plain, title_of, visible
from .panels import ACCENT, INK, SOFT, facets, filled, headings, row_axis, value_axis
from .svg import Drawing, inline_svg

HEIGHT, WIDTH = 66, 300
MOST_VARIANTS = 8


def unit_chart(
    variants: list[Variant], names: list[str], result: AuditResult, units: str, key: str
) -> Drawing | None:
    """Draw figures of each cluster (dots) and of all (bar with its interval), a row for each variant.

    ``units`` is what the clusters are called.

    None where no variant tells figures of its clusters.
    """
    drawn = [variant for variant in variants if variant.units][:MOST_VARIANTS]
    if not drawn or not names:
        return None
    values: list[dict[str, Any]] = []
    for panel, metric in enumerate(names):
        for row, variant in enumerate(drawn):
            whole = variant.overall.get(metric)
            values.append(
                {
                    "panel": panel,
                    "row": row,
                    "name": visible(variant.name),
                    "ideal": result.definitions[metric].ideal if row == 0 else None,
                    "value": whole.value if whole else None,
                    "low": whole.low if whole else None,
                    "high": whole.high if whole else None,
                    "title": visible(title_of(metric, result.definitions)) if row == 0 else "",
                    "subtitle": tr("dots: {units}, bar: all of them", units=units) if row == 0 else "",
                }
            )
            found = sorted(one for unit in variant.units if (one := unit.metrics.get(metric)) is not None)
            # Dots that lie close stand above each other, three deep, so that each can be seen.
            values += [
                {
                    "panel": panel,
                    "row": row,
                    "dot": one,
                    "lift": (place % 3 - 1) * 7,
                    "name": "",
                    "title": "",
                    "subtitle": "",
                }
                for place, one in enumerate(found)
            ]
    spec = filled(_template(metric_kind(names[0], result.definitions)), values, len(drawn), HEIGHT)
    title = tr("Figures of the {units}, and of all of them", units=units)
    return inline_svg(spec, key, title, _told(drawn, names, result, units))


@kept
def _template(kind: Kind) -> dict[str, Any]:
    """Specify the chart without its data."""
    import altair as alt

    base: Any = alt.Chart()
    y, axis = row_axis(), value_axis(kind)
    scale = alt.Scale(zero=True, nice=True, padding=6)
    ideal = (
        base.transform_filter("isValid(datum.ideal)")
        .mark_rule(stroke=SOFT, strokeWidth=1.5, strokeDash=[2, 3])
        .encode(x=alt.X("ideal:Q", axis=axis, scale=scale))
    )
    dots = [
        base.transform_filter(f"datum.lift === {lift}")
        .mark_point(size=26, filled=True, fill=ACCENT, stroke=ACCENT, opacity=0.45, yOffset=lift)
        .encode(x=alt.X("dot:Q", axis=axis, scale=scale), y=y)
        for lift in (-7, 0, 7)
    ]
    limits = base.mark_rule(stroke=INK, strokeWidth=2, yOffset=17).encode(
        x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q", y=y
    )
    whole = base.mark_tick(color=INK, thickness=3, height=14, yOffset=17).encode(
        x=alt.X("value:Q", axis=axis, scale=scale), y=y
    )
    names = base.mark_text(
        align="left", baseline="alphabetic", fontSize=11, fontWeight=600, color=INK, yOffset=-16
    ).encode(x=alt.value(0), y=y, text="name:N")
    return facets([ideal, names, *dots, limits, whole, *headings(base, width=WIDTH)], width=WIDTH, columns=2)


def _told(variants: list[Variant], names: list[str], result: AuditResult, units: str) -> str:
    told = []
    for metric in names:
        kind = metric_kind(metric, result.definitions)
        parts = []
        for variant in variants:
            whole = variant.overall.get(metric)
            if whole is None or whole.value is None:
                continue
            found = [one for unit in variant.units if (one := unit.metrics.get(metric)) is not None]
            parts.append(
                say(
                    "{variant} {value} ({limits}); {units} from {low} to {high}",
                    variant=Given(variant.name), units=units, value=figure(whole.value, kind),
                    limits=interval(whole.low, whole.high, kind), low=figure(min(found), kind),
                    high=figure(max(found), kind),
                )
            )  # fmt: skip
        told.append(
            say("{metric}: {slices}.", metric=title_of(metric, result.definitions), slices=series(parts))
        )
    return plain(sentences(told))
