"""The trade-off of a search for a decision rule, on the rows that rules are fitted on."""

from __future__ import annotations

from typing import Any

from ...audit.result import TradeOff
from ..words.formats import Kind, figure
from ..words.language import kept, listed, sentences, tr
from ..words.spoken import visible
from .panels import ACCENT, AFTER, SOFT, percent_labels, theme
from .svg import Drawing, inline_svg

PLAIN, POINTS = "format(datum.value, '~r')", "format(datum.value * 100, '~r')"
NAMED = tuple[str, Kind]
"""What an axis shows, and how its figures are written."""


def curve_chart(curve: list[TradeOff], disparity: NAMED, performance: NAMED, key: str) -> Drawing:
    """Draw each rule of a search; the chosen one is a diamond with its name."""
    values = [
        {"x": one.disparity, "y": one.performance, "order": number, "chosen": one.chosen}
        for number, one in enumerate(curve)
    ]
    spec = _template(*_axis(*disparity), *_axis(*performance), tr("chosen")) | {"data": {"values": values}}
    return inline_svg(spec, key, tr("Trade-off of the search"), _describe(curve, disparity, performance))


def _axis(title: str, kind: Kind) -> tuple[str, str]:
    label = {"percent": percent_labels(), "gap": POINTS}.get(kind, PLAIN)
    return tr("{title}, points", title=visible(title)) if kind == "gap" else visible(title), label


@kept
def _template(x_title: str, x_label: str, y_title: str, y_label: str, chosen_mark: str) -> dict[str, Any]:
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
            x=x, y=y, text=alt.value(chosen_mark)
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
        return "".join(
            listed(
                f"{visible(title)} {figure(value, kind)}"
                for (title, kind), value in ((disparity, one.disparity), (performance, one.performance))
            )
        )

    all_of = tr(
        "{n} rules, from {first} to {last}.",
        n=str(len(curve)), first=told(curve[0]), last=told(curve[-1]),
    )  # fmt: skip
    chosen = [tr("Chosen: {rule}.", rule=told(one)) for one in curve if one.chosen]
    return "".join(sentences([all_of, *chosen]))
