"""Counterfactual twins: rows alike but for one sensitive feature, which a fair model scores alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...audit.result import AuditResult, Counterfactual
from ..drawing.panels import (
    ACCENT,
    INK,
    PAPER,
    RowChart,
    facets,
    filled,
    headings,
    row_axis,
    row_height,
    row_labels,
)
from ..drawing.svg import inline_svg
from ..words.formats import UNDEFINED, count, figure, interval
from ..words.language import kept, listed, say, say_n, sentences, series, tr
from ..words.spoken import Given, Sentence, plain, value_name, visible
from .tables import NO_REASON, Cell, Notes, Row, Table

MOST_PAIRS = 6
MOST_ROWS = 60
PANEL = 220


@dataclass(frozen=True)
class Twins:
    """Score gaps of twins by variant and pair of values; ``not_listed`` lines are only counted.

    ``rows`` says how many rows were compared, and which were left out.
    """

    rows: Sentence
    table: Table | None
    not_listed: int
    chart: RowChart | None
    drawn: int
    pairs: int


def twins(result: AuditResult, *, charts: bool) -> Twins | None:
    """Lay out the twins, pair by pair; None when the run has none."""
    found = result.counterfactuals
    if not found and result.twins is None:
        return None
    pairs = list(dict.fromkeys((item.feature, item.one, item.other) for item in found))
    ordered = [item for pair in pairs for item in found if (item.feature, item.one, item.other) == pair]
    listed = ordered[:MOST_ROWS]
    drawn = pairs[:MOST_PAIRS]
    chart = _chart(ordered, drawn, result) if charts else None
    table = _table(listed) if listed else None
    return Twins(twin_rows(result), table, len(ordered) - len(listed), chart, len(drawn), len(pairs))


def twin_rows(result: AuditResult) -> Sentence:
    """Say how many rows stand in groups of twins, and how many were left out for which reason."""
    rows = result.twins
    if rows is None:
        return ()
    told = [
        say_n(
            "{n} group of twins was compared: {compared} of {rows} rows.",
            "{n} groups of twins were compared: {compared} of {rows} rows.",
            rows.groups, n=count(rows.groups), compared=count(rows.compared), rows=count(rows.rows),
        )
    ]  # fmt: skip
    out = []
    if rows.no_group:
        columns = listed(Given(name) for name in rows.group)
        out.append(say("{n} are blank in {columns}", n=count(rows.no_group), columns=columns))
    if rows.no_value:
        out.append(say("{n} have no {feature}", n=count(rows.no_value), feature=Given(rows.feature)))
    if rows.alone:
        out.append(
            say("{n} have no twin of another {feature}", n=count(rows.alone), feature=Given(rows.feature))
        )
    return sentences([*told, *([say("Left out: {rows}.", rows=series(out))] if out else [])])


def pair_name(item: Counterfactual) -> Sentence:
    """Name what is compared, such as ``gender: female − male``."""
    return say(
        "{feature}: {one} − {other}",
        feature=Given(item.feature), one=value_name(item.one), other=value_name(item.other),
    )  # fmt: skip


def _table(items: list[Counterfactual]) -> Table:
    notes = Notes()
    rows = []
    for item in items:
        gap, flips = item.score_gap, item.flips
        score = Cell(UNDEFINED, note=notes.letter(gap.why or NO_REASON))
        if gap.value is not None:
            score = Cell(
                figure(gap.value, "signed"), "" if gap.low is None else interval(gap.low, gap.high, "signed")
            )
        apart = Cell(UNDEFINED, note=notes.letter(flips.why or NO_REASON))
        if flips.value is not None:
            apart = Cell(
                figure(flips.value, "percent"),
                "" if flips.low is None else interval(flips.low, flips.high, "percent"),
            )
        cells = [
            Cell(count(item.groups)),
            score,
            Cell(figure(item.largest_gap, "number")),
            Cell(count(item.pairs)),
            apart,
            Cell(f"{count(item.favour_one)} : {count(item.favour_other)}"),
        ]
        rows.append(Row(listed([Given(item.variant), pair_name(item)]), cells))
    heads = [
        (tr("Groups"), tr("groups of twins that hold both values")),
        (
            tr("Mean score gap"),
            tr("mean over the groups of the score of the first minus that of the second"),
        ),
        (tr("Largest"), tr("largest gap of a group")),
        (tr("Pairs"), ""),
        (tr("Decided apart"), tr("share of the pairs in which one is selected and the other is not")),
        (tr("Favours"), tr("pairs in which only the first : only the second is selected")),
    ]
    return Table(heads, rows, notes)


def _chart(
    items: list[Counterfactual], pairs: list[tuple[str, str, str]], result: AuditResult
) -> RowChart | None:
    names = list(dict.fromkeys(item.variant for item in items))
    found = {(item.variant, (item.feature, item.one, item.other)): item for item in items}
    values = []
    for panel, pair in enumerate(pairs):
        for position, name in enumerate(names):
            gap = item.score_gap if (item := found.get((name, pair))) else None
            values.append(
                {
                    "panel": panel,
                    "row": position,
                    "value": gap.value if gap else None,
                    "low": gap.low if gap else None,
                    "high": gap.high if gap else None,
                    "fill": ACCENT if gap and gap.status == "ok" else PAPER,
                    "title": visible(pair[0]) if position == 0 else "",
                    "subtitle": visible(f"{pair[1]} − {pair[2]}") if position == 0 else "",
                }
            )
    if not any(value["value"] is not None for value in values):
        return None
    height = row_height(len(names))
    spec = filled(_template(), values, len(names), height)
    told = series(
        say(
            "{variant}, {feature}, {one} minus {other}: {gap} ({limits})",
            variant=Given(item.variant),
            feature=Given(item.feature),
            one=Given(item.one),
            other=Given(item.other),
            gap=figure(item.score_gap.value, "signed"),
            limits=interval(item.score_gap.low, item.score_gap.high, "signed"),
        )
        for item in items
        if (item.feature, item.one, item.other) in pairs
    )
    title = tr("Mean score gap between twins, by variant")
    drawing = inline_svg(spec, "twins-gaps", title, plain(say("{clauses}.", clauses=told)))
    labels = [((Given(name),), "") for name in names]
    return RowChart(drawing, row_labels(drawing, labels, height), height)


@kept
def _template() -> dict[str, Any]:
    import altair as alt

    base: Any = alt.Chart()
    y = row_axis()
    axis = alt.Axis(title=None, tickCount=4, format="~g", labelOverlap="parity", labelSeparation=6)
    zero = base.transform_filter("datum.row === 0").mark_rule(stroke=INK, strokeDash=[3, 3])
    limits = base.mark_rule(stroke=ACCENT, strokeWidth=2).encode(
        x=alt.X("low:Q", axis=axis), x2="high:Q", y=y
    )
    dots = base.mark_point(filled=True, size=46, stroke=ACCENT, strokeWidth=1.5, opacity=1).encode(
        x=alt.X("value:Q", axis=axis, scale=alt.Scale(zero=True, nice=True, padding=6)), y=y,
        fill=alt.Fill("fill:N", scale=None, legend=None),
    )  # fmt: skip
    layers = [zero.encode(x=alt.datum(0)), limits, dots, *headings(base, width=PANEL)]
    return facets(layers, width=PANEL, columns=2)
