"""Every figure of every variant as a table for a spreadsheet: ``figures.csv``."""

from __future__ import annotations

from collections.abc import Iterator

from ..audit.result import AuditResult, Slice, Variant
from .spreadsheet import Cell, csv_text

COLUMNS = (
    "variant", "figure", "metric", "compare", "slice", "reference", "value", "low", "high", "confidence", "n",
    "method", "status", "why",
)  # fmt: skip


def render_csv(result: AuditResult) -> str:
    """Write metrics and disparities of all variants, one per line, unrounded."""
    lines = ([variant.name, *line] for variant in result.variants for line in _lines(variant))
    return csv_text([COLUMNS, *lines])


def _lines(variant: Variant) -> Iterator[list[Cell]]:
    rows = [({}, variant.overall), *((row.slice, row.metrics) for row in variant.slices)]
    for part, metrics in rows:
        for name, e in metrics.items():
            figures = [e.value, e.low, e.high, e.confidence, e.n, e.method, e.status, e.why or ""]
            yield [name, name, "value", _slice(part), "", *figures]
    for d in variant.disparities:
        figures = [d.value, d.low, d.high, d.confidence, "", d.method, d.status, d.why or ""]
        yield [d.name, d.metric, d.compare, _slice(d.slice or {}), _slice(d.reference or {}), *figures]


def _slice(part: Slice) -> str:
    return " & ".join(f"{column}={value}" for column, value in part.items())
