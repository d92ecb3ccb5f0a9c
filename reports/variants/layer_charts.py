"""What a recipe did to the weights: sparsity and noise per layer, and weights before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...audit.result import Layer
from ..drawing.panels import (
    ACCENT,
    AFTER,
    INK,
    SOFT,
    RowChart,
    beside,
    filled,
    headings,
    row_axis,
    row_labels,
    theme,
    value_axis,
)
from ..drawing.svg import Drawing, inline_svg
from ..drawing.titles import spaced, title_layers
from ..drawing.titles import titled as in_lines
from ..slices.tables import Cell, Row, Table
from ..words.formats import UNDEFINED, count, figure
from ..words.language import kept, say, series, tr
from ..words.spoken import plain, visible
from ..words.translated import titled

LAYER_HEIGHT = 18
PANEL, PANELS_PER_ROW = 190, 3
MOST_LETTERS = 56
"""Of a name over a panel, in two lines."""


@dataclass(frozen=True)
class Layers:
    """The most changed layers in a table and charts; ``not_listed`` others are only counted."""

    table: Table
    not_listed: int
    chart: RowChart | None
    histograms: Drawing | None


def layer_views(layers: list[Layer], most: int, key: str, *, charts: bool, histograms: int) -> Layers | None:
    """Lay out the layers of a variant, the most changed first; None when it has none."""
    if not layers:
        return None
    ordered = sorted(layers, key=_change)
    listed = ordered[:most]
    drawn = [layer for layer in listed if layer.shape_after]
    return Layers(
        _table(listed),
        len(ordered) - len(listed),
        _chart(drawn, f"{key}-layers") if charts else None,
        _histograms(drawn[:histograms], f"{key}-weights") if charts else None,
    )


def _change(layer: Layer) -> tuple[bool, float, float]:
    """Order: layers that are gone, then the noisiest, then the sparsest."""
    noise = layer.sqnr_db if layer.sqnr_db is not None else float("inf")
    return bool(layer.shape_after), noise, -(layer.sparsity or 0)


def _table(layers: list[Layer]) -> Table:
    rows = [
        Row(
            (titled(layer.name), f" {layer.type}"),
            [
                Cell(_shape(layer.shape_before)),
                Cell(_shape(layer.shape_after) if layer.shape_after else tr("gone")),
                Cell(titled(layer.encoding) if layer.encoding else UNDEFINED),
                Cell(figure(layer.sparsity, "percent")),
                Cell(decibels(layer)),
            ],
        )
        for layer in layers
    ]
    heads = [
        (tr("Shape before"), ""),
        (tr("After"), ""),
        (tr("Stored as"), ""),
        (tr("Zeros"), tr("share of the weights that are exactly 0")),
        (
            tr("SQNR"),
            tr("signal to quantisation noise of the weights: 20 dB is noise of a tenth of the signal"),
        ),
    ]
    return Table(heads, rows)


def decibels(layer: Layer) -> str:
    """Write a layer's signal to noise; a layer without noise is equal."""
    if layer.sqnr_db is None:
        return tr("equal") if layer.shape_after else UNDEFINED
    return figure(layer.sqnr_db, "signed", decimals=1).removeprefix("+") + "\u00a0dB"


def _shape(sizes: list[int]) -> str:
    return " × ".join(str(size) for size in sizes) or tr("scalar")


def _chart(layers: list[Layer], key: str) -> RowChart | None:
    if not any(layer.sparsity is not None or layer.sqnr_db is not None for layer in layers):
        return None
    values = [
        {
            "row": position,
            "sparsity": layer.sparsity,
            "noise": layer.sqnr_db,
            "title": tr("Zeros") if position == 0 else "",
            "subtitle": tr("share of the weights") if position == 0 else "",
            "title2": tr("Signal to noise") if position == 0 else "",
            "subtitle2": tr("dB; to the left: more changed") if position == 0 else "",
        }
        for position, layer in enumerate(layers)
    ]
    spec = filled(_template(), values, len(layers), LAYER_HEIGHT)
    told = series(
        say(
            "{layer}: zeros {share}, SQNR {noise}",
            layer=titled(layer.name),
            share=figure(layer.sparsity, "percent"),
            noise=decibels(layer),
        )
        for layer in layers
    )
    drawing = inline_svg(
        spec, key, tr("Zeros and signal to noise by layer"), plain(say("{clauses}.", clauses=told))
    )
    names = [((titled(layer.name),), "") for layer in layers]
    return RowChart(drawing, row_labels(drawing, names, LAYER_HEIGHT), LAYER_HEIGHT)


def short_name(name: str) -> str:
    """Shorten a layer's name at its beginning, where layers of one model are alike."""
    return name if len(name) <= MOST_LETTERS else "…" + name[1 - MOST_LETTERS :].lstrip(".")


@kept
def _template() -> dict[str, Any]:
    import altair as alt

    base: Any = alt.Chart()
    y = row_axis()
    share = base.mark_bar(fill=ACCENT, height=9, opacity=1).encode(
        x=alt.X("sparsity:Q", axis=value_axis(), scale=alt.Scale(domain=[0, 1])), x2=alt.datum(0), y=y
    )
    plain = alt.Axis(title=None, tickCount=5, labelOverlap="parity", labelSeparation=6)
    noise = alt.X("noise:Q", axis=plain, scale=alt.Scale(zero=True, nice=True, padding=4))
    stems = base.mark_rule(stroke=SOFT, strokeWidth=1).encode(x=noise, x2=alt.datum(0), y=y)
    dots = base.mark_point(filled=True, size=34, fill=AFTER, stroke=AFTER, opacity=1).encode(x=noise, y=y)
    return beside(
        [
            [share, *headings(base, width=170)],
            [stems, dots, *headings(base, "title2:N", "subtitle2:N", 170)],
        ],
        width=170,
    )


def _histograms(layers: list[Layer], key: str) -> Drawing | None:
    drawn = [layer for layer in layers if layer.histogram_before and layer.histogram_after]
    if not drawn:
        return None
    values: list[dict[str, Any]] = []
    for panel, layer in enumerate(drawn):
        edges = layer.histogram_edges
        name = visible(short_name(titled(layer.name)))
        values.append({"panel": panel, **in_lines(name, PANEL, 11), "subtitle": decibels(layer)})
        values += [
            {"panel": panel, "x": edges[k], "x2": edges[k + 1], "before": before, "after": after}
            for k, (before, after) in enumerate(
                zip(layer.histogram_before, layer.histogram_after, strict=False)
            )
            if k + 1 < len(edges)
        ]
        # The outline ends at the right edge of the last bin.
        values.append({"panel": panel, "x": edges[-1], "before": layer.histogram_before[-1]})
    spec = spaced(_histogram_template(), values)
    told = series(
        say(
            "{layer}: {n} weights from {low} to {high}, zeros after {share}",
            layer=titled(layer.name),
            n=count(sum(layer.histogram_before)),
            low=f"{layer.histogram_edges[0]:.3g}",
            high=f"{layer.histogram_edges[-1]:.3g}",
            share=figure(layer.sparsity, "percent"),
        )
        for layer in drawn
    )
    title = tr("Weights before and after, by layer")
    return inline_svg(spec, key, title, plain(say("{clauses}.", clauses=told)))


@kept
def _histogram_template() -> dict[str, Any]:
    import altair as alt

    base: Any = alt.Chart()
    bins = base.transform_filter("isValid(datum.x)")
    x = alt.X(
        "x:Q", scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(title=None, tickCount=3, format="~g")
    )
    # A square root lets the other bins be seen beside the one that pruning fills.
    roots = alt.Scale(type="sqrt", zero=True)
    after = bins.transform_filter("isValid(datum.after)").mark_bar(fill="#d99a63", opacity=1, binSpacing=0)
    before = bins.mark_line(stroke=INK, strokeWidth=1.5, interpolate="step-after")
    layers = [
        after.encode(x=x, x2="x2:Q", y=alt.Y("after:Q", axis=None, stack=None, scale=roots), y2=alt.datum(0)),
        before.encode(x=x, y=alt.Y("before:Q", axis=None, scale=roots)),
        *title_layers(base, PANEL, 11),
    ]
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=PANEL, height=70)
        .facet(
            facet=alt.Facet("panel:O", header=alt.Header(title=None, labelExpr="''")),
            columns=PANELS_PER_ROW,
            spacing={"row": 60, "column": 30},
        )
        .resolve_scale(x="independent", y="independent")
        .resolve_axis(x="independent")
        .properties(bounds="flush")
        .configure(**theme())
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec
