"""Every figure of every variant as a table for a spreadsheet: ``figures.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..audit.result import AuditResult, Slice, Variant

COLUMNS = (
    "variant", "figure", "metric", "compare", "slice", "reference", "value", "low", "high", "confidence", "n",
    "method", "status", "why",
)  # fmt: skip


def render_csv(result: AuditResult) -> str:
    """Write metrics and disparities of all variants, one per line, unrounded.

    A text that a spreadsheet would read as a formula begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for variant in result.variants:
        for line in _lines(variant):
            writer.writerow([variant.name, *line])
    return out.getvalue()


def _lines(variant: Variant) -> Iterator[list[object]]:
    rows = [({}, variant.overall), *((row.slice, row.metrics) for row in variant.slices)]
    for part, metrics in rows:
        for name, e in metrics.items():
            figures = [e.value, e.low, e.high, e.confidence, e.n, e.method, e.status, _text(e.why or "")]
            yield [name, name, "value", _slice(part), "", *figures]
    for d in variant.disparities:
        figures = [d.value, d.low, d.high, d.confidence, "", d.method, d.status, _text(d.why or "")]
        yield [d.name, d.metric, d.compare, _slice(d.slice or {}), _slice(d.reference or {}), *figures]


def _slice(part: Slice) -> str:
    return _text(" & ".join(f"{column}={value}" for column, value in part.items()))


def _text(text: str) -> str:
    """Keep a text from being read as a formula (CWE-1236)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
