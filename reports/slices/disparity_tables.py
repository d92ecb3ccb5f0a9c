"""The rows of the tables that compare slices: against the reference, and over all slices."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Disparity, Slice, SliceResult, Variant
from ..words.formats import UNDEFINED, count, interval, p_value
from ..words.language import both, say, tr
from ..words.spoken import Sentence, compared_kind, compared_slices, slice_name, title_of
from .tables import NO_REASON, Cell, Notes, with_limits

IMPACT = "impact_ratio"
"""The disparity whose reference is picked for its value."""


@dataclass(frozen=True)
class Against:
    """One metric of one slice against the reference: the difference and the ratio side by side."""

    name: Sentence
    difference: Cell
    ratio: Cell
    difference_together: str
    ratio_together: str
    p: Cell | None
    small: bool


@dataclass(frozen=True)
class AgainstGroup:
    """All slices of a feature against one reference, for one metric.

    An impact ratio has a reference of its own, picked for its value (``picked``), and so a group of its own:
    its limits and its p are adjusted for that choice.
    """

    metric: str
    reference: Slice
    rows: list[Against]
    picked: bool = False


def against_reference(
    disparities: list[Disparity], rows: list[SliceResult], result: AuditResult, notes: Notes
) -> list[AgainstGroup]:
    """Put difference and ratio of the same metric and slices on one line, grouped by metric.

    Only the slices of ``rows`` are laid out, in their order.
    """
    place = {_identity(row.slice): position for position, row in enumerate(rows)}
    listed = [item for item in disparities if _identity(item.slice) in place]
    groups: dict[_Key, dict[str, list[Disparity]]] = {}
    for item in sorted(listed, key=lambda item: place[_identity(item.slice)]):
        group = groups.setdefault(_key(item), {})
        group.setdefault(_identity(item.slice), []).append(item)
    order = list(dict.fromkeys(map(_key, disparities)))
    return [
        AgainstGroup(
            title_of(key[0], result.definitions),
            next(item.reference or {} for pair in groups[key].values() for item in pair),
            [_against(pair, result, notes) for pair in groups[key].values()],
            picked=key[2],
        )
        for key in order
        if key in groups
    ]


_Key = tuple[str, str, bool]


def _key(item: Disparity) -> _Key:
    return item.metric, _identity(item.reference), item.name == IMPACT


def _identity(part: Slice | None) -> str:
    """A key of a slice that does not depend on the order of its columns."""
    return repr(sorted((part or {}).items()))


def _against(pair: list[Disparity], result: AuditResult, notes: Notes) -> Against:
    difference = next((item for item in pair if item.compare == "difference"), None)
    ratio = next((item for item in pair if item.compare == "ratio"), None)
    return Against(
        slice_name(pair[0].slice or {}, short=True),
        _disparity_cell(difference, result, notes),
        _disparity_cell(ratio, result, notes),
        _together(difference, result),
        _together(ratio, result),
        _p_cell(pair),
        any(item.status == "small" for item in pair),
    )


def _p_cell(pair: list[Disparity]) -> Cell | None:
    for item in pair:
        if item.p is not None:
            if item.name == IMPACT or item.p_adjusted is None:
                return Cell(p_value(item.p))
            return Cell(p_value(item.p), tr("adjusted {p}", p=p_value(item.p_adjusted)))
    return None


def _disparity_cell(item: Disparity | None, result: AuditResult, notes: Notes) -> Cell:
    if item is None:
        return Cell("")
    kind = compared_kind(item.compare, item.metric, result.definitions, item.name)
    if item.value is None:
        return Cell(UNDEFINED, note=notes.letter(item.why or NO_REASON))
    return with_limits(item.value, item.low, item.high, kind)


def _together(item: Disparity | None, result: AuditResult) -> str:
    if item is None or (item.simultaneous_low is None and item.simultaneous_high is None):
        return ""
    kind = compared_kind(item.compare, item.metric, result.definitions, item.name)
    return interval(item.simultaneous_low, item.simultaneous_high, kind)


@dataclass(frozen=True)
class Extreme:
    """A disparity over all slices of a feature, and the slices it rests on."""

    title: str
    value: Cell
    slices: Sentence
    rows: str
    small: bool
    excluded: list[Sentence]


MOST_NAMED = 20
"""Slices that a disparity leaves out and that are named; of thousands the number says more."""


def _named(parts: list[Slice]) -> list[Sentence]:
    named = [slice_name(part) for part in parts[:MOST_NAMED]]
    more = len(parts) - MOST_NAMED
    return [*named, say("{n} more", n=count(more))] if more > 0 else named


def over_all_slices(
    disparities: list[Disparity], variant: Variant, result: AuditResult, notes: Notes
) -> list[Extreme]:
    """Lay out the disparities between the extremes and the indices, with the slices that drive them."""
    sizes = {_identity(row.slice): row for row in variant.slices}
    lines = []
    for item in disparities:
        ends = [part for part in (item.slice, item.reference) if part is not None]
        found = [sizes.get(_identity(part)) for part in ends]
        lines.append(
            Extreme(
                title_of(item.name, result.definitions),
                _disparity_cell(item, result, notes),
                compared_slices(item.slice, item.reference) if item.slice else say("all slices together"),
                "".join(both(count(row.n) for row in found if row is not None)),
                item.status == "small" or any(row is not None and row.status == "small" for row in found),
                _named(item.excluded),
            )
        )
    return lines
