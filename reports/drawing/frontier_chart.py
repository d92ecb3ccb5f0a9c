"""Cost against largest gap: which variants no other beats, and which of them may be released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...audit.result import AuditResult, Frontier
from ..words.formats import figure
from ..words.language import clauses, say, series, tr
from ..words.lookup import standing_of
from ..words.spoken import Given, plain, verdict_words
from ..words.worst_gap import gap_kind
from .limit_lines import Lines, gap_limits, within_reach
from .standing_chart import Axis, Plot, Point, axis, draw, gap_axis
from .svg import Drawing


@dataclass(frozen=True)
class FrontierChart:
    """The chart, and what its caption must say.

    ``not_drawn`` variants have no place in it, ``unnamed`` ones no room for their name; ``limited``: limits
    on gaps are drawn; ``beyond``: limits that lie too far above; ``cut``: an axis does not begin at 0.
    """

    drawing: Drawing
    not_drawn: int
    unnamed: int
    limited: bool
    beyond: list[str]
    cut: bool


def frontier_chart(result: AuditResult, key: str) -> FrontierChart | None:
    """Draw the variants; None when fewer than two have a largest gap, or all cost the same."""
    frontier = result.frontier
    if frontier is None:
        return None
    points = [Point(s, s.cost, s.worst_gap) for s in frontier.variants if s.worst_gap is not None]
    if len({point.x for point in points}) < 2:
        return None
    limits, beyond = within_reach(gap_limits(result), [point.y for point in points])
    title = tr("Cost, weighted ratios to the original’s: cheaper to the left")
    x = axis(title, "datum.label", [point.x for point in points])
    y = gap_axis(result, [*(point.y for point in points), *(value for value, _ in limits)], downwards=True)
    front = [point for point in points if point.standing.on_frontier]
    plot = Plot(x, y, points, front, limits, rest=_feasible(result, frontier, x, y, limits))
    told = _describe(result, frontier, points)
    drawing, unnamed = draw(plot, result, frontier, key, tr("Cost against largest gap, by variant"), told)
    not_drawn = len(frontier.variants) - len(points)
    return FrontierChart(drawing, not_drawn, unnamed, bool(limits), beyond, x.low > 0 or y.low > 0)


def _feasible(
    result: AuditResult, frontier: Frontier, x: Axis, y: Axis, limits: Lines
) -> list[dict[str, Any]]:
    """The region that is cheaper than the original and within the limits on gaps."""
    first = standing_of(frontier, result.variants[0].name) if result.variants else None
    top = min((value for value, _ in limits), default=y.high)
    if first is None:
        return []
    return [
        {"part": "region", "x": x.low, "x2": first.cost, "y": y.low, "y2": top},
        {"part": "original", "x": first.cost},
    ]


def _describe(result: AuditResult, frontier: Frontier, points: list[Point]) -> str:
    kind = gap_kind(result)
    told = []
    for s in (point.standing for point in points):
        marks = [tr("on the frontier")] * s.on_frontier
        marks += [tr("recommended")] * (s.variant == frontier.recommended)
        about = say(
            "{variant}: cost {cost}, largest gap {gap}, {verdict}",
            variant=Given(s.variant), cost=figure(s.cost, "ratio"), gap=figure(s.worst_gap, kind),
            verdict=verdict_words(s.verdict),
        )  # fmt: skip
        told.append(clauses([about, *marks]))
    return plain(say("{clauses}.", clauses=series(told)))
