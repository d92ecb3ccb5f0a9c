"""The page of one set of features: its chart, and its slices by the other criteria beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import Coverage, Criterion
from ..words.formats import count, figure
from ..words.language import Sentence, say, say_n, sentences
from ..words.spoken import features_name, slice_name
from . import strips
from .axes import Axis, around_zero
from .chart import Chart, axis_of, chart, limit_words, named, reference_said, slice_said
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


@dataclass(frozen=True)
class Multiple:
    """A slice by all other criteria."""

    key: str
    name: Sentence
    cells: list[Small]


@dataclass(frozen=True)
class Page:
    """A set of features; ``more``: slices that stand in the annex alone."""

    id: str
    name: Sentence
    verdict: str
    note: Sentence
    chart: Chart | None
    heads: list[tuple[Sentence, Sentence, str]]
    axes: list[Markup]
    multiples: list[Multiple]
    more: Sentence
    annex: str


def feature_pages(told: Told, annexes: dict[tuple[str, ...], str]) -> list[Page]:
    """Lay out the pages; ``annexes`` are the ids of the same sections of the annex, by features."""
    return [
        _page(told, one, page_id(number), annexes.get(tuple(one.by), ""))
        for number, one in enumerate(told.features, start=1)
    ]


def _page(told: Told, one: Coverage, key: str, annex: str) -> Page:
    cells = {(c.metric, c.view): told.cell(one.by, c) for c in told.front.criteria}
    ranked = sorted(
        told.front.criteria,
        key=lambda c: (_RANK[cells[c.metric, c.view].verdict], not cells[c.metric, c.view].beyond_chance),
    )
    ranked = [c for c in ranked if told.differences(one.by, c)]
    worst = min((cell.verdict for cell in cells.values()), key=lambda v: _RANK[v], default=None)
    drawn = chart(told, ranked[0], [one.by], whole=True) if ranked else None
    others = ranked[1:]
    keys = [line.key for group in drawn.groups for line in group.lines] if drawn else []
    axes = {(c.metric, c.view): _axis(told, one, c, keys) for c in others}
    more = drawn.groups[0].more if drawn and drawn.groups else 0
    left = say_n(
        "{n} more slice stands in the annex.", "{n} more slices stand in the annex.", more, n=count(more)
    )
    heads: list[tuple[Sentence, Sentence, str]] = []
    for c in others:
        cell = cells[c.metric, c.view]
        heads.append((named(told, c), limit_words(told, cell), cell.verdict or ""))
    return Page(
        id=key,
        name=features_name(one.by),
        verdict=worst or "",
        note=_note(told, one),
        chart=drawn,
        heads=heads,
        axes=[axis_of(axes[c.metric, c.view], told.kind(c), 3) for c in others],
        multiples=_multiples(told, one, others, keys, axes) if others else [],
        more=left if more else (),
        annex=annex,
    )


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
    return around_zero([*(d.value for d in found if d.status == "ok"), *(band or ())])


def _multiples(
    told: Told, one: Coverage, others: Sequence[Criterion], keys: Sequence[str],
    axes: dict[tuple[str, str | None], Axis],
) -> list[Multiple]:  # fmt: skip
    parts = {key_of(s.slice): s.slice for s in told.slices(one.by)}
    return [
        Multiple(
            key,
            slice_name(parts[key], short=True),
            [_small(told, one, c, key, axes[c.metric, c.view]) for c in others],
        )
        for key in keys
        if key in parts
    ]


def _small(told: Told, one: Coverage, criterion: Criterion, key: str, axis: Axis) -> Small:
    cell = told.cell(one.by, criterion)
    part = next(s.slice for s in told.slices(one.by) if key_of(s.slice) == key)
    estimate = told.estimate(part, criterion)
    level = figure(estimate.value if estimate else None, told.level_kind(criterion))
    found = next((d for d in told.differences(one.by, criterion) if key_of(d.slice or {}) == key), None)
    band = told.band(cell)
    name = say("{metric}, {slice}", metric=named(told, criterion), slice=slice_name(part, short=True))
    if found is None:
        drawing = strips.row(axis, strips.Dot(key, None, reference=True), band, zero=0.0, height=18)
        return Small(level, "", drawing, reference_said(told, criterion, part, name))
    small = found.status != "ok"
    low, high = found.together
    mark = "small" if small else told.marks(cell).get(key, "free")
    dot = strips.Dot(key, found.value, None if small else low, None if small else high, mark)
    moved = figure(found.value, told.kind(criterion), unit=False)
    drawing = strips.row(axis, dot, band, zero=0.0, height=18)
    return Small(level, moved, drawing, slice_said(told, criterion, found, name))
