"""A figure slice by slice: how far each lies from its reference, with limits and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ...audit.result import USABLE, Cell, Criterion, Disparity, Slice
from ..tasks import telling
from ..words.clusters import few_words
from ..words.formats import Kind, Limit, count, figure, interval, usual_decimals
from ..words.language import Sentence, clauses, say, say_n
from ..words.spoken import FAVOURABLE, features_name, of_class, slice_name, title_of, view_name
from . import strips
from .axes import Axis, around_zero
from .looked_up import Told, key_of

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_ROWS = 5
"""Sets of features in the matrix of the front page, one less beside another variant; the rest is counted."""
MOST_ON_FRONT = 6
"""Slices of one feature in the large chart of the front page."""
MOST_LINES = 22
"""Lines of the large chart and of the matrix above it, a row of which is as high as `LINES_OF_A_ROW`."""
LINES_OF_A_ROW = 3
MOST_ON_PAGE = 20
"""Slices on the page of one feature."""
WORST = 10
"""Slices that are shown of more than a page holds, and of crossings, besides those that are flagged."""


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
    forms: frozenset[str] = frozenset()
    few: Sentence = ()


@dataclass(frozen=True)
class Group:
    """The slices of one set of features."""

    name: Sentence
    note: Sentence
    lines: list[Line]
    more: int = 0
    flagged: int = 0
    """Of those that are not shown, how many are beyond chance or fail."""


@dataclass(frozen=True)
class Chart:
    """Groups of slices on one axis; ``forms``: those that dots are drawn in (`strips.forms`)."""

    title: Sentence
    groups: list[Group]
    axis: Markup
    rows: Sentence
    limited: bool
    forms: frozenset[str] = frozenset()


def named(told: Told, one: Criterion) -> Sentence:
    """Name a criterion."""
    return of_class(title_of(one.metric, told.result.definitions), one.view)


def limit_words(told: Told, cell: Cell) -> Sentence:
    """Say what a gate allows: ``± 10 points``, ``ratio ≥ 0.8``; nothing without one."""
    if cell.limit is None:
        return ()
    if cell.compare == "value":
        sign: Literal["≤", "≥"] = "≤" if cell.operator == "<=" else "≥"
        return (f"{sign}\u00a0", Limit(sign, cell.limit).words(told.level_kind(cell)))
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
    chosen = [(by, _chosen(told, one, by, whole)) for by in sets if told.differences(by, one)]
    bands = [told.band(told.cell(by, one)) for by, _ in chosen]
    shown = [d for _, some in chosen for d in some]
    # Limits of few rows would make the axis so long that all else lies at its middle.
    wide = [d for d in shown if d.status in USABLE] or shown
    values = [x for d in shown for x in ((d.value, *d.together) if d in wide else (d.value,))]
    values += [before_of(told, one, d) for d in shown]
    axis = around_zero([*values, *(edge for band in bands for edge in band or ())])
    groups = [
        _group(told, one, by, some, axis, band, whole=whole)
        for (by, some), band in zip(chosen, bands, strict=True)
    ]
    kind = told.kind(one)
    title = named(told, one)
    points = kind == "points"
    head = (
        say("{metric}: points from the reference", metric=title)
        if points
        else say("{metric}: difference from the reference", metric=title)
    )
    # A page of one feature counts what it does not show, a front page leaves it out.
    groups = [group for group in groups if whole or group.lines]
    forms = frozenset().union(*(line.forms for group in groups for line in group.lines))
    return Chart(head, groups, axis_of(axis, kind), _counted(told, one), any(bands), forms)


def leading_chart(told: Told) -> Chart | None:
    """The one chart that is drawn large: of the leading gate's figure, over all features."""
    if told.leading is None or not told.features:
        return None
    drawn = chart(told, told.leading, _with_room(told, told.leading), whole=False)
    return drawn if drawn.groups else None


def most_rows(told: Told) -> int:
    """How many rows of the matrix there is room for: what the change to a variant costs stands below it."""
    return MOST_ROWS if told.beside is None else MOST_ROWS - 1


def _with_room(told: Told, one: Criterion) -> list[list[str]]:
    """The sets of features that the large chart has room for, in the order of the page: one at least."""
    ranked = sorted((c.by for c in told.features), key=lambda by: told.foremost([told.cell(by, one)]))
    room = MOST_LINES - LINES_OF_A_ROW * min(len(ranked), most_rows(told))
    kept: list[list[str]] = []
    for by in ranked:
        # A head and the reference stand above the slices.
        lines = 2 + len(_chosen(told, one, by, whole=False))
        if lines > 2 and (lines <= room or not kept):
            kept.append(by)
            room -= lines
    return [c.by for c in told.features if c.by in kept]


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
    if one.view is not None:
        return _counted_of_class(str(among), one.view)
    if among is None and told.result.task == "ranking" and _of_queries(told, one):
        return say("n: queries")
    messages = {
        "positives": say("n: rows with the positive label"),
        "negatives": say("n: rows with the negative label"),
        "selected": say("n: rows that are selected"),
        "not selected": say("n: rows that are not selected"),
    }
    return messages.get(str(among), say("n: rows"))


def _counted_of_class(among: str, view: str) -> Sentence:
    """The same of one class or label, which a row has or has not, and is given or not."""
    name = view_name(view)
    if view == FAVOURABLE:
        messages = {
            "positives": say("n: rows that belong to {view}", view=name),
            "negatives": say("n: rows that do not belong to {view}", view=name),
            "selected": say("n: rows that are given {view}", view=name),
            "not selected": say("n: rows that are not given {view}", view=name),
        }
    else:
        messages = {
            "positives": say("n: rows with the label {view}", view=name),
            "negatives": say("n: rows without the label {view}", view=name),
            "selected": say("n: rows decided as {view}", view=name),
            "not selected": say("n: rows not decided as {view}", view=name),
        }
    return messages.get(among, say("n: rows"))


def _of_queries(told: Told, one: Criterion) -> bool:
    """Whether a figure of a ranking counts queries, not the items in them."""
    found = [(part.n, told.estimate(part.slice, one)) for part in told.variant.slices]
    return any(estimate is not None and estimate.n not in (None, n) for n, estimate in found)


def _certain(d: Disparity) -> float:
    """How far a difference is from 0 for certain."""
    low, high = d.together
    if low is None or high is None or d.status not in USABLE or low <= 0 <= high:
        return 0.0
    return min(abs(low), abs(high))


def worst_first(d: Disparity) -> tuple[float, bool, float]:
    """Order differences: the most certain first, then those that can be judged, then the largest."""
    return (-_certain(d), d.status not in USABLE, -abs(d.value or 0.0))


def _chosen(told: Told, one: Criterion, by: Sequence[str], whole: bool) -> list[Disparity]:
    """The slices that are shown, in the order of the page."""
    found = told.differences(by, one)
    flagged = _flagged(told, one, by)
    ranked = sorted(found, key=lambda d: (key_of(d.slice or {}) not in flagged, worst_first(d)))
    if len(by) > 1:
        # What a handful of rows shows is no worst crossing: of many, those are counted.
        few = whole and len(found) <= WORST
        ranked = [d for d in ranked if few or d.status in USABLE or key_of(d.slice or {}) in flagged]
    if not whole:
        kept = ranked[: 1 if len(by) > 1 else MOST_ON_FRONT]
    elif len(by) == 1 and len(found) <= MOST_ON_PAGE:
        kept = ranked
    else:
        kept = ranked[: min(max(WORST, len(flagged)), MOST_ON_PAGE)]
    # All slices stand in their own order; some of them, called the worst, begin with the worst.
    return [d for d in found if d in kept] if len(kept) == len(found) else kept


def _flagged(told: Told, one: Criterion, by: Sequence[str]) -> set[str]:
    """The slices whose difference is proven, or that fail their gate."""
    marks = told.marks(told.cell(by, one))
    keys = ((d, key_of(d.slice or {})) for d in told.differences(by, one))
    return {key for d, key in keys if _certain(d) or marks.get(key) == "fail"}


def _group(
    told: Told, one: Criterion, by: Sequence[str], some: Sequence[Disparity], axis: Axis,
    band: tuple[float, float] | None, *, whole: bool,
) -> Group:  # fmt: skip
    cell = told.cell(by, one)
    marks = told.marks(cell)
    note = limit_words(told, cell)
    note = say("limit {limit}", limit=note) if note else say("no limit")
    total = len(told.differences(by, one))
    more = total - len(some)
    if more and whole:
        note = clauses([_some_of(some, total, crossed=len(by) > 1), note])
    elif more and len(by) > 1:
        judged = sum(d.status in USABLE for d in told.differences(by, one))
        note = clauses([_first_of(some, total, judged), note])
    lines = []
    reference = some[0].reference if some else None
    if reference is not None and all(d.reference == reference for d in some):
        # A limit on the figure itself judges the reference too.
        own = _verdict(marks.get(key_of(reference), "")) if cell.compare == "value" else None
        lines.append(_reference_line(told, one, reference, axis, band, own))
    lines += [_line(told, one, d, axis, band, marks) for d in some]
    few = {key_of(d.slice or {}): few_words(d.status, told.result) for d in some}
    if few and all(few.values()):
        note = clauses([note, next(iter(few.values()))])
    else:
        lines = [replace(line, few=few.get(line.key, ())) for line in lines]
    hidden = _flagged(told, one, by) - {key_of(d.slice or {}) for d in some}
    return Group(features_name(by), note, lines, more, len(hidden))


def _some_of(some: Sequence[Disparity], total: int, *, crossed: bool) -> Sentence:
    """Say how many are shown, and in what order: the most certain first, where any is."""
    parts: dict[str, str] = {"shown": count(len(some)), "n": count(total)}
    if any(map(_certain, some)):
        return (
            say("{shown} of {n} crossings, the surest first", **parts)
            if crossed
            else say("{shown} of {n} slices, the surest first", **parts)
        )
    return (
        say("{shown} of {n} crossings, the largest first", **parts)
        if crossed
        else say("{shown} of {n} slices, the largest first", **parts)
    )


def _first_of(some: Sequence[Disparity], total: int, judged: int) -> Sentence:
    """Say which one of all crossings is shown."""
    if any(map(_certain, some)):
        return say_n("the surest of {n} crossing", "the surest of {n} crossings", total, n=count(total))
    return say_n(
        "the largest of {n} crossing that can be judged", "the largest of {n} crossings that can be judged",
        judged, n=count(judged),
    )  # fmt: skip


def _reference_line(
    told: Told, one: Criterion, part: Slice, axis: Axis, band: tuple[float, float] | None, own: str | None
) -> Line:
    dot = strips.Dot(key_of(part), None, reference=True)
    level, n = _level(told, one, part)
    return Line(
        key_of(part), slice_name(part, short=True), n, level,
        strips.row(axis, dot, band, zero=0.0), "", "", own, small=False, reference=True,
        says=reference_said(told, one, part),
    )  # fmt: skip


def _line(
    told: Told, one: Criterion, d: Disparity, axis: Axis, band: tuple[float, float] | None,
    marks: Mapping[str, str],
) -> Line:  # fmt: skip
    part = d.slice or {}
    key, kind = key_of(part), told.kind(one)
    small = d.status not in USABLE
    low, high = d.together
    mark = "small" if small else marks.get(key, "free")
    dot = strips.Dot(key, d.value, low, high, mark, before_of(told, one, d))
    level, n = _level(told, one, part)
    limits = interval(low, high, kind) if low is not None and high is not None else ""
    return Line(
        key, slice_name(part, short=True), n, level, strips.row(axis, dot, band, zero=0.0),
        figure(d.value, kind, unit=False), limits, _verdict(mark), small=small, reference=False,
        says=slice_said(told, one, d), forms=strips.forms(axis, dot),
    )  # fmt: skip


def _level(told: Told, one: Criterion, part: Slice) -> tuple[str, str]:
    """The figure of a slice, and of how many rows it is, as they are printed."""
    estimate = told.estimate(part, one)
    n = count(estimate.n if estimate else None)
    return told.level(part, one), n


def slice_said(told: Told, one: Criterion, d: Disparity, name: Sentence | None = None) -> Sentence:
    """All that a chart holds of a slice in one line: what is read where it is pointed at or focused."""
    level, n = _level(told, one, d.slice or {})
    low, high = d.together
    known = low is not None and high is not None
    return say(
        "{slice}: {figure}, {difference} from {reference} ({limits}), n = {n}",
        slice=name or slice_name(d.slice or {}, short=True), figure=level, n=n,
        difference=figure(d.value, told.kind(one), unit=False),
        reference=slice_name(d.reference or {}, short=True),
        limits=interval(low, high, told.kind(one)) if known else "—",
    )  # fmt: skip


def reference_said(told: Told, one: Criterion, part: Slice, name: Sentence | None = None) -> Sentence:
    """The same of the slice that the others are compared with."""
    level, n = _level(told, one, part)
    return say(
        "{slice}: {figure}, the reference, n = {n}",
        slice=name or slice_name(part, short=True), figure=level, n=n,
    )  # fmt: skip


def _verdict(mark: str) -> str | None:
    return {"pass": "pass", "fail": "fail", "open": "inconclusive"}.get(mark)


def before_of(told: Told, one: Criterion, d: Disparity) -> float | None:
    """The same difference of the variant that stands beside."""
    if told.beside is None:
        return None
    found = told.differences(d.by, one, told.beside)
    return next((b.value for b in found if b.slice == d.slice and b.reference == d.reference), None)
