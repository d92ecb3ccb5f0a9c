"""Slices downwards and variants across: a figure of each, on which side of its ideal, and its change.

A table and no image: every figure stands in it with its sign, it prints in grey, and a screen reader reads it
cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...audit.result import USABLE, AuditResult, Change, Estimate, Slice, Variant, figures_compared
from ..blocks import Block, Grid, GridCell, Note
from ..words import order
from ..words.clusters import units_of
from ..words.formats import Kind, Shown, confidence, count, figure, interval
from ..words.language import Given, Sentence, say, say_n, sentences, tr
from ..words.lookup import comparison_of, estimate_of
from ..words.spoken import (
    compared_kind,
    features_name,
    metric_kind,
    of_class,
    slice_name,
    title_of,
    view_name,
)

MOST_VARIANTS, MOST_LINES, SHADES = 8, 30, 3
MOST_FEATURES, MOST_FIGURES = 3, 2
FEW, SMALL = "†", "‡"


@dataclass(frozen=True)
class Line:
    """What a line of a map is of: a slice, a class, or all rows."""

    name: Sentence
    slice: Slice
    view: str | None = None


@dataclass(frozen=True)
class _Scale:
    """From the ideal of a figure, if it has one, as far as the map reaches; ``level`` is that of limits."""

    kind: Kind
    change: Kind
    ideal: float | None
    reach: float
    level: float

    def shade(self, value: float) -> str:
        """The class of a cell's colour: by the side of the ideal, in equal steps of the distance."""
        if self.ideal is None or self.reach <= 0 or value == self.ideal:
            return ""
        step = min(int(abs(value - self.ideal) / self.reach * SHADES), SHADES - 1) + 1
        return f"{'up' if value > self.ideal else 'down'}{step}"


def slice_maps(result: AuditResult, variants: Sequence[Variant], by_type: str | None = None) -> list[Block]:
    """Lay out the leading figure, and what gates limit, of every feature with several slices.

    ``by_type``: a figure of each class over all rows, which then comes first. Nothing for one variant alone.
    """
    if len(variants) < 2:
        return []
    found = [_type_map(result, variants, by_type)] if by_type is not None else []
    features = [by for by in order.feature_sets(result, variants[0]) if len(by) == 1]
    for by in features[:MOST_FEATURES]:
        rows = order.slices_by(variants[0], by)
        lines = [Line(slice_name(row.slice, short=True), row.slice) for row in rows]
        for metric, view in _asked(result, variants[0], by):
            title = say("by {features}", features=features_name(by))
            if 1 < len(lines) <= MOST_LINES:
                found.append(_variant_map(result, variants, metric, _of_view(lines, view), title))
    return _with_key([one for one in found if one is not None], result, variants)


def _type_map(result: AuditResult, variants: Sequence[Variant], metric: str) -> Grid | None:
    """Lay out a figure of each class over all rows; None for very many classes."""
    views = list(variants[0].overall_views)
    if not 1 < len(views) <= MOST_LINES:
        return None
    lines = [Line((view_name(view),), {}, view) for view in views]
    return _variant_map(result, variants, metric, lines, say("by type"))


def _of_view(lines: Sequence[Line], view: str | None) -> list[Line]:
    return [Line(line.name, line.slice, view) for line in lines]


def _asked(result: AuditResult, variant: Variant, by: Sequence[str]) -> list[tuple[str, str | None]]:
    """The figures that a map is made of: those that gates limit by the feature, then the leading one."""
    gated = [
        (metric, gate.view)
        for gate in result.gates
        if list(gate.by) == list(by)
        for metric in figures_compared(gate.metric, result.definitions)
    ]
    leading: list[tuple[str, str | None]] = [
        (name, None) for name in result.priorities.leading if name in variant.overall
    ]
    found = list(dict.fromkeys([*gated, *leading[:1]]))
    return [one for one in found if one[0] in result.definitions][:MOST_FIGURES]


def _variant_map(
    result: AuditResult, variants: Sequence[Variant], metric: str, lines: Sequence[Line], title: Sentence
) -> Grid | None:
    """Lay out one figure: lines downwards, variants across; None where nobody has it."""
    shown = list(variants)[:MOST_VARIANTS]
    rows = [Line(say("all rows"), {}, lines[0].view), *lines] if lines[0].slice else list(lines)
    found = [[estimate_of(variant, row.slice, metric, row.view) for variant in shown] for row in rows]
    known = [one for of in found for one in of if one is not None and one.value is not None]
    if not known:
        return None
    ideal = result.definitions[metric].ideal
    judged = [one.value for one in known if one.status in USABLE and one.value is not None]
    reach = max((abs(value - ideal) for value in judged), default=0.0) if ideal is not None else 0.0
    scale = _Scale(
        metric_kind(metric, result.definitions), compared_kind("change", metric, result.definitions), ideal,
        reach, result.confidence,
    )  # fmt: skip
    changes = [_changes(result, variant, metric, shown[0].name) for variant in shown]
    grid = [
        (row.name, [_cell(of[k], changes[k].get(_key(row)), scale, k == 0) for k in range(len(shown))])
        for row, of in zip(rows, found, strict=True)
    ]
    name = of_class(title_of(metric, result.definitions), lines[0].view if lines[0].slice else None)
    caption = sentences([say("{metric} {by}, variants across.", metric=name, by=title), _steps(scale)])
    first = tr("Slice") if lines[0].slice else tr("Type")
    heads: list[Sentence] = [(Given(variant.name),) for variant in shown]
    return Grid(caption, first, heads, grid)


def _key(row: Line) -> tuple[str | None, str]:
    return row.view, repr(sorted(row.slice.items()))


def _changes(
    result: AuditResult, variant: Variant, metric: str, before: str
) -> dict[tuple[str | None, str], Change]:
    """The changes of a figure from the first variant to another, by class and slice."""
    item = comparison_of(result, variant.name)
    if item is None or item.before != before:
        return {}
    return {
        (c.view, repr(sorted(c.slice.items()))): c
        for c in item.changes
        if c.metric == metric and c.value is not None
    }


def _cell(found: Estimate | None, change: Change | None, scale: _Scale, first: bool) -> GridCell:
    """A figure with its sign, its change, and whether it rests on enough."""
    if found is None:
        return GridCell("—", tr("no rows"))
    if found.value is None:
        return GridCell("—", tr("undefined"))
    text = figure(found.value, scale.kind)
    if scale.ideal == 0 and found.value > 0 and not text.startswith("+"):
        text = Shown(f"+{text}", found.value)
    note = {"few clusters": FEW, "small": SMALL}.get(found.status, "")
    side = "" if scale.ideal is None else _side(found.value, scale.ideal)
    under = "" if first or change is None else _moved(change, scale)
    proven = change is not None and change.p_adjusted is not None and change.p_adjusted < 1 - scale.level
    shade = scale.shade(found.value) if found.status in USABLE else ""
    return GridCell(text, under, shade, strong=proven and not first, side=side, note=note)


def _side(value: float, ideal: float) -> str:
    return "at" if value == ideal else "above" if value > ideal else "below"


def _moved(change: Change, scale: _Scale) -> str:
    told = figure(change.value, scale.change, unit=False)
    if change.low is None and change.high is None:
        return told
    limits = interval(change.low, change.high, scale.change)
    return tr("{value} ({limits})", value=told, limits=limits)


def _steps(scale: _Scale) -> Sentence:
    """Say from where and how far the shades of a map reach."""
    if scale.ideal is None or scale.reach <= 0:
        return ()
    whole = round(scale.ideal * 100, 9).is_integer()
    return say(
        "Shades: {n} equal steps up to {reach} from {ideal}, the ideal.", n=str(SHADES),
        ideal=figure(scale.ideal, scale.kind, decimals=0 if whole else None),
        reach=figure(scale.reach, "gap" if scale.change == "points" else scale.change),
    )  # fmt: skip


def _with_key(maps: Sequence[Grid], result: AuditResult, variants: Sequence[Variant]) -> list[Block]:
    """Say below maps what their signs, lines and marks mean."""
    if not maps:
        return []
    cells = [cell for one in maps for _, row in one.rows for cell in row]
    told = [say("▲ above the ideal, ▼ below it.")] if any(cell.side for cell in cells) else []
    told.append(
        say(
            "Under a figure: its change from {variant} with its {level} limits; bold where that is shown by "
            "its p after Holm over the slices of the feature.",
            variant=Given(variants[0].name), level=confidence(result.confidence),
        )
    )  # fmt: skip
    marks = {cell.note for cell in cells}
    if FEW in marks:
        told.append(say("{mark} few {units}: limits speak of these.", mark=FEW, units=units_of(result)))
    if SMALL in marks:
        told.append(say("{mark} few rows: not shaded.", mark=SMALL))
    if len(variants) > MOST_VARIANTS:
        left = len(variants) - MOST_VARIANTS
        told.append(
            say_n(
                "{n} more variant stands in the annex.", "{n} more variants stand in the annex.", left,
                n=count(left),
            )
        )  # fmt: skip
    return [*maps, Note(sentences(told))]
