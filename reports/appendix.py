"""The appendix: every figure of the shown variant with its interval, rows, method and status."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit.result import AuditResult, Disparity, Estimate, Slice, Variant
from . import order
from .formats import Kind, count, figure, interval
from .language import Sentence, say, series
from .retold import retold
from .words import Given, compared_kind, compared_slices, metric_kind, slice_name, title_of

MOST_LINES = 2_000
"""Lines of the appendix; the rest stands in figures.csv. 2,000 lines are about 300 kB."""
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
    """Lay out the figures of a variant: metrics over all rows and by slice, then disparities."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    total = shown = 0
    for key, line in _all_lines(result, variant):
        total += 1
        if shown < MOST_LINES:
            groups.setdefault(key, []).append(line)
            shown += 1
    return Appendix([_group(key, lines, result) for key, lines in groups.items()], total, shown)


_Lines = list[tuple[tuple[str, str, str], Line]]


def _all_lines(result: AuditResult, variant: Variant) -> _Lines:
    lines: _Lines = []
    for name in order.shown_metrics(variant):
        found: list[tuple[Slice, Estimate]] = [({}, variant.overall[name])]
        found += [(row.slice, row.metrics[name]) for row in variant.slices if name in row.metrics]
        kind = metric_kind(name, result.definitions)
        lines += [
            ((name, "", estimate.method), _metric_line(part, estimate, kind)) for part, estimate in found
        ]
    lines += [((d.name, d.scope, d.method), _disparity_line(d, result)) for d in variant.disparities]
    return lines


def _metric_line(part: Slice, estimate: Estimate, kind: Kind) -> Line:
    return Line(
        slice_name(part),
        figure(estimate.value, kind),
        interval(estimate.low, estimate.high, kind) if estimate.low is not None else "",
        count(estimate.n),
        retold(estimate.why) if estimate.why else (),
    )


def _disparity_line(item: Disparity, result: AuditResult) -> Line:
    kind = compared_kind(item.compare, item.metric, result.definitions, item.name)
    together = ""
    if item.simultaneous_low is not None or item.simultaneous_high is not None:
        together = interval(item.simultaneous_low, item.simultaneous_high, kind)
    limits = interval(item.low, item.high, kind) if item.low is not None or item.high is not None else ""
    note = retold(item.why) if item.why else ()
    if together:
        note = series([say("for all slices together {limits}", limits=together), note])
    where: Sentence = (
        compared_slices(item.slice, item.reference)
        if item.slice
        else say("all slices of {features}", features=Given(" × ".join(item.by)))
    )
    return Line(where, figure(item.value, kind), limits, "", note)


def _group(key: tuple[str, str, str], lines: list[Line], result: AuditResult) -> Group:
    name, scope, method = key
    title: Sentence = (title_of(name, result.definitions),)
    if scope == "reference":
        title = say("{disparity}, each slice against the reference", disparity=title)
    told: Sentence = (Given(method),) if method else say("no interval")
    return Group(title, retold(result.methods[method]) if method in result.methods else told, lines)
