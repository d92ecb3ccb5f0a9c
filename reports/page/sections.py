"""The sections of the report that repeat: one per sensitive feature, intersection and set of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import AuditResult, ScoreDetail, SliceResult, Variant
from ..drawing.heat_map import HeatMap, heat_map
from ..slices import disparity_tables, tables
from ..slices.score_tables import CurveTable, score_tables
from ..tasks import Part, telling
from ..words import order
from ..words.formats import count, figure, interval
from ..words.language import say, tr
from ..words.spoken import Sentence, features_name, slice_name, title_of

if TYPE_CHECKING:
    from ..blocks import Block
    from ..drawing.panels import RowChart
    from ..drawing.score_charts import ScoreChart

INTERSECTION_PANELS = 3


@dataclass(frozen=True)
class Section:
    """The slices of one set of sensitive features: chart, tables and disparities.

    ``not_drawn`` counts the slices that the chart and the comparisons with the reference leave out,
    ``not_listed`` those that the tables leave out.
    """

    id: str
    by: tuple[str, ...]
    title: Sentence
    rows: int
    small: int
    sorted_by: Sentence
    charts: list[RowChart]
    heat: HeatMap | None
    not_drawn: int
    counts: tables.Table
    metrics: list[tables.Table]
    not_listed: int
    key_against: list[disparity_tables.AgainstGroup]
    other_against: list[disparity_tables.AgainstGroup]
    against_notes: tables.Notes
    extremes: list[disparity_tables.Extreme]
    extremes_notes: tables.Notes
    of_task: list[Block]
    of_classes: list[Block]


def feature_sections(result: AuditResult, variant: Variant, *, charts: bool) -> list[Section]:
    """Build the sections of the features and of their intersections."""
    sets = order.feature_sets(result, variant)
    return [_section(f"slices-{k}", by, result, variant, charts) for k, by in enumerate(sets, start=1)]


def _section(key: str, by: tuple[str, ...], result: AuditResult, whole: Variant, charts: bool) -> Section:
    told, variant = telling(result), whole.seen(None)
    rows = order.slices_by(variant, by)
    crossed = len(by) > 1
    leading = order.leading_metric(result, variant, by) if crossed else None
    rows = order.worst_first(rows, leading, result.definitions) if crossed else rows
    listed = rows[: order.TABLE_ROWS]
    drawn = rows[: order.CHART_ROWS]
    against, against_notes = order.disparities_by(variant, by, "reference"), tables.Notes()
    key_metrics = order.key_metrics(result, variant)
    first = [item for name in key_metrics for item in against if item.metric == name]
    rest = [item for item in against if item.metric not in key_metrics]
    between = [*order.disparities_by(variant, by, "between"), *order.disparities_by(variant, by, "index")]
    between_notes = tables.Notes()
    part = Part(result, whole, by, key, charts=charts)
    return Section(
        id=key,
        by=by,
        title=features_name(by),
        rows=len(rows),
        small=sum(row.status == "small" for row in rows),
        sorted_by=_sorted_by(leading, result) if leading else (),
        charts=_charts(drawn, variant, result, key, leading) if charts else [],
        heat=heat_map(rows, leading, result) if charts and len(by) == 2 else None,
        not_drawn=len(rows) - len(drawn),
        counts=tables.counts_table(
            listed, variant, result.data.rows, result.data.positive_is, told.counted, short=True
        ),
        metrics=tables.metric_tables(
            listed, variant, order.shown_metrics(result, variant), result, short=True, most=told.columns
        ),
        not_listed=len(rows) - len(listed),
        key_against=disparity_tables.against_reference(first, drawn, result, against_notes),
        other_against=disparity_tables.against_reference(rest, drawn, result, against_notes),
        against_notes=against_notes,
        extremes=disparity_tables.over_all_slices(between, variant, result, between_notes),
        extremes_notes=between_notes,
        of_task=told.of_feature(part),
        of_classes=told.of_classes(part),
    )


def _sorted_by(metric: str, result: AuditResult) -> Sentence:
    definition = result.definitions.get(metric)
    title = title_of(metric, result.definitions)
    if definition is not None and definition.better:
        return say("{metric}, the worst first", metric=title)
    return say("{metric}, the lowest first", metric=title)


def _charts(
    rows: list[SliceResult], variant: Variant, result: AuditResult, key: str, leading: str | None
) -> list[RowChart]:
    from ..drawing.charts import slice_charts

    metrics = telling(result).charted(order.key_metrics(result, variant), result)
    if leading is not None:
        metrics = [name for name in metrics if name == leading] + [
            name for name in metrics if name != leading
        ]
        metrics = metrics[:INTERSECTION_PANELS]
    return slice_charts(rows, variant, metrics, result, key) if rows and metrics else []


@dataclass(frozen=True)
class ScoreSection:
    """The scores of the slices of one set of features: curves, and mean, spread and distance in a table."""

    id: str
    title: Sentence
    table: tables.Table
    charts: list[ScoreChart]
    curves: list[CurveTable]


def score_sections(result: AuditResult, variant: Variant, *, charts: bool) -> list[ScoreSection]:
    """Build one section per set of features that has scores."""
    everyone = next((detail for detail in variant.scores if not detail.slice), None)
    sections = []
    for number, by in enumerate(dict.fromkeys(tuple(d.slice) for d in variant.scores if d.slice), start=1):
        details = [detail for detail in variant.scores if tuple(detail.slice) == by]
        details.sort(key=lambda detail: -detail.n)
        notes = tables.Notes()
        lines = []
        for detail in [*details, *([everyone] if everyone else [])]:
            smd = tables.Cell("")  # The reference has no distance to itself.
            if detail.smd is not None and detail.smd.value is not None:
                limits = interval(detail.smd.low, detail.smd.high, "signed")
                smd = tables.Cell(figure(detail.smd.value, "signed"), "" if limits == "—" else limits)
            elif detail.smd is not None:
                smd = tables.Cell("—", note=notes.letter(detail.smd.why))
            cells = [count(detail.n), figure(detail.mean, "number"), figure(detail.sd, "number")]
            lines.append(
                tables.Row(
                    slice_name(detail.slice, short=True),
                    [*map(tables.Cell, cells), smd],
                    emphasis=not detail.slice,
                )
            )
        heads = [
            ("n", tr("rows")),
            (tr("Mean"), tr("of the score")),
            (tr("SD"), tr("standard deviation")),
            (tr("SMD"), tr("standardised difference of means to the reference")),
        ]
        drawn = _score_charts(details, everyone, f"scores-{number}") if charts else []
        sections.append(
            ScoreSection(
                f"scores-{number}",
                features_name(by),
                tables.Table(heads, lines, notes),
                drawn,
                score_tables(details),
            )
        )
    return sections


def _score_charts(details: list[ScoreDetail], everyone: ScoreDetail | None, key: str) -> list[ScoreChart]:
    from ..drawing.score_charts import score_charts

    return score_charts(details, everyone, key)
