"""The appendix: every figure of the shown variant with its interval, rows, method and status."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Disparity, Estimate, Slice, Variant
from ..words import order
from ..words.formats import Kind, count, figure, interval
from ..words.language import Sentence, say, series
from ..words.spoken import (
    Given,
    compared_kind,
    compared_slices,
    metric_kind,
    of_class,
    slice_name,
    title_of,
)
from ..words.translated import translated

MOST_LINES = 1_500
"""Lines of the appendix; the rest stands in figures.csv. 1,500 lines are about 300 kB."""
MOST_OF_CLASSES = 800
"""Where there are figures of classes too, whose headings take room."""
PRINTED_LINES = 1_000
"""A longer appendix is printed only where the reader opens it: it would be reams of paper."""


@dataclass(frozen=True)
class Line:
    """One figure: of what, its value and interval, the rows it rests on, and what is to be said of it."""

    name: Sentence
    value: str
    interval: str
    n: str
    note: Sentence


@dataclass(frozen=True)
class Group:
    """The figures of one metric or disparity that were made by one method."""

    title: Sentence
    method: Sentence
    lines: list[Line]


@dataclass(frozen=True)
class Appendix:
    """Every figure of a variant, or as many as a page can hold; ``total`` is how many there are."""

    groups: list[Group]
    total: int
    shown: int

    @property
    def long(self) -> bool:
        """Whether paper would be wasted on it."""
        return self.shown > PRINTED_LINES


def appendix(result: AuditResult, variant: Variant) -> Appendix:
    """Lay out the figures of a variant: metrics over all rows and by slice, then disparities.

    Where there are more than a page can hold, each metric and disparity shows its worst.
    """
    metrics: dict[tuple[str, str | None], list[tuple[Slice, Estimate]]] = {}
    for view in (None, *variant.overall_views):
        seen = variant.seen(view)
        for name in order.shown_metrics(result, seen):
            metrics[name, view] = _estimates(name, result, seen)
    disparities: dict[tuple[str, str, str | None], list[Disparity]] = {}
    for item in variant.disparities:
        disparities.setdefault((item.name, item.scope, item.view), []).append(item)
    total = sum(map(len, metrics.values())) + len(variant.disparities)
    if total > MOST_LINES and variant.overall_views:
        # Of classes those that a reader looks for: what each is about takes a line too.
        key = result.priorities.of_class
        metrics = {(name, view): m for (name, view), m in metrics.items() if view is None or name in key}
        disparities = {names: items for names, items in disparities.items() if names[2] is None}
    most = MOST_OF_CLASSES if variant.overall_views else MOST_LINES
    each = total if total <= MOST_LINES else max(most // (len(metrics) + len(disparities)), 1)
    groups: list[Group] = []
    for (name, view), estimates in metrics.items():
        kind = metric_kind(name, result.definitions)
        lines = [(e.method, _metric_line(part, e, kind)) for part, e in estimates[:each]]
        groups += _groups(of_class(title_of(name, result.definitions), view), lines, result)
    for (name, scope, view), items in disparities.items():
        lines = [(d.method, _disparity_line(d, result)) for d in _largest(items)[:each]]
        title = of_class(title_of(name, result.definitions), view)
        if scope == "reference":
            title = say("{disparity}, each slice against the reference", disparity=title)
        groups += _groups(title, lines, result)
    return Appendix(groups, total, sum(len(group.lines) for group in groups))


def _estimates(name: str, result: AuditResult, variant: Variant) -> list[tuple[Slice, Estimate]]:
    """A metric over all rows, then in every slice, the worst first."""
    rows = [row for row in variant.slices if name in row.metrics]
    rows = order.worst_first(rows, name, result.definitions)
    return [({}, variant.overall[name]), *((row.slice, row.metrics[name]) for row in rows)]


def _largest(items: list[Disparity]) -> list[Disparity]:
    """The largest differences first, ratios by their distance from 1; those without a value last."""

    def size(item: Disparity) -> float:
        if item.value is None:
            return -1.0
        return abs(item.value - 1) if item.compare == "ratio" else abs(item.value)

    return sorted(items, key=size, reverse=True)


def _metric_line(part: Slice, estimate: Estimate, kind: Kind) -> Line:
    return Line(
        slice_name(part),
        figure(estimate.value, kind),
        interval(estimate.low, estimate.high, kind) if estimate.low is not None else "",
        count(estimate.n),
        translated(estimate.why) if estimate.why else (),
    )


def _disparity_line(item: Disparity, result: AuditResult) -> Line:
    kind = compared_kind(item.compare, item.metric, result.definitions, item.name)
    together = ""
    if item.simultaneous_low is not None or item.simultaneous_high is not None:
        together = interval(item.simultaneous_low, item.simultaneous_high, kind)
    limits = interval(item.low, item.high, kind) if item.low is not None or item.high is not None else ""
    note = translated(item.why) if item.why else ()
    if together:
        note = series([say("for all slices together {limits}", limits=together), note])
    where: Sentence = (
        compared_slices(item.slice, item.reference)
        if item.slice
        else say("all slices of {features}", features=Given(" × ".join(item.by)))
    )
    return Line(where, figure(item.value, kind), limits, "", note)


def _groups(title: Sentence, lines: list[tuple[str, Line]], result: AuditResult) -> list[Group]:
    """Put the lines under their methods."""
    found: dict[str, list[Line]] = {}
    for method, line in lines:
        found.setdefault(method, []).append(line)
    return [Group(title, _method(method, result), lines) for method, lines in found.items()]


def _method(method: str, result: AuditResult) -> Sentence:
    if method in result.methods:
        return translated(result.methods[method])
    return (Given(method),) if method else say("no interval")
