"""Slices that a reader can follow through the report, by the names that they have in it."""

from __future__ import annotations

from collections.abc import Sequence

from ..words.spoken import plain, slice_name
from .feature import Page
from .looked_up import Told, key_of
from .matrix import drawn_of


def followed(told: Told, pages: Sequence[Page]) -> list[tuple[str, str]]:
    """The key and the name of each slice that is drawn: of single features first, then of crossings."""
    drawn = {
        key_of(d.slice or {})
        for one in told.features
        for criterion in told.front.criteria
        for d in drawn_of(told.differences(one.by, criterion))
    }
    charts = [page.chart for page in pages if page.chart is not None]
    drawn |= {line.key for chart in charts for group in chart.groups for line in group.lines}
    return [
        (key, plain(slice_name(part.slice)))
        for one in sorted(told.features, key=lambda one: len(one.by))
        for part in told.slices(one.by)
        if (key := key_of(part.slice)) in drawn
    ]
