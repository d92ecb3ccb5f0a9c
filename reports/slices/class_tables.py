"""The figures of classes or labels: small grids of class and slice, and tables with every interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...audit.result import USABLE, AuditResult, Change, Disparity, SliceResult, Variant
from ..blocks import Block, Differences, Figures, Grid, GridCell, Note
from ..words import order
from ..words.formats import UNDEFINED, count, figure, interval, p_value
from ..words.language import Given, Sentence, say, tr
from ..words.lookup import estimate_of
from ..words.spoken import (
    compared_kind,
    compared_slices,
    metric_kind,
    of_class,
    of_view,
    slice_name,
    title_of,
    view_name,
)
from ..words.translated import titled
from .disparity_tables import against_reference
from .tables import NO_REASON, Cell, Notes, Row, Table, metric_cell

MOST_ACROSS = 7
"""Columns of a grid beside that of all rows: more do not fit a page's width."""
MOST_DOWN = 40
STEPS = (0.02, 0.05, 0.1)
"""From which distance to all rows on a figure is shaded, lightly to darkly."""
METRICS_PER_TABLE = 4
MOST_LINES = 120
"""Lines of a table over all classes: the report must stay light enough to be mailed."""


def key_metrics(result: AuditResult, variant: Variant) -> list[str]:
    """Select the figures of a class that a reader looks for first."""
    known = next(iter(variant.overall_views.values()), {})
    return [name for name in result.priorities.of_class if name in known]


def overall_of_classes(result: AuditResult, variant: Variant) -> Iterator[Block]:
    """Lay out the figures of each class over all rows, a class a line."""
    metrics = list(next(iter(variant.overall_views.values()), {}))
    for start in range(0, len(metrics), METRICS_PER_TABLE):
        names, notes = metrics[start : start + METRICS_PER_TABLE], Notes()
        rows = [
            Row((view_name(view),), [metric_cell(name, found, result, notes) for name in names])
            for view, found in variant.overall_views.items()
        ]
        table = Table([_head(name, result) for name in names], rows, notes)
        caption = tr("Figures of each class, its rows against all others, with intervals.")
        yield Figures(table, caption, tr("Class"))


def _head(name: str, result: AuditResult) -> tuple[str, str]:
    definition = result.definitions.get(name)
    formula = str(titled(definition.formula)) if definition is not None else ""
    return str(title_of(name, result.definitions)), formula


def grid(metric: str, by: Sequence[str], result: AuditResult, variant: Variant) -> Grid:
    """Lay out one figure of every class in every slice, shaded by its distance to all rows.

    The classes stand across where there are few of them and the slices down, else the other way; then the
    largest slices alone are shown.
    """
    rows = [row for row in order.slices_by(variant, by) if row.views]
    views = list(variant.overall_views)
    proven = _proven(metric, by, variant)
    across = len(views) <= MOST_ACROSS
    shown = rows[:MOST_DOWN] if across else sorted(rows, key=lambda row: -row.n)[:MOST_ACROSS]
    names: list[Sentence] = [*(slice_name(row.slice, short=True) for row in shown), say("all rows")]
    cells = [[_cell(metric, view, row, proven, result, variant) for view in views] for row in [*shown, None]]
    heads: list[Sentence] = [(view_name(view),) for view in views]
    lines = list(zip(names, cells, strict=True))
    if not across:
        turned = [[line[k] for line in cells] for k in range(len(views))]
        heads, lines = names, list(zip(heads, turned, strict=True))
    first = tr("Slice") if across else tr("Class")
    title = title_of(metric, result.definitions)
    left = len(rows) - len(shown)
    caption = say("{metric} by class and slice.", metric=title)
    if left:
        caption = say(
            "{metric} by class and slice; {n} smaller slices are left out.", metric=title, n=count(left)
        )
    return Grid(caption, first, heads, lines)


def _proven(metric: str, by: Sequence[str], variant: Variant) -> set[tuple[str | None, str]]:
    """The classes and slices whose limits for all slices leave out that they are as the reference."""
    return {
        (item.view, repr(item.slice))
        for item in order.disparities_by(variant, by, "reference")
        if item.metric == metric and item.compare == "difference" and _apart(item)
    }


def _apart(item: Disparity) -> bool:
    low, high = item.simultaneous_low, item.simultaneous_high
    return item.status in USABLE and low is not None and high is not None and (low > 0 or high < 0)


def _cell(
    metric: str, view: str, row: SliceResult | None, proven: set[tuple[str | None, str]], result: AuditResult,
    variant: Variant,
) -> GridCell:  # fmt: skip
    found = estimate_of(variant, row.slice if row is not None else {}, metric, view)
    if found is None or found.value is None:
        return GridCell(UNDEFINED, count(found.n) if found is not None else "")
    text = figure(found.value, metric_kind(metric, result.definitions))
    everyone = variant.overall_views[view][metric].value
    if row is None or everyone is None or found.status not in USABLE:
        return GridCell(text, count(found.n))
    apart = found.value - everyone
    level = sum(abs(apart) >= step for step in STEPS)
    shade = f"{'up' if apart > 0 else 'down'}{level}" if level else ""
    return GridCell(text, count(found.n), shade, strong=(view, repr(row.slice)) in proven)


def grid_key(reference: Sentence) -> Note:
    """Say what the shades and the bold figures of grids are."""
    steps = [figure(step, "points", unit=False).lstrip("+") for step in STEPS]
    return Note(say(
        "Under each figure: the rows that it counts among. Blue: above all rows of the class, amber: below, "
        "darker from {one}, {two} and {three} points on; rests on few rows: not shaded. Bold: the limits of "
        "its difference to {reference}, for all slices of the class together, leave out 0.",
        one=steps[0], two=steps[1], three=steps[2], reference=reference,
    ))  # fmt: skip


def reference_of(by: Sequence[str], variant: Variant) -> Sentence:
    """Name the slice that the differences of classes are to."""
    found = next((d for d in order.disparities_by(variant, by, "reference") if d.view is not None), None)
    return slice_name(found.reference or {}) if found is not None else say("the reference")


def figures_of_classes(by: Sequence[str], result: AuditResult, variant: Variant) -> Iterator[Block]:
    """Lay out every figure of every class in the slices, with intervals."""
    rows = order.slices_by(variant, by)
    views = list(variant.overall_views)
    each = max(MOST_LINES // max(len(views), 1), 3)
    metrics = list(next(iter(variant.overall_views.values()), {}))
    for start in range(0, len(metrics), METRICS_PER_TABLE):
        names, notes = metrics[start : start + METRICS_PER_TABLE], Notes()
        lines = [
            Row(
                of_view(slice_name(row.slice, short=True), view),
                [metric_cell(name, row.views.get(view, {}), result, notes) for name in names],
                small=row.status == "small",
                unknown=row.unknown,
            )
            for view in views
            for row in rows[:each]
        ]
        table = Table([_head(name, result) for name in names], lines, notes)
        yield Figures(table, tr("Figures of each class by slice, with intervals."), tr("Class and slice"))
    yield from _left((len(rows) - each) * len(views))


def differences_of_classes(by: Sequence[str], result: AuditResult, variant: Variant) -> Iterator[Block]:
    """Lay out the differences of the key figures of each class to the reference."""
    rows, notes = order.slices_by(variant, by), Notes()
    groups = []
    metrics = key_metrics(result, variant)
    against = [d for d in order.disparities_by(variant, by, "reference") if d.metric in metrics]
    lines = 0
    for view in variant.overall_views:
        for name in metrics:
            items = [d for d in against if d.view == view and d.metric == name]
            for group in against_reference(items, rows, result, notes):
                if lines + len(group.rows) <= MOST_LINES:
                    title = Given("".join(of_class(group.metric, view)))
                    groups.append(type(group)(title, group.reference, group.rows, group.picked))
                lines += len(group.rows)
    if groups:
        caption = tr(
            "Difference and ratio with intervals for each pair, and limits that hold for all slices of the "
            "class together."
        )
        yield Differences(groups, caption)
    yield from _left(lines - sum(len(group.rows) for group in groups))


def extremes_of_classes(by: Sequence[str], result: AuditResult, variant: Variant) -> Iterator[Block]:
    """Lay out how far the slices lie apart in each class."""
    found = [d for d in order.disparities_by(variant, by, "between") if d.view is not None]
    notes = Notes()
    rows = [
        Row(
            of_class(title_of(item.name, result.definitions), item.view),
            [_disparity(item, result, notes)],
            small=item.status == "small",
        )
        for item in found[:MOST_LINES]
    ]
    if rows:
        yield Figures(
            Table([(tr("Value"), "")], rows, notes),
            tr("Disparities over all slices, by class."),
            tr("Disparity"),
        )
    yield from _left(len(found) - len(rows))


def _disparity(item: Disparity, result: AuditResult, notes: Notes) -> Cell:
    if item.value is None:
        return Cell(UNDEFINED, note=notes.letter(item.why or NO_REASON))
    kind = compared_kind(item.compare, item.metric, result.definitions, item.name)
    slices = "".join(compared_slices(item.slice, item.reference)) if item.slice else ""
    limits = "" if item.low is None and item.high is None else interval(item.low, item.high, kind)
    return Cell(figure(item.value, kind), "; ".join(filter(None, (limits, slices))))


def elsewhere() -> Note:
    """Say where the tables are that a page has no room for."""
    return Note(say("Every figure of each class in these slices stands in figures.csv and audit.json."))


def _left(n: int) -> Iterator[Block]:
    if n > 0:
        yield Note(say("{n} more lines: the rest is in figures.csv and audit.json.", n=count(n)))


def changes_of_classes(
    changes: Sequence[Change], result: AuditResult, views: Sequence[str]
) -> Iterator[Block]:
    """Lay out what a change does to the key figures of each class over all rows, a class a line."""
    whole = {(c.view, c.metric): c for c in changes if not c.slice and c.view is not None}
    metrics = [name for name in result.priorities.of_class if any(key[1] == name for key in whole)]
    notes = Notes()
    rows = [
        Row((view_name(view),), [_change(whole.get((view, name)), result, notes) for name in metrics])
        for view in views
    ]
    if metrics and rows:
        caption = tr("Change of each class’s figures over all rows, with paired intervals.")
        table = Table([_head(name, result) for name in metrics], rows, notes)
        yield Figures(table, caption, tr("Class"))


def worst_of_classes(changes: Sequence[Change], result: AuditResult, most: int) -> Iterator[Block]:
    """Lay out the changes of classes in slices that are proven, by their p over the slices of a feature."""
    found = [
        c for c in changes if c.slice and c.view is not None and c.status in USABLE and c.value is not None
    ]
    shown = sorted(
        (c for c in found if c.p_adjusted is not None and c.p_adjusted < 0.05),
        key=lambda c: c.p_adjusted or 0.0,
    )
    if not shown:
        yield Note(say(
            "None of the {n} changes of a class in a slice is shown by its p after Holm over the slices of "
            "the feature.",
            n=count(len(found)),
        ))  # fmt: skip
        return
    rows = [
        Row(
            say(
                "{metric}, {slices}",
                metric=of_class(title_of(c.metric, result.definitions), c.view), slices=slice_name(c.slice),
            ),
            [
                Cell(figure(c.before, metric_kind(c.metric, result.definitions))),
                Cell(figure(c.after, metric_kind(c.metric, result.definitions))),
                _change(c, result, Notes()),
                Cell(p_value(c.p_adjusted)),
            ],
        )
        for c in shown[:most]
    ]  # fmt: skip
    heads = [(tr("Before"), ""), (tr("After"), ""), (tr("Change"), ""), (tr("Adjusted p"), "")]
    caption = tr(
        "Changes of classes in slices, those with the smallest p after Holm over the slices of the feature."
    )
    yield Figures(Table(heads, rows), caption, tr("Metric and slice"))
    yield from _left(len(shown) - len(rows))


def _change(change: Change | None, result: AuditResult, notes: Notes) -> Cell:
    if change is None:
        return Cell(UNDEFINED)
    if change.value is None:
        return Cell(UNDEFINED, note=notes.letter(change.why or NO_REASON))
    kind = compared_kind("change", change.metric, result.definitions)
    limits = "" if change.low is None else interval(change.low, change.high, kind)
    return Cell(figure(change.value, kind), limits)
