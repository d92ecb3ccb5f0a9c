"""Charts of the scores as small multiples: distribution, calibration and ROC, one panel per slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...audit.result import ScoreDetail
from ..words.formats import count, figure
from ..words.language import kept, later, say, series, tr
from ..words.order import by_edges
from ..words.spoken import Sentence, plain, slice_name, view_name
from .panels import ACCENT, INK, LINE, theme
from .svg import Drawing, inline_svg
from .titles import spaced, title_layers, titled

Curve = Literal["distribution", "calibration", "roc"]

PANEL = 132
PANELS_PER_ROW = 4
MOST_SLICES = 12

_CAPTIONS: dict[Curve, str] = {
    "distribution": later("Distribution of the score; bars are rows, each panel to its own height."),
    "calibration": later(
        "Calibration: observed share of positive labels (upwards) against the mean score of each "
        "bin, with intervals. On the dashed line the score keeps its promise."
    ),
    "roc": later(
        "ROC: true positive rate (upwards) against false positive rate, over all thresholds. "
        "On the dashed line the score is worth no more than chance."
    ),
}
_TITLES: dict[Curve, str] = {
    "distribution": later("Distribution of the score by slice"),
    "calibration": later("Calibration by slice"),
    "roc": later("ROC by slice"),
}


@dataclass(frozen=True)
class ScoreChart:
    """One kind of curve for several slices; ``left_out`` slices are not drawn."""

    drawing: Drawing
    caption: str
    left_out: int


def score_charts(details: list[ScoreDetail], everyone: ScoreDetail | None, key: str) -> list[ScoreChart]:
    """Draw the curves that the slices have; the grey line behind is all rows together."""
    ordered = sorted(details, key=lambda detail: -detail.n)
    charts = []
    for curve in ("distribution", "calibration", "roc"):
        with_curve = [detail for detail in ordered if _points(detail, curve)]
        drawn = by_edges(with_curve[:MOST_SLICES])
        if drawn:
            chart = _chart(drawn, everyone, curve, f"{key}-{curve}", tr(_TITLES[curve]))
            charts.append(ScoreChart(chart, tr(_CAPTIONS[curve]), len(with_curve) - len(drawn)))
    return charts


def error_chart(details: list[ScoreDetail], key: str) -> ScoreChart | None:
    """Draw the distribution of the errors of predicted numbers, a panel per slice; None without any."""
    ordered = sorted(details, key=lambda detail: -detail.n)
    with_curve = [detail for detail in ordered if _points(detail, "distribution")]
    if not with_curve:
        return None
    drawn = by_edges(with_curve[:MOST_SLICES])
    message = later("{slice}, {n} rows, mean error {mean}")
    chart = _chart(drawn, None, "distribution", key, tr("Distribution of the errors by slice"), message)
    caption = tr(
        "Distribution of the errors (prediction − outcome), on one axis: right of 0 predictions are too "
        "high, left of it too low. Bars are rows, each panel to its own height."
    )
    return ScoreChart(chart, caption, len(with_curve) - len(drawn))


_OF_CLASSES: dict[Curve, tuple[str, str]] = {
    "distribution": (
        later("Distribution of the probability by class"),
        later("Distribution of each class’s probability; bars are rows, each panel to its own height."),
    ),
    "calibration": (
        later("Calibration by class"),
        later(
            "Calibration: how often rows are of the class (upwards) against its mean probability in each "
            "bin, with intervals. On the dashed line the probability keeps its promise."
        ),
    ),
    "roc": (
        later("ROC by class"),
        later(
            "ROC of each class, its rows against all others: true positive rate (upwards) against false "
            "positive rate, over all thresholds. On the dashed line the probability is worth no more than "
            "chance."
        ),
    ),
}


def class_charts(details: list[ScoreDetail], key: str) -> list[ScoreChart]:
    """Draw the curves of the classes' probabilities over all rows, a panel per class."""
    charts = []
    for curve, (title, caption) in _OF_CLASSES.items():
        drawn = [detail for detail in details if _points(detail, curve)]
        if drawn:
            chart = _chart(drawn[:MOST_SLICES], None, curve, f"{key}-{curve}", tr(title))
            charts.append(ScoreChart(chart, tr(caption), max(len(drawn) - MOST_SLICES, 0)))
    return charts


def _panel_name(detail: ScoreDetail) -> Sentence:
    return slice_name(detail.slice, short=True) if detail.view is None else (view_name(detail.view),)


def _chart(
    drawn: list[ScoreDetail], everyone: ScoreDetail | None, curve: Curve, key: str, title: str,
    message: str = later("{slice}, {n} rows, mean score {mean}"),
) -> Drawing:  # fmt: skip
    behind = _points(everyone, curve) if everyone is not None and curve == "roc" else []
    values: list[dict[str, Any]] = []
    for panel, detail in enumerate(drawn):
        name = plain(_panel_name(detail))
        values.append({"panel": panel, **titled(name, PANEL), "subtitle": tr("{n} rows", n=count(detail.n))})
        values += [{"panel": panel, "part": "own", **point} for point in _points(detail, curve)]
        values += [{"panel": panel, "part": "all", **point} for point in behind]
        if curve != "distribution":
            values += [{"panel": panel, "part": "line", "order": end, "x": end, "y": end} for end in (0, 1)]
    spec = spaced(_spec(curve), values)
    names = series(
        say(
            message,
            slice=_panel_name(detail),
            n=count(detail.n),
            mean=figure(detail.mean, "number"),
        )
        for detail in drawn
    )
    return inline_svg(spec, key, title, plain(say("{clauses}.", clauses=names)))


def _points(detail: ScoreDetail, curve: Curve) -> list[dict[str, Any]]:
    """Take a slice's curve from the result as points to draw."""
    if curve == "distribution":
        edges = detail.histogram_edges
        return [
            {"x": edges[k], "x2": edges[k + 1], "y": n}
            for k, n in enumerate(detail.histogram_counts)
            if k + 1 < len(edges)
        ]
    if curve == "calibration":
        return [
            {"order": k, "x": bin.mean_score, "y": bin.rate, "low": bin.rate_low, "high": bin.rate_high}
            for k, bin in enumerate(detail.calibration)
        ]
    return [{"order": k, "x": x, "y": y} for k, (x, y) in enumerate(detail.roc)]


@kept
def _spec(curve: Curve) -> dict[str, Any]:
    """Specify a chart without its data."""
    import altair as alt

    base: Any = alt.Chart()
    unit = alt.Scale(domain=[0, 1], nice=False)
    ticks: dict[str, Any] = {"title": None, "values": [0, 0.5, 1], "format": "~f"}
    x = alt.X("x:Q", scale=unit, axis=alt.Axis(**ticks))
    y = alt.Y("y:Q", scale=unit, axis=alt.Axis(**ticks))
    own = base.transform_filter("datum.part === 'own'")
    if curve == "distribution":
        bars = own.mark_bar(color=ACCENT, opacity=1, binSpacing=0.5).encode(
            x=alt.X("x:Q", scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(title=None, tickCount=3)),
            x2="x2:Q",
            y=alt.Y("y:Q", axis=None, stack=None),
            y2=alt.datum(0),
        )
        layers = [bars]
    else:
        diagonal = base.transform_filter("datum.part === 'line'").mark_line(
            color=INK, strokeDash=[3, 3], strokeWidth=1
        )
        layers = [diagonal.encode(x=x, y=y, order="order:Q")]
        if curve == "roc":
            grey = base.transform_filter("datum.part === 'all'").mark_line(color=LINE, strokeWidth=4)
            layers.append(grey.encode(x=x, y=y, order="order:Q"))
            layers.append(own.mark_line(color=ACCENT, strokeWidth=2).encode(x=x, y=y, order="order:Q"))
        else:
            layers.append(
                own.mark_rule(color=ACCENT, strokeWidth=2).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
            )
            layers.append(own.mark_point(color=ACCENT, filled=True, size=26, opacity=1).encode(x=x, y=y))
    layers += title_layers(base, PANEL)
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=[]))
        .properties(width=PANEL, height=70 if curve == "distribution" else PANEL)
        .facet(
            facet=alt.Facet("panel:O", header=alt.Header(title=None, labelExpr="''")),
            columns=PANELS_PER_ROW,
            spacing={"row": 62, "column": 30},
        )
        .resolve_axis(x="independent")
        .properties(bounds="flush")
        .configure(**theme())
    )
    if curve == "distribution":
        chart = chart.resolve_scale(y="independent")
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec
