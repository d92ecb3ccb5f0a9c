"""The page of one set of features: its chart, and its slices by the other criteria beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import USABLE, Cell, Coverage, Criterion, Slice
from ..words.formats import count, figure
from ..words.language import Sentence, say, say_n, sentences, series
from ..words.per_hundred import FEW
from ..words.spoken import features_name, slice_name
from . import strips
from .axes import Axis, around_zero
from .chart import Chart, Group, axis_of, before_of, chart, limit_words, named, reference_said, slice_said
from .looked_up import Told, key_of
from .matrix import page_id

if TYPE_CHECKING:
    from markupsafe import Markup

_RANK = {"fail": 0, "error": 1, "inconclusive": 2, "pass": 3, None: 4}


@dataclass(frozen=True)
class Small:
    """A slice by one of the other criteria."""

    level: str
    difference: str
    drawing: Markup | None
    says: Sentence
    forms: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Multiple:
    """A slice by all other criteria."""

    key: str
    name: Sentence
    cells: list[Small]


@dataclass(frozen=True)
class Block:
    """Criteria that stand side by side: what each is called, its limit and verdict; an axis of each."""

    heads: list[tuple[Sentence, Sentence, str]]
    axes: list[Markup]
    multiples: list[Multiple]


@dataclass(frozen=True)
class Page:
    """A set of features; ``base_rates``: how many of each slice carry the positive label.

    ``more``: slices that stand in the annex alone; ``forms``: of dots beside the chart, besides the chart's.
    """

    id: str
    name: Sentence
    verdict: str
    note: Sentence
    chart: Chart | None
    blocks: list[Block]
    base_rates: Sentence
    more: Sentence
    annex: str
    forms: frozenset[str]


BESIDE, BESIDE_OF_MANY = 2, 4
"""Criteria side by side, and so where the slices are more than `MANY`: as large as there is room for."""
MANY = 10


def feature_pages(told: Told, annexes: dict[tuple[str, ...], str]) -> list[Page]:
    """Lay out the pages; ``annexes`` are the ids of the same sections of the annex, by features."""
    return [
        _page(told, one, page_id(number), annexes.get(tuple(one.by), ""))
        for number, one in enumerate(told.features, start=1)
    ]


def _page(told: Told, one: Coverage, key: str, annex: str) -> Page:
    cells = {(c.metric, c.view): told.cell(one.by, c) for c in told.front.criteria}
    key_figures = told.result.priorities.key

    def rank(c: Criterion) -> tuple[int, bool, int]:
        cell = cells[c.metric, c.view]
        # What no gate limits here comes in the order of the task, though a gate of another feature limits it.
        place = key_figures.index(c.metric) if c.metric in key_figures else len(key_figures)
        return _RANK[cell.verdict], not cell.beyond_chance, place

    ranked = sorted((c for c in told.front.criteria if told.differences(one.by, c)), key=rank)
    worst = told.verdict_of(one.by)
    charts = [chart(told, c, [one.by], whole=True) for c in ranked[:1]]
    # Of a figure in which no slice can be judged nothing is drawn.
    charts += [chart(told, c, [one.by], whole=True) for c in ranked[1:] if not charts[0].groups[0].lines]
    drawn = next((c for c in charts if c.groups[0].lines), None)
    left = (drawn or charts[0]).groups[0] if charts else None
    first = charts.index(drawn) if drawn is not None else 0
    others = [c for k, c in enumerate(ranked) if k != first]
    keys = [line.key for group in drawn.groups for line in group.lines] if drawn else []
    beside = BESIDE if len(keys) <= MANY else BESIDE_OF_MANY
    blocks = [
        _block(told, one, others[at : at + beside], keys)
        for at in range(0, len(others) if keys else 0, beside)
    ]
    return Page(
        id=key,
        name=features_name(one.by),
        verdict=worst or "",
        note=_note(told, one),
        chart=drawn,
        blocks=blocks,
        base_rates=_base_rates(told, one, keys),
        more=_more(left) if left is not None else (),
        annex=annex,
        forms=_explained(blocks, drawn),
    )


def _explained(blocks: Sequence[Block], drawn: Chart | None) -> frozenset[str]:
    """The forms of dots beside a chart that the chart's own key does not explain; a plain dot needs none."""
    cells = [cell for block in blocks for multiple in block.multiples for cell in multiple.cells]
    known = {"limits", "free", *(drawn.forms if drawn is not None else ())}
    return frozenset().union(*(cell.forms for cell in cells)) - known


def _base_rates(told: Told, one: Coverage, keys: Sequence[str]) -> Sentence:
    """Say how many of each slice of one feature carry the positive label, unless that is shown already."""
    definitions = told.result.definitions
    rate = next((n for n, d in definitions.items() if (d.among, d.says) == ("rows", "positive")), None)
    if rate is None or len(one.by) > 1 or any(c.metric == rate for c in told.front.criteria):
        return ()
    criterion = Criterion(metric=rate)
    each = []
    for part in told.slices(one.by):
        found = told.estimate(part.slice, criterion)
        if key_of(part.slice) not in keys or found is None or found.value is None or found.n is None:
            continue
        few = found.n < FEW and part.weight is None and part.counts.positives is not None
        share = count(part.counts.positives) if few else figure(found.value, told.level_kind(criterion))
        name = slice_name(part.slice, short=True)
        each.append(say("{slice}: {share} of {n}", slice=name, share=share, n=count(found.n)))
    return say("With the positive label: {slices}.", slices=series(each)) if each else ()


def _more(group: Group) -> Sentence:
    """Count the slices that stand in the annex alone, and those among them that are flagged."""
    if not group.more:
        return ()
    left = say_n(
        "{n} more slice stands in the annex.", "{n} more slices stand in the annex.", group.more,
        n=count(group.more),
    )  # fmt: skip
    if not group.flagged:
        return left
    flagged = say_n(
        "{n} of them is beyond chance or fails.", "{n} of them are beyond chance or fail.", group.flagged,
        n=count(group.flagged),
    )  # fmt: skip
    return sentences([left, flagged])


def _note(told: Told, one: Coverage) -> Sentence:
    parts = [say_n("{n} slice.", "{n} slices.", one.slices, n=count(one.slices))]
    if one.small:
        parts.append(
            say_n(
                "{n} is too small to be judged ({rows} rows in all).",
                "{n} are too small to be judged ({rows} rows in all).",
                one.small, n=count(one.small), rows=count(one.small_rows),
            )
        )  # fmt: skip
    if one.unknown_rows:
        parts.append(
            say_n(
                "Of {n} row a value is not known.", "Of {n} rows a value is not known.",
                one.unknown_rows, n=count(one.unknown_rows),
            )
        )  # fmt: skip
    return sentences(parts)


def _axis(told: Told, one: Coverage, criterion: Criterion, keys: Sequence[str]) -> Axis:
    found = [d for d in told.differences(one.by, criterion) if key_of(d.slice or {}) in keys]
    band = told.band(told.cell(one.by, criterion))
    sure = [d for d in found if d.status in USABLE]
    values = [x for d in sure for x in (d.value, *d.together, before_of(told, criterion, d))]
    return around_zero([*values, *(band or ())])


def _block(told: Told, one: Coverage, criteria: Sequence[Criterion], keys: Sequence[str]) -> Block:
    cells = [told.cell(one.by, c) for c in criteria]
    axes = [_axis(told, one, c, keys) for c in criteria]
    parts = {key_of(s.slice): s.slice for s in told.slices(one.by)}
    multiples = [
        Multiple(
            key,
            slice_name(parts[key], short=True),
            [_small(told, cell, parts[key], axis) for cell, axis in zip(cells, axes, strict=True)],
        )
        for key in keys
        if key in parts
    ]
    heads: list[tuple[Sentence, Sentence, str]] = [
        (named(told, c), limit_words(told, c), c.verdict or "") for c in cells
    ]
    most = 5 if len(criteria) <= BESIDE else 3
    drawn = [axis_of(axis, told.kind(c), most) for c, axis in zip(criteria, axes, strict=True)]
    return Block(heads, drawn, multiples)


def _small(told: Told, cell: Cell, part: Slice, axis: Axis) -> Small:
    key, level = key_of(part), told.level(part, cell)
    found = next((d for d in told.differences(cell.by, cell) if d.slice == part), None)
    band = told.band(cell)
    name = say("{metric}, {slice}", metric=named(told, cell), slice=slice_name(part, short=True))
    if found is None:
        drawing = strips.row(axis, strips.Dot(key, None, reference=True), band, zero=0.0, height=18)
        return Small(level, "", drawing, reference_said(told, cell, part, name))
    small = found.status not in USABLE
    low, high = found.together
    mark = "small" if small else told.marks(cell).get(key, "free")
    dot = strips.Dot(key, found.value, low, high, mark, before_of(told, cell, found))
    moved = figure(found.value, told.kind(cell), unit=False)
    drawing = strips.row(axis, dot, band, zero=0.0, height=18)
    return Small(level, moved, drawing, slice_said(told, cell, found, name), strips.forms(axis, dot))
