"""A heat map of two crossed features: a table whose cells are shaded by their figure.

A table and no image: every figure stands in it, it prints in grey, and a screen reader reads it cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, SliceResult
from ..words.formats import count, figure
from ..words.language import Sentence, say
from ..words.order import places
from ..words.spoken import Given, metric_kind, title_of, value_name

MOST_COLUMNS, MOST_ROWS = 8, 30
SHADES = 5


@dataclass(frozen=True)
class HeatCell:
    """A figure, the rows of its slice, and its shade from 1 to ``SHADES``; 0: not shaded."""

    text: str
    n: str
    shade: int
    few: bool


@dataclass(frozen=True)
class HeatMap:
    """One metric over two features: the values of the first downwards, of the second across."""

    title: Sentence
    scale: Sentence
    across: list[str]
    rows: list[tuple[str, list[HeatCell | None]]]


def heat_map(rows: list[SliceResult], metric: str | None, result: AuditResult) -> HeatMap | None:
    """Lay out the slices of two features; None where there is no such metric, or no room for the columns."""
    known = [row for row in rows if metric is not None and metric in row.metrics and len(row.slice) == 2]
    if metric is None or not known:
        return None
    down, across = known[0].slice
    sizes: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for row in known:
        for size, feature in zip(sizes, (down, across), strict=True):
            size[row.slice[feature]] = max(size.get(row.slice[feature], 0), row.n)
    if len(sizes[1]) > len(sizes[0]):
        down, across, sizes = across, down, sizes[::-1]
    lines, heads = (list(places(sorted(size, key=lambda value: -size[value]))) for size in sizes)
    if len(heads) > MOST_COLUMNS or len(lines) > MOST_ROWS:
        return None
    found = {(row.slice[down], row.slice[across]): row for row in known}
    judged = [
        value for row in known if row.status == "ok" and (value := row.metrics[metric].value) is not None
    ]
    ends = (min(judged), max(judged)) if judged else (0.0, 0.0)
    kind = metric_kind(metric, result.definitions)
    return HeatMap(
        say(
            "{metric} by {down} (downwards) and {across} (across).",
            metric=title_of(metric, result.definitions), down=Given(down), across=Given(across),
        ),
        say(
            "From the lightest, {low}, to the darkest, {high}, in {n} equal steps. Not shaded: few rows.",
            low=figure(ends[0], kind), high=figure(ends[1], kind), n=str(SHADES),
        ),
        [value_name(value) for value in heads],
        [
            (value_name(line), [_cell(found.get((line, head)), metric, ends, result) for head in heads])
            for line in lines
        ],
    )  # fmt: skip


def _cell(
    row: SliceResult | None, metric: str, ends: tuple[float, float], result: AuditResult
) -> HeatCell | None:
    if row is None:
        return None
    value = row.metrics[metric].value
    text = figure(value, metric_kind(metric, result.definitions))
    few = row.status != "ok"
    shade = 0 if few or value is None else _shade(value, *ends)
    return HeatCell(text, count(row.n), shade, few)


def _shade(value: float, low: float, high: float) -> int:
    if high <= low:
        return 1
    return min(int((value - low) / (high - low) * SHADES), SHADES - 1) + 1
