"""The tables behind the charts of scores: the same bins and points as figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...audit.result import ScoreDetail
from ..blocks import Figures
from ..drawing.score_charts import MOST_SLICES
from ..words.formats import UNDEFINED, count, figure, interval, usual_decimals
from ..words.language import Sentence, later, tr
from ..words.order import by_edges
from ..words.spoken import slice_name
from .tables import Cell, Notes, Row, Table

MOST_ACROSS = 7
"""Slices of a table that has a column for each."""
MEDIAN = 0.5
"""Its share."""


@dataclass(frozen=True)
class CurveTable:
    """One kind of curve: heads, and for each slice the lines of its bins or points."""

    title: str
    heads: list[str]
    groups: list[tuple[Sentence, list[tuple[str, list[Cell]]]]]


_Lines = Iterator[tuple[str, list[Cell]]]


def score_tables(details: list[ScoreDetail]) -> list[CurveTable]:
    """Lay out the curves of the slices that are drawn."""
    # As many as are drawn: of 10,000 slices nobody reads the points.
    ordered = by_edges(sorted(details, key=lambda detail: -detail.n)[:MOST_SLICES])
    kinds: tuple[tuple[str, tuple[str, ...], Callable[[ScoreDetail], _Lines]], ...] = (
        (later("Distribution of the score"), (later("Score"), later("Rows")), _distribution),
        (
            later("Calibration"),
            (later("Score"), later("Rows"), later("Mean score"), later("Positive labels")),
            _calibration,
        ),
        (later("ROC"), (later("Point"), later("False positive rate"), later("True positive rate")), _roc),
    )
    tables = []
    for title, heads, lines in kinds:
        groups = [(slice_name(detail.slice, short=True), list(lines(detail))) for detail in ordered]
        groups = [(name, found) for name, found in groups if found]
        if groups:
            tables.append(CurveTable(tr(title), [tr(head) for head in heads], groups))
    return tables


def distribution_table(details: list[ScoreDetail]) -> Figures:
    """Lay out how many rows of each slice lie in each bin of the error; a bin a line."""
    ordered = by_edges(sorted(details, key=lambda detail: -detail.n)[:MOST_ACROSS])
    edges = ordered[0].histogram_edges if ordered else []
    rows = [
        Row(
            (interval(edges[k], edges[k + 1], "moved"),),
            [Cell(count(d.histogram_counts[k])) for d in ordered],
        )
        for k in range(len(edges) - 1)
    ]
    heads = [("".join(slice_name(detail.slice, short=True)), "") for detail in ordered]
    return Figures(Table(heads, rows), tr("Rows by their error and slice."), tr("Error"))


def quantile_table(details: list[ScoreDetail]) -> Figures:
    """Lay out the quantiles of each slice's errors with their limits; a slice a line."""
    shown = [detail for detail in details if detail.quantiles]
    notes = Notes()
    rows = []
    for detail in shown:
        cells = []
        for found in detail.quantiles:
            places = usual_decimals("moved", found.value, found.low, found.high)
            limits = interval(found.low, found.high, "moved", decimals=places)
            value = figure(found.value, "moved", decimals=places)
            cells.append(Cell(value, "" if limits == UNDEFINED else limits, notes.letter(found.why)))
        rows.append(Row(slice_name(detail.slice, short=True), cells, emphasis=not detail.slice))
    heads = [
        (figure(q.share, "percent", decimals=0), tr("median") if q.share == MEDIAN else "")
        for q in shown[0].quantiles
    ]
    caption = tr(
        "Quantiles of the error (prediction − outcome): up to each value lies that share of the slice’s "
        "rows, by weight where they have weights."
    )
    return Figures(Table(heads, rows, notes), caption, tr("Slice"))


def _distribution(detail: ScoreDetail) -> _Lines:
    edges = detail.histogram_edges
    for k, n in enumerate(detail.histogram_counts):
        if k + 1 < len(edges):
            yield interval(edges[k], edges[k + 1], "number"), [Cell(count(n))]


def _calibration(detail: ScoreDetail) -> _Lines:
    for bin in detail.calibration:
        limits = interval(bin.rate_low, bin.rate_high, "percent")
        rate = Cell(figure(bin.rate, "percent"), limits)
        cells = [Cell(count(bin.n)), Cell(figure(bin.mean_score, "number")), rate]
        yield interval(bin.low, bin.high, "number"), cells


def _roc(detail: ScoreDetail) -> _Lines:
    for number, (fpr, tpr) in enumerate(detail.roc, start=1):
        yield str(number), [Cell(figure(fpr, "percent")), Cell(figure(tpr, "percent"))]
