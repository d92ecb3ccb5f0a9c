"""What the charts of rows share: theme, panels beside each other, and the names that stand beside the rows.

A specification is built once without data and kept, because building one costs more than drawing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from typing import Any

from ...audit.result import Definition
from ..words.formats import Kind
from ..words.language import tr
from ..words.spoken import Sentence, metric_kind, plain
from .labels import width_of
from .svg import Drawing

INK, SOFT, LINE, PAPER, ACCENT, AFTER = "#1d2327", "#5a6570", "#d9dee3", "#ffffff", "#1f5fa8", "#b4530a"
FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', sans-serif"
)

PANEL_WIDTH = 130
PANELS_PER_ROW = 3
GAPS = 22
"""Between a name, its count and the image (px)."""
ROW_HEIGHT = 22
DENSE_ROW_HEIGHT = 18


@dataclass(frozen=True)
class RowLabel:
    """The name beside a row of the chart: what it is, a count, and where it stands (px from the top)."""

    name: Sentence
    n: str
    top: float


@dataclass(frozen=True)
class RowChart:
    """Panels of marks by row, and the names that stand beside them."""

    drawing: Drawing
    labels: list[RowLabel]
    row_height: int

    @property
    def wide(self) -> int:
        """Room that the widest name takes with its count, each at 12 px (px)."""
        return ceil(
            max((width_of(plain(label.name) + label.n) * 12 / 11 for label in self.labels), default=0) + GAPS
        )


def percent_labels() -> str:
    """Write the Vega expression of an axis's labels as the text writes percentages: ``40 %``, ``40%``."""
    sign = tr("{figure}\u00a0%", figure="")
    return f"format(datum.value * 100, '~r') + '{sign}'"


PLAIN_LABELS = "format(datum.value, ',~r')"
"""The Vega expression of an axis's labels for figures that are no percentages."""


def by_axis(names: Sequence[str], definitions: Mapping[str, Definition]) -> list[list[str]]:
    """Group metrics by how their axes are labelled, as percentages or plain; the first one's group leads."""
    groups: dict[bool, list[str]] = {}
    for name in names:
        groups.setdefault(metric_kind(name, definitions) == "percent", []).append(name)
    return list(groups.values())


def whole_words(overall: str) -> str:
    """Write the figure of all rows under a panel's title."""
    return tr("all rows {figure}", figure=overall)


def theme() -> dict[str, Any]:
    """The configuration that all charts share."""
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "domain": False,
            "ticks": False,
            "grid": True,
            "gridColor": LINE,
            "labelColor": SOFT,
            "labelFontSize": 11,
            "labelPadding": 5,
            "titleColor": SOFT,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
        },
    }


def row_axis() -> Any:
    """The rows of a chart, without an axis: their names stand beside the image."""
    import altair as alt

    return alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))


def value_axis(kind: Kind = "percent") -> Any:
    """The axis of a panel's figures; their labels never overlap."""
    import altair as alt

    return alt.Axis(
        format=".0%",
        title=None,
        tickCount=4,
        labelExpr=percent_labels() if kind == "percent" else PLAIN_LABELS,
        labelOverlap="parity",
        # Under its own tick, the last one too.
        labelFlush=False,
        # A browser whose font is wider than the one that is measured with needs some room.
        labelSeparation=8,
    )


def headings(
    base: Any, title: str = "title:N", subtitle: str = "subtitle:N", width: int = PANEL_WIDTH
) -> list[Any]:
    """The two lines over a panel, once per panel: the fields are empty but in its first row."""
    import altair as alt

    mark: dict[str, Any] = {"align": "left", "baseline": "alphabetic", "limit": width + 24}
    once = base.transform_filter("datum.row === 0")
    return [
        once.mark_text(fontSize=12, fontWeight=600, color=INK, **mark).encode(
            x=alt.value(0), y=alt.value(-22), text=title
        ),
        once.mark_text(fontSize=11, color=SOFT, **mark).encode(
            x=alt.value(0), y=alt.value(-8), text=subtitle
        ),
    ]


def facets(layers: Sequence[Any], width: int = PANEL_WIDTH, columns: int = PANELS_PER_ROW) -> dict[str, Any]:
    """Specify the same layers once per value of ``panel``, each with an axis of its own."""
    import altair as alt

    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=width)
        .facet(
            facet=alt.Facet("panel:O", header=alt.Header(title=None, labelExpr="''")),
            columns=columns,
            spacing={"row": 66, "column": 38},
        )
        .resolve_scale(x="independent")
        .resolve_axis(x="independent")
        .properties(bounds="flush")
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def beside(panels: Sequence[Sequence[Any]], width: int = PANEL_WIDTH) -> dict[str, Any]:
    """Specify panels of different layers side by side, over the same rows."""
    import altair as alt

    drawn = [alt.layer(*layers).properties(width=width) for layers in panels]
    chart = (
        alt.hconcat(*drawn, spacing=34, bounds="flush", data=alt.InlineData(values=[]))
        .resolve_scale(x="independent", y="independent")
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def filled(template: dict[str, Any], values: list[dict[str, Any]], rows: int, height: int) -> dict[str, Any]:
    """Put data and size into a specification; rows without any figure keep their place."""
    spec = deepcopy(template)
    spec["data"] = {"values": [{name: _drawn(value) for name, value in row.items()} for row in values]}
    for panel in spec.get("hconcat", [spec.get("spec")]):
        panel["height"] = rows * height
        for layer in panel["layer"]:
            y = layer["encoding"].get("y", {})
            if "field" in y:
                y["scale"]["domain"] = list(range(rows))
    return spec


def _drawn(value: Any) -> Any:
    """A figure without its last digits: an axis would make equal sums, added in another order, differ."""
    return float(f"{value:.9g}") if isinstance(value, float) else value


def row_height(rows: int) -> int:
    """Choose how high a row is: many rows stand closer."""
    return ROW_HEIGHT if rows <= 20 else DENSE_ROW_HEIGHT


def row_labels(drawing: Drawing, names: Sequence[tuple[Sentence, str]], height: int) -> list[RowLabel]:
    """Place names and counts beside each row of panels."""
    return [
        RowLabel(name, n, top + position * height)
        for top in drawing.panel_tops
        for position, (name, n) in enumerate(names)
    ]
