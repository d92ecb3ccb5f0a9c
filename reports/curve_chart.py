"""The trade-off of a search for a decision rule, on the rows that rules are fitted on."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..audit.result import TradeOff
from .formats import Kind, figure
from .panels import ACCENT, AFTER, FINE_PERCENT, SOFT, theme
from .svg import Drawing, inline_svg
from .words import visible

PLAIN, POINTS = "format(datum.value, '~r')", "format(datum.value * 100, '~r')"
NAMED = tuple[str, Kind]
"""What an axis shows, and how its figures are written."""


def curve_chart(curve: list[TradeOff], disparity: NAMED, performance: NAMED, key: str) -> Drawing:
    """Draw each rule of a search; the chosen one is a diamond with its name."""
    values = [
        {"x": one.disparity, "y": one.performance, "order": number, "chosen": one.chosen}
        for number, one in enumerate(curve)
    ]
    spec = _template(*_axis(*disparity), *_axis(*performance)) | {"data": {"values": values}}
    return inline_svg(spec, key, "Trade-off of the search", _describe(curve, disparity, performance))


def _axis(title: str, kind: Kind) -> tuple[str, str]:
    label = {"percent": FINE_PERCENT, "gap": POINTS}.get(kind, PLAIN)
    return visible(title) + ", points" * (kind == "gap"), label


@cache
def _template(x_title: str, x_label: str, y_title: str, y_label: str) -> dict[str, Any]:
    import altair as alt

    base: Any = alt.Chart()
    scale = alt.Scale(zero=False, nice=True, padding=8)
    x = alt.X("x:Q", scale=scale, axis=alt.Axis(title=x_title, tickCount=5, labelExpr=x_label))
    y = alt.Y("y:Q", scale=scale, axis=alt.Axis(title=y_title, tickCount=5, labelExpr=y_label))
    chosen = base.transform_filter("datum.chosen")
    layers = [
        base.mark_line(stroke=SOFT, strokeWidth=1.2).encode(x=x, y=y, order="order:Q"),
        base.mark_point(filled=True, size=14, fill=ACCENT, opacity=1).encode(x=x, y=y),
        chosen.mark_point(filled=True, size=130, shape="diamond", fill=AFTER, opacity=1).encode(x=x, y=y),
        chosen.mark_text(align="left", dx=9, dy=10, fontSize=11, fontWeight=600).encode(
            x=x, y=y, text=alt.value("chosen")
        ),
    ]
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=420, height=200)
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def _describe(curve: list[TradeOff], disparity: NAMED, performance: NAMED) -> str:
    def told(one: TradeOff) -> str:
        return (
            f"{visible(disparity[0])} {figure(one.disparity, disparity[1])}, "
            f"{visible(performance[0])} {figure(one.performance, performance[1])}"
        )

    chosen = "".join(f" Chosen: {told(one)}." for one in curve if one.chosen)
    return f"{len(curve)} rules, from {told(curve[0])} to {told(curve[-1])}.{chosen}"
