"""The matrix of features and criteria: where each group stands by each figure, and what was decided of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import USABLE, Cell, Coverage, Criterion, Disparity, Slice
from ..tasks import telling
from ..words.clusters import few_words
from ..words.formats import count, figure, interval
from ..words.language import Sentence, clauses, say, say_n, sentences, series
from ..words.meaning import worse_slice
from ..words.spoken import Given, features_name, plain, slice_name
from . import strips
from .axes import Axis, around_zero
from .chart import limit_words, most_rows, named, slice_said, worst_first
from .looked_up import Told, key_of

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_DOTS = 60
"""Slices that a cell draws, the worst first."""
MOST_TOLD = 12
"""Slices that a cell tells in words."""


@dataclass(frozen=True)
class Square:
    """One cell; ``verdict`` is empty where no gate limits it, ``says`` tells all of its slices."""

    title: Sentence
    verdict: str
    limit: Sentence
    drawing: Markup
    value: str
    who: Sentence
    beyond: bool
    says: Sentence
    forms: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """A set of features; ``id`` of its page."""

    id: str
    name: Sentence
    note: Sentence
    squares: list[Square | None]


@dataclass(frozen=True)
class Matrix:
    """All of it; ``reach`` says how far its axes go, where they are all the same.

    ``forms`` explains the forms of dots that occur and that no cell's own word does.
    ``more`` counts the sets of features that have only their pages, the first of which is ``rest``.
    """

    heads: list[tuple[Sentence, Sentence]]
    rows: list[Row]
    reach: Sentence
    gates: set[str]
    forms: Sentence
    more: int = 0
    rest: str = ""


def matrix(told: Told) -> Matrix | None:
    """Lay out the matrix; None where no slices are compared."""
    criteria = told.front.criteria
    if not criteria or not told.features:
        return None
    axes = _axes(told)
    shown, left = _shown(told)
    rows = [
        Row(
            id=page_id(number),
            name=features_name(one.by),
            note=_note(told, one),
            squares=[_square(told, told.cell(one.by, c), c, axes[c.metric, c.view]) for c in criteria],
        )
        for number, one in enumerate(told.features, start=1)
        if one in shown
    ]
    gates = {cell.gate for one in shown for cell in _cells(told, one) if cell.gate is not None}
    ends = {axis.high for axis in axes.values()}
    reach: Sentence = ()
    if len(ends) == 1 and all(told.kind(c) == "points" for c in criteria):
        top = figure(ends.pop(), "points", decimals=0, unit=False).removeprefix("+")
        reach = say("Every cell reaches from −{top} to +{top} points.", top=top)
    heads = [(named(told, c), meaning(told, c)) for c in criteria]
    rest = page_id(told.features.index(left[0]) + 1) if left else ""
    found = frozenset().union(*(square.forms for row in rows for square in row.squares if square))
    return Matrix(heads, rows, reach, gates, _explained(told, found), len(left), rest)


def _explained(told: Told, found: frozenset[str]) -> Sentence:
    """Say what a cross, a triangle and a ring are, of those that occur."""
    parts = []
    if "small" in found:
        parts.append(say("Cross: too few rows."))
    if "off" in found:
        parts.append(say("Triangle: beyond the axis."))
    if "before" in found and told.beside is not None:
        parts.append(say("Grey ring: {variant}.", variant=Given(told.beside.name)))
    return sentences(parts)


def _cells(told: Told, one: Coverage) -> list[Cell]:
    return [told.cell(one.by, c) for c in told.front.criteria]


def _shown(told: Told) -> tuple[list[Coverage], list[Coverage]]:
    """The sets of features that there is room for, and the others, both in the order of the page."""
    ranked = sorted(told.features, key=lambda one: told.foremost(_cells(told, one)))
    kept = ranked[: most_rows(told)]
    return [one for one in told.features if one in kept], [one for one in told.features if one not in kept]


def page_id(number: int) -> str:
    """The id of the page of a set of features."""
    return f"feature-{number}"


def meaning(told: Told, one: Criterion) -> Sentence:
    """Say in few words what a rate counts."""
    definition = told.result.definitions.get(one.metric)
    if definition is None or definition.among is None or one.view is not None:
        return ()
    own = telling(told.result).meanings
    if (definition.among, definition.says) in own:
        return say(own[definition.among, definition.says])
    messages = {
        ("rows", "selected"): say("selected, of all"),
        ("rows", "not selected"): say("not selected, of all"),
        ("rows", "right"): say("decided rightly, of all"),
        ("rows", "wrong"): say("decided wrongly, of all"),
        ("rows", "positive"): say("positive, of all"),
        ("positives", "selected"): say("selected, of the positive"),
        ("positives", "not selected"): say("not selected, of the positive"),
        ("negatives", "selected"): say("selected, of the negative"),
        ("negatives", "not selected"): say("not selected, of the negative"),
        ("selected", "positive"): say("positive, of the selected"),
        ("selected", "negative"): say("negative, of the selected"),
        ("not selected", "negative"): say("negative, of those not selected"),
        ("not selected", "positive"): say("positive, of those not selected"),
    }
    return messages.get((definition.among, str(definition.says)), ())


def _axes(told: Told) -> dict[tuple[str, str | None], Axis]:
    """One axis for all rates, and one for each other figure."""
    values: dict[object, list[float | None]] = {}
    for one in told.front.criteria:
        own = "points" if told.kind(one) == "points" else (one.metric, one.view)
        found = values.setdefault(own, [])
        for features in told.features:
            found += [d.value for d in told.differences(features.by, one) if d.status in USABLE]
            found += told.band(told.cell(features.by, one)) or ()
    axes = {own: around_zero(found) for own, found in values.items()}
    return {
        (one.metric, one.view): axes["points" if told.kind(one) == "points" else (one.metric, one.view)]
        for one in told.front.criteria
    }


def _note(told: Told, one: Coverage) -> Sentence:
    """Count its slices, and those too small for a figure, which may count few of their rows."""
    slices = say_n("{n} slice", "{n} slices", one.slices, n=count(one.slices))
    found = [told.differences(one.by, c) for c in told.front.criteria]
    few = [d.status for part in found for d in part if d.status == "few clusters"]
    if few:
        slices = clauses([slices, few_words(few[0], told.result)])
    most = max(sum(d.status == "small" for d in differences) for differences in found)
    if most > one.small:
        return say("{slices}, up to {n} small", slices=slices, n=count(most))
    return say("{slices}, {n} small", slices=slices, n=count(one.small)) if one.small else slices


def _square(told: Told, cell: Cell, one: Criterion, axis: Axis) -> Square | None:
    found = told.differences(cell.by, one)
    if not found or cell.value is None:
        return None
    marks = told.marks(cell)
    beside = told.beside if cell.gate is not None else None
    before = (
        {key_of(d.slice or {}): d.value for d in told.differences(cell.by, one, beside)} if beside else {}
    )
    dots = []
    for d in drawn_of(found):
        key, small = key_of(d.slice or {}), d.status not in USABLE
        kind_of = "small" if small else marks.get(key, "free")
        said = plain(slice_said(told, one, d))
        former = None if small else before.get(key)
        dots.append(strips.Dot(key, d.value, kind=kind_of, before=former, says=said))
    who, value = _worse_off(told, cell, one)
    return Square(
        title=named(told, one),
        verdict=cell.verdict or "",
        limit=limit_words(told, cell),
        drawing=strips.cell(axis, dots, told.band(cell)),
        value=value,
        who=slice_name(who, short=True),
        beyond=cell.beyond_chance,
        says=_says(told, cell, found, one),
        forms=frozenset().union(*(strips.forms(axis, dot) for dot in dots)),
    )


def _worse_off(told: Told, cell: Cell, one: Criterion) -> tuple[Slice, str]:
    """Whom a cell names, and how far they lie from whom they are held against: the one that is worse off.

    Where that does not follow from the figure, the slice that is held against its reference.
    """
    part, reference, value = cell.slice or {}, cell.reference, cell.value or 0.0

    def told_as(distance: float) -> str:
        return figure(distance, told.kind(one), unit=False)

    if cell.compare == "value":
        # A limit on the figure itself was held against that, and not against a distance.
        found = told.estimate(part, one)
        return part, figure(found.value if found is not None else None, told.level_kind(one))
    if reference is None:
        return part, told_as(value)
    ends = [told.estimate(end, one) for end in (part, reference)]
    here, there = (end.value if end is not None else None for end in ends)
    if here is None or there is None:
        return part, told_as(value)
    worse = worse_slice(one.metric, (part, here), (reference, there), told.result, one.view)
    return (reference, told_as(-value)) if worse == reference else (part, told_as(value))


def drawn_of(found: Sequence[Disparity]) -> list[Disparity]:
    """The differences that a cell draws."""
    return sorted(found, key=worst_first)[:MOST_DOTS]


def _says(told: Told, cell: Cell, found: list[Disparity], one: Criterion) -> Sentence:
    """Tell all slices of a cell in one line."""
    kind = told.kind(one)
    each = []
    for d in sorted(found, key=worst_first)[:MOST_TOLD]:
        low, high = d.together
        limits = interval(low, high, kind) if low is not None and high is not None else "—"
        name, value = slice_name(d.slice or {}, short=True), figure(d.value, kind, unit=False)
        each.append(say("{slice} {value} ({limits})", slice=name, value=value, limits=limits))
    if len(found) > MOST_TOLD:
        each.append(say("{n} more", n=count(len(found) - MOST_TOLD)))
    limit = limit_words(told, cell)
    head = say("{metric}, {features}.", metric=named(told, one), features=features_name(cell.by))
    asked = say("Limit: {limit}.", limit=limit) if limit else say("No limit.")
    against = say(
        "Against {reference}: {slices}.",
        reference=slice_name(found[0].reference or {}, short=True), slices=series(each),
    )  # fmt: skip
    return sentences([head, asked, against])
