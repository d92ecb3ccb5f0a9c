"""Performance against largest gap: what a fairer variant costs in performance."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Frontier, Standing, Variant
from ..words.formats import figure
from ..words.language import clauses, later, say, series, tr
from ..words.lookup import variant_named
from ..words.spoken import Given, metric_kind, plain, title_of, verdict_words
from ..words.worst_gap import gap_kind
from .limit_lines import gap_limits, performance_limits, within_reach
from .panels import percent_labels
from .standing_chart import Plot, Point, axis, draw, gap_axis
from .svg import Drawing

MOST_WHISKERS = 12


@dataclass(frozen=True)
class TradeOffChart:
    """The chart, and what its caption must say.

    ``not_drawn``: variants without both figures; ``unnamed``: ones without room for their name; ``upwards``:
    a higher performance is better; ``whiskers``, ``limited``: intervals and limits are drawn; ``beyond``:
    limits that lie too far away.
    """

    drawing: Drawing
    not_drawn: int
    unnamed: int
    upwards: bool
    whiskers: bool
    limited: bool
    beyond: list[str]


def trade_off_chart(result: AuditResult, key: str) -> TradeOffChart | None:
    """Draw the variants; None when fewer than two have a performance and a largest gap."""
    frontier = result.frontier
    if frontier is None:
        return None
    points = _points(result, frontier)
    if len(points) < 2:
        return None
    metric, upwards = frontier.performance, _upwards(result, frontier)
    gaps = [point.x for point in points]
    shown = [value for p in points for value in (p.y, p.low, p.high) if value is not None]
    upright, wide = within_reach(gap_limits(result), gaps)
    across, low = within_reach(performance_limits(result), shown, lower=upwards)
    percent = metric_kind(metric, result.definitions) == "percent"
    upward, downward = later("{metric}: better upwards"), later("{metric}: better downwards")
    title = plain(say(upward if upwards else downward, metric=title_of(metric, result.definitions)))
    label = percent_labels() if percent else "format(datum.value, '~r')"
    plot = Plot(
        gap_axis(result, [*gaps, *(value for value, _ in upright)], downwards=False),
        axis(title, label, [*shown, *(value for value, _ in across)]),
        points,
        unbeaten(points, upwards=upwards),
        across,
        upright,
        clear=True,
    )
    told = _describe(result, frontier, plot)
    drawing, unnamed = draw(
        plot, result, frontier, key, tr("Performance against largest gap, by variant"), told
    )
    return TradeOffChart(
        drawing,
        not_drawn=len(frontier.variants) - len(points),
        unnamed=unnamed,
        upwards=upwards,
        whiskers=any(point.low is not None for point in points),
        limited=bool(across or upright),
        beyond=[*wide, *low],
    )


def _points(result: AuditResult, frontier: Frontier) -> list[Point]:
    placed = [
        (s, s.worst_gap, s.performance)
        for s in frontier.variants
        if s.worst_gap is not None and s.performance is not None
    ]
    few = len(placed) <= MOST_WHISKERS
    return [Point(s, gap, level, *_limits(result, s, frontier, few)) for s, gap, level in placed]


def _limits(
    result: AuditResult, standing: Standing, frontier: Frontier, few: bool
) -> tuple[float | None, float | None]:
    variant: Variant | None = variant_named(result, standing.variant)
    found = variant.overall.get(frontier.performance) if variant is not None and few else None
    return (found.low, found.high) if found is not None else (None, None)


def _upwards(result: AuditResult, frontier: Frontier) -> bool:
    definition = result.definitions.get(frontier.performance)
    return definition is None or definition.better != "lower"


def unbeaten(points: list[Point], *, upwards: bool) -> list[Point]:
    """Select those that no other beats on both performance and largest gap, by their point values."""

    def beats(one: Point, other: Point) -> bool:
        mine, theirs = (p.y if upwards else -p.y for p in (one, other))
        return one.x <= other.x and mine >= theirs and (one.x < other.x or mine > theirs)

    return [point for point in points if not any(beats(other, point) for other in points)]


def _describe(result: AuditResult, frontier: Frontier, plot: Plot) -> str:
    gap, level = gap_kind(result), metric_kind(frontier.performance, result.definitions)
    front = {point.standing.variant for point in plot.front}
    told = []
    for s in (point.standing for point in plot.points):
        marks = [tr("beaten by none")] * (s.variant in front)
        marks += [tr("recommended")] * (s.variant == frontier.recommended)
        about = say(
            "{variant}: performance {level}, largest gap {gap}, {verdict}",
            variant=Given(s.variant), level=figure(s.performance, level), gap=figure(s.worst_gap, gap),
            verdict=verdict_words(s.verdict),
        )  # fmt: skip
        told.append(clauses([about, *marks]))
    return plain(say("{clauses}.", clauses=series(told)))
