"""Every figure of every variant as a table for a spreadsheet: ``figures.csv``."""

from __future__ import annotations

from collections.abc import Iterator

from ...audit.result import AuditResult, Slice, Variant
from .spreadsheet import Cell, csv_text

COLUMNS = (
    "variant", "figure", "metric", "compare", "slice", "reference", "value", "low", "high", "confidence", "n",
    "method", "status", "why",
)  # fmt: skip


VIEW = "view"
"""Column of the class or label that a figure is about, empty for all together; only where there are any."""


def render_csv(result: AuditResult) -> str:
    """Write metrics and disparities of all variants, one per line, unrounded; then those of each class."""
    if not any(variant.overall_views for variant in result.variants):
        lines = ([variant.name, *line] for variant in result.variants for line in _lines(variant))
        return csv_text([COLUMNS, *lines])
    place = COLUMNS.index("compare")
    return csv_text(
        [
            (*COLUMNS[:place], VIEW, *COLUMNS[place:]),
            *(
                [variant.name, *line[: place - 1], view or "", *line[place - 1 :]]
                for variant in result.variants
                for view in (None, *variant.overall_views)
                for line in _lines(variant.seen(view))
            ),
        ]
    )


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
