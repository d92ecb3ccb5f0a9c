"""A figure slice by slice: how far each lies from its reference, with limits and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import Cell, Criterion, Disparity, Slice
from ..tasks import telling
from ..words.formats import Kind, Limit, count, figure, interval, usual_decimals
from ..words.language import Sentence, say, say_n
from ..words.spoken import features_name, of_class, slice_name, title_of
from . import strips
from .axes import Axis, around_zero
from .looked_up import Told, key_of

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_ON_FRONT = 6
"""Slices of one feature in the large chart of the front page."""
MOST_ON_PAGE = 20
"""Slices on the page of one feature."""
WORST = 10
"""Crossings that are shown at least, the worst first."""


@dataclass(frozen=True)
class Line:
    """A slice: its name, rows, figure, drawing and difference, all as they are printed."""

    key: str
    name: Sentence
    n: str
    level: str
    drawing: Markup
    difference: str
    limits: str
    verdict: str | None
    small: bool
    reference: bool
    says: Sentence


@dataclass(frozen=True)
class Group:
    """The slices of one set of features."""

    name: Sentence
    note: Sentence
    lines: list[Line]
    more: int = 0


@dataclass(frozen=True)
class Chart:
    """Groups of slices on one axis."""

    title: Sentence
    groups: list[Group]
    axis: Markup
    rows: Sentence


def named(told: Told, one: Criterion) -> Sentence:
    """Name a criterion."""
    return of_class(title_of(one.metric, told.result.definitions), one.view)


def limit_words(told: Told, cell: Cell) -> Sentence:
    """Say what a gate allows: ``± 10 points``, ``ratio ≥ 0.8``; nothing without one."""
    if cell.limit is None:
        return ()
    if cell.compare == "ratio":
        return say("ratio {limit}", limit=f"≥\u00a0{Limit('≥', cell.limit).words('ratio')}")
    sizes: dict[Kind, Kind] = {"points": "gap", "signed": "number", "moved": "amount"}
    kind = told.kind(cell)
    return ("±\u00a0", Limit("≤", abs(cell.limit)).words(sizes.get(kind, kind)))


def chart(told: Told, one: Criterion, sets: Sequence[Sequence[str]], *, whole: bool) -> Chart:
    """Draw a criterion over some sets of features.

    Parameters
    ----------
    whole
        As on the page of one feature: as many slices as it holds; else those that a front page has room for.
    """
    chosen = [(by, *_chosen(told, one, by, whole)) for by in sets if told.differences(by, one)]
    bands = [told.band(told.cell(by, one)) for by, _, _ in chosen]
    shown = [d for _, some, _ in chosen for d in some]
    values = [x for d in shown for x in ((d.value, *d.together) if d.status == "ok" else (d.value,))]
    axis = around_zero([*values, *(edge for band in bands for edge in band or ())])
    groups = [
        _group(told, one, by, some, more, axis, band)
        for (by, some, more), band in zip(chosen, bands, strict=True)
    ]
    kind = told.kind(one)
    title = named(told, one)
    points = kind == "points"
    head = (
        say("{metric}: points from the reference", metric=title)
        if points
        else say("{metric}: difference from the reference", metric=title)
    )
    return Chart(head, groups, axis_of(axis, kind), _counted(told, one))


def axis_of(axis: Axis, kind: Kind, most: int = 6) -> Markup:
    """The axis of differences, its ticks without their unit."""
    steps = list(axis.ticks(most))
    places = _places(steps, kind)
    return strips.ticks(
        axis, [(s, figure(s, kind, decimals=places, unit=False) if s else "0") for s in steps]
    )


def _places(steps: Sequence[float], kind: Kind) -> int:
    """The least decimals by which ticks can be told apart."""
    most = usual_decimals(kind, *steps) + 2
    for places in range(most):
        if len({figure(s, kind, decimals=places, unit=False) for s in steps}) == len(steps):
            return places
    return most


def _counted(told: Told, one: Criterion) -> Sentence:
    """Say what the rows of the column n are, where they are not all rows of a slice."""
    definition = told.result.definitions.get(one.metric)
    among = definition.among if definition is not None else None
    own = telling(told.result).among
    if among in own:
        return say(own[among])
    messages = {
        "positives": say("n: rows with the positive label"),
        "negatives": say("n: rows with the negative label"),
        "selected": say("n: rows that are selected"),
        "not selected": say("n: rows that are not selected"),
    }
    return messages.get(str(among), say("n: rows"))


def _certain(d: Disparity) -> float:
    """How far a difference is from 0 for certain."""
    low, high = d.together
    if low is None or high is None or d.status != "ok" or low <= 0 <= high:
        return 0.0
    return min(abs(low), abs(high))


def worst_first(d: Disparity) -> tuple[float, bool, float]:
    """Order differences: the most certain first, then those that can be judged, then the largest."""
    return (-_certain(d), d.status != "ok", -abs(d.value or 0.0))


def _chosen(told: Told, one: Criterion, by: Sequence[str], whole: bool) -> tuple[list[Disparity], int]:
    """The slices that are shown, in the order of the page, and how many are not."""
    found = told.differences(by, one)
    ranked = sorted(found, key=worst_first)
    if whole:
        marks = told.marks(told.cell(by, one))
        flagged = [d for d in ranked if _certain(d) or marks.get(key_of(d.slice or {})) in ("fail", "open")]
        least = WORST if len(by) > 1 else MOST_ON_PAGE
        kept = ranked[: min(max(least, len(flagged)), MOST_ON_PAGE)]
    else:
        kept = ranked[: 1 if len(by) > 1 else MOST_ON_FRONT]
    if len(by) == 1:
        kept = [d for d in found if d in kept]
    return kept, len(found) - len(kept)


def _group(
    told: Told, one: Criterion, by: Sequence[str], some: Sequence[Disparity], more: int, axis: Axis,
    band: tuple[float, float] | None,
) -> Group:  # fmt: skip
    cell = told.cell(by, one)
    marks = told.marks(cell)
    note = limit_words(told, cell)
    note = say("limit {limit}", limit=note) if note else say("no limit")
    if len(by) > 1 and more:
        worst = say_n(
            "worst of {n} crossing", "worst of {n} crossings", len(some) + more, n=count(len(some) + more)
        )
        note = say("{one}, {other}", one=worst, other=note)
    lines = []
    reference = some[0].reference
    if reference is not None and all(d.reference == reference for d in some):
        lines.append(_reference_line(told, one, reference, axis, band))
    lines += [_line(told, one, d, axis, band, marks) for d in some]
    return Group(features_name(by), note, lines, more)


def _reference_line(
    told: Told, one: Criterion, part: Slice, axis: Axis, band: tuple[float, float] | None
) -> Line:
    estimate = told.estimate(part, one)
    dot = strips.Dot(key_of(part), None, reference=True)
    level = figure(estimate.value if estimate else None, told.level_kind(one))
    return Line(
        key_of(part), slice_name(part, short=True), count(estimate.n if estimate else None), level,
        strips.row(axis, dot, band, zero=0.0), "", "", None, small=False, reference=True,
        says=say("{slice}: {figure}, the reference", slice=slice_name(part, short=True), figure=level),
    )  # fmt: skip


def _line(
    told: Told, one: Criterion, d: Disparity, axis: Axis, band: tuple[float, float] | None,
    marks: Mapping[str, str],
) -> Line:  # fmt: skip
    part = d.slice or {}
    key, kind = key_of(part), told.kind(one)
    small = d.status != "ok"
    low, high = d.together
    estimate = told.estimate(part, one)
    mark = "small" if small else marks.get(key, "free")
    dot = strips.Dot(
        key, d.value, None if small else low, None if small else high, mark, before_of(told, one, d)
    )
    level = figure(estimate.value if estimate else None, told.level_kind(one))
    limits = interval(low, high, kind) if low is not None and high is not None else ""
    moved = figure(d.value, kind, unit=False)
    return Line(
        key, slice_name(part, short=True), count(estimate.n if estimate else None), level,
        strips.row(axis, dot, band, zero=0.0), moved, limits, _verdict(mark), small=small, reference=False,
        says=say(
            "{slice}: {figure}, {difference} from {reference} ({limits})",
            slice=slice_name(part, short=True), figure=level, difference=moved,
            reference=slice_name(d.reference or {}, short=True), limits=limits or "—",
        ),
    )  # fmt: skip


def _verdict(mark: str) -> str | None:
    return {"pass": "pass", "fail": "fail", "open": "inconclusive"}.get(mark)


def before_of(told: Told, one: Criterion, d: Disparity) -> float | None:
    """The same difference of the variant that stands beside."""
    if told.beside is None:
        return None
    found = told.differences(d.by, one, told.beside)
    return next((b.value for b in found if b.slice == d.slice and b.reference == d.reference), None)
