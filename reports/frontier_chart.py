"""Cost against worst gap: which variants no other beats, and which of them may be released."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..audit.result import AuditResult, Frontier, Standing
from .formats import figure, read_limit
from .labels import Label, placed
from .lookup import standing_of
from .panels import ACCENT, AFTER, INK, LINE, PAPER, SOFT, theme
from .release import gap_kind
from .svg import Drawing, inline_svg
from .words import gate_title, plain, verdict_words, visible

WIDTH, HEIGHT = 600, 340
MARGIN = 0.06
"""Free part of each axis beyond the outermost point."""


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
    """Draw the variants; None when fewer than two have a worst gap."""
    frontier = result.frontier
    if frontier is None:
        return None
    drawn = [s for s in frontier.variants if s.worst_gap is not None]
    if len(drawn) < 2:
        return None
    limits, beyond = _within_reach(gap_limits(result), [s.worst_gap or 0.0 for s in drawn])
    x = _domain([s.cost for s in drawn])
    y = _domain([s.worst_gap or 0.0 for s in drawn] + [value for value, _ in limits])
    values = [
        *_feasible(result, frontier, x, y, limits),
        *({"part": "limit", "y": value, "text": text} for value, text in limits),
        *({"part": "front", "x": s.cost, "y": s.worst_gap} for s in _in_order(drawn)),
        *_points(result, frontier, drawn),
        *_labels(frontier, drawn, x, y, [value for value, _ in limits]),
    ]
    spec = _template(gap_kind(result) == "gap") | {"data": {"values": values}}
    _set_domains(spec, x, y)
    drawing = inline_svg(spec, key, "Cost against worst gap, by variant", _describe(result, drawn))
    not_drawn = len(frontier.variants) - len(drawn)
    unnamed = len(drawn) - sum(value["part"] == "label" for value in values)
    return FrontierChart(drawing, not_drawn, unnamed, bool(limits), beyond, x[0] > 0 or y[0] > 0)


def gap_limits(result: AuditResult) -> list[tuple[float, str]]:
    """The limits on gaps that the axis can show: those that no passing variant lies beyond.

    A gate may speak of one feature where the worst gap lies in another; its line would mislead.
    """
    frontier = result.frontier
    if frontier is None:
        return []
    highest = max((s.worst_gap or 0.0 for s in frontier.variants if s.verdict == "pass"), default=0.0)
    found: dict[float, str] = {}
    for gate in result.gates:
        limit = read_limit(gate.limit)
        judged = gate.compare == "difference" and gate.metric in frontier.gaps
        if judged and limit is not None and limit.upper and limit.value >= highest:
            kind = gap_kind(result)
            told = f"{plain(gate_title(gate, result.definitions))}: {limit.operator} {limit.words(kind)}"
            found.setdefault(limit.value, told)
    return sorted(found.items())


def _within_reach(
    limits: list[tuple[float, str]], gaps: list[float]
) -> tuple[list[tuple[float, str]], list[str]]:
    """Part the limits that can be drawn from those so far above that they would flatten all variants."""
    top = 2 * max(gaps) - min(gaps)
    return [one for one in limits if one[0] <= top], [text for value, text in limits if value > top]


def _domain(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) * MARGIN
    return max(0.0, low - room) if low >= 0 else low - room, high + room


def _in_order(drawn: list[Standing]) -> list[Standing]:
    return sorted((s for s in drawn if s.on_frontier), key=lambda s: s.cost)


def _feasible(
    result: AuditResult,
    frontier: Frontier,
    x: tuple[float, float],
    y: tuple[float, float],
    limits: list[tuple[float, str]],
) -> list[dict[str, Any]]:
    """The region that is cheaper than the original and within the limits on gaps."""
    first = standing_of(frontier, result.variants[0].name) if result.variants else None
    top = min((value for value, _ in limits), default=y[1])
    if first is None:
        return []
    return [
        {"part": "region", "x": x[0], "x2": first.cost, "y": y[0], "y2": top},
        {"part": "original", "x": first.cost},
    ]


def _points(result: AuditResult, frontier: Frontier, drawn: list[Standing]) -> list[dict[str, Any]]:
    first = result.variants[0].name if result.variants else ""
    return [
        {
            "part": "point",
            "x": s.cost,
            "y": s.worst_gap,
            "shape": _shape(s, first, frontier),
            "size": 190 if s.variant == frontier.recommended else 75,
            "fill": _fill(s, frontier),
            "stroke": AFTER if s.variant == frontier.recommended else ACCENT,
        }
        for s in drawn
    ]


def _shape(standing: Standing, first: str, frontier: Frontier) -> str:
    if standing.variant == frontier.recommended:
        return "diamond"
    return "square" if standing.variant == first else "circle"


def _fill(standing: Standing, frontier: Frontier) -> str:
    if standing.verdict != "pass":
        return PAPER
    return AFTER if standing.variant == frontier.recommended else ACCENT


def _labels(
    frontier: Frontier,
    drawn: list[Standing],
    x: tuple[float, float],
    y: tuple[float, float],
    limits: list[float],
) -> list[dict[str, Any]]:
    """Place the variants' names where none covers another, with a line to those that stand apart."""

    def across(value: float) -> float:
        return (value - x[0]) / (x[1] - x[0]) * WIDTH

    def down(value: float) -> float:
        return HEIGHT - (value - y[0]) / (y[1] - y[0]) * HEIGHT

    # The recommended one chooses its place first.
    ordered = sorted(drawn, key=lambda s: (s.variant != frontier.recommended, s.worst_gap or 0.0))
    labels = [
        Label(
            ("★ " if s.variant == frontier.recommended else "") + visible(s.variant),
            across(s.cost),
            down(s.worst_gap or 0.0),
        )
        for s in ordered
    ]
    spots = placed(labels, WIDTH, HEIGHT, [down(value) for value in limits])
    return [
        {
            "part": "label",
            "px": spot.x,
            "py": spot.y,
            "text": spot.text,
            "align": spot.align,
            "weight": "bold" if label.text.startswith("★ ") else "normal",
        }
        for label, spot in zip(labels, spots, strict=True)
        if spot is not None
    ] + [
        {"part": "leader", "px": spot.from_x, "py": spot.from_y, "px2": spot.to_x, "py2": spot.to_y}
        for spot in spots
        if spot is not None and spot.apart
    ]


def _set_domains(spec: dict[str, Any], x: tuple[float, float], y: tuple[float, float]) -> None:
    """Give every layer the same axes: the labels were placed by them."""
    from copy import deepcopy

    spec["layer"] = deepcopy(spec["layer"])
    for layer in spec["layer"]:
        for channel, domain in (("x", x), ("y", y)):
            encoded = layer["encoding"].get(channel, {})
            if "scale" in encoded and encoded["scale"] is not None:
                encoded["scale"]["domain"] = list(domain)


@cache
def _template(points: bool) -> dict[str, Any]:
    """Specify the chart without its data; ``points``: gaps are shown as points of a rate."""
    import altair as alt

    base: Any = alt.Chart()
    fixed: dict[str, Any] = {"nice": False, "zero": False}
    cost_axis = alt.Axis(title="Cost, weighted ratios to the original’s: cheaper to the left", tickCount=6)
    cost = alt.X("x:Q", scale=alt.Scale(domain=[0, 1], **fixed), axis=cost_axis)
    label = "format(datum.value * 100, '~r')" if points else "format(datum.value, '~r')"
    unit = "points" if points else "size"
    gap = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, 1], **fixed),
        axis=alt.Axis(title=f"Worst gap, {unit}: fairer downwards", tickCount=6, labelExpr=label),
    )

    def part(name: str) -> Any:
        return base.transform_filter(f"datum.part === '{name}'")

    pixels = {
        "x": alt.X("px:Q", scale=None, axis=None),
        "y": alt.Y("py:Q", scale=None, axis=None),
    }
    limit = part("limit")
    layers = [
        part("region").mark_rect(fill="#eef3f8", opacity=1).encode(x=cost, x2="x2:Q", y=gap, y2="y2:Q"),
        part("original").mark_rule(stroke=SOFT, strokeDash=[2, 3]).encode(x=cost),
        limit.mark_rule(stroke=INK, strokeDash=[5, 3]).encode(y=gap),
        limit.mark_text(align="right", dy=-6, fontSize=11, color=INK).encode(
            x=alt.value(WIDTH - 4), y=gap, text="text:N"
        ),
        part("front").mark_line(stroke=SOFT, strokeWidth=1.5).encode(x=cost, y=gap, order="x:Q"),
        part("leader").mark_rule(stroke=LINE, strokeWidth=1).encode(**pixels, x2="px2:Q", y2="py2:Q"),
        part("point").mark_point(filled=True, strokeWidth=1.8, opacity=1).encode(
            x=cost,
            y=gap,
            shape=alt.Shape("shape:N", scale=None, legend=None),
            size=alt.Size("size:Q", scale=None, legend=None),
            fill=alt.Fill("fill:N", scale=None, legend=None),
            stroke=alt.Stroke("stroke:N", scale=None, legend=None),
        ),
        *(
            part("label").transform_filter(f"datum.weight === '{weight}' && datum.align === '{align}'")
            .mark_text(align=align, baseline="middle", fontSize=11, fontWeight=weight, color=INK)
            .encode(**pixels, text="text:N")
            for weight in ("bold", "normal") for align in ("left", "center", "right")
        ),
    ]  # fmt: skip
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=WIDTH, height=HEIGHT)
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def _describe(result: AuditResult, drawn: list[Standing]) -> str:
    frontier, kind = result.frontier, gap_kind(result)
    told = []
    for s in drawn:
        marks = ", on the frontier" * s.on_frontier
        if frontier is not None and s.variant == frontier.recommended:
            marks += ", recommended"
        told.append(
            f"{visible(s.variant)}: cost {figure(s.cost, 'ratio')}, worst gap {figure(s.worst_gap, kind)}, "
            f"{verdict_words(s.verdict)}{marks}"
        )
    return "; ".join(told) + "."
