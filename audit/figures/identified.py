"""Compression-identified rows: those on which variants decide otherwise than the original.

S. Hooker et al. 2019, What do compressed deep neural networks forget? (arXiv:1911.05248).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...bands import UNKNOWN
from ...datasets.numbers import decoded
from ...engines import ARROW
from ...metrics.counts import DECISION
from ..result import Identified
from .match import matched, unequal

IDENTIFIED = "\0identified"
"""Beside a feature, which may have any name: whether a row is identified."""


def identify(
    original: pa.Table,
    others: Iterable[tuple[str, pa.Table]],
    sensitive: Sequence[str],
    threshold: float | None = None,
    file: str = "identified.parquet",
    name: str = "original",
) -> tuple[pa.Table, Identified]:
    """Find the rows that at least one other variant decides otherwise, the most disputed first.

    Parameters
    ----------
    original : pyarrow.Table
        Predictions of the original (columns as in the run folder's Parquet).
    others : iterable of (name, table)
        Predictions of each other variant, matched by id; one is held at a time.
    sensitive : sequence of str
        Columns whose slices make up the composition.
    threshold : float, optional
        Of the original's decisions, for the margin of its scores.
    file : str
        Where in the run the rows are written.

    Returns
    -------
    rows : pyarrow.Table
        Columns id, variants (how many decide otherwise), share (of the variants), margin (|score -
        threshold| of the original, null without either), score_change (the largest absolute one, null
        without scores); never any other column of the rows. By share, then by score change.
    composition : Identified
    """
    size = len(original)
    flips, change = np.zeros(size, np.int64), np.full(size, np.nan)
    decided = [n for n in original.column_names if n == DECISION or n.startswith(f"{DECISION}:")]
    score = _column(original, "score")
    number = 0
    for other, table in others:
        number += 1
        table = matched(original, table, (name, other))
        moved = _column(table, "score")
        apart = np.zeros(size, bool)
        for column in decided:
            if column in table.column_names:
                apart[unequal(original.column(column), table.column(column))] = True
        flips += apart
        if score is not None and moved is not None:
            change = np.fmax(change, np.abs(moved - score))
    margin = np.full(size, np.nan) if score is None or threshold is None else np.abs(score - threshold)
    found = np.flatnonzero(flips)
    rows = pa.table(
        {
            "id": decoded(original.column("id")).take(pa.array(found)),
            "variants": flips[found],
            "share": flips[found] / max(number, 1),
            "margin": pa.array(margin[found], from_pandas=True),
            "score_change": pa.array(change[found], from_pandas=True),
        }
    )
    rows = ARROW.ordered(rows, [("variants", "descending"), ("score_change", "descending")])
    composition = list(_composition(original, sensitive, flips > 0))
    return rows, Identified(rows=len(found), file=file, composition=composition)


def _column(table: pa.Table, name: str) -> NDArray[Any] | None:
    return np.asarray(table.column(name).to_numpy()) if name in table.column_names else None


def _composition(
    table: pa.Table, sensitive: Sequence[str], identified: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    """Per slice of each feature: its rows, those identified, their share and its ratio to the whole's."""
    whole = float(identified.mean()) if len(identified) else 0.0
    for feature in sensitive:
        rows = pa.table({feature: table.column(feature), IDENTIFIED: identified.astype(np.int64)})
        values, n, hits = (c.to_pylist() for c in ARROW.cells(rows, [feature], [[], [IDENTIFIED]]).columns)
        names = [UNKNOWN if v is None else str(v) for v in values]
        for i in sorted(range(len(names)), key=lambda i: names[i]):
            share = hits[i] / n[i]
            yield {
                "slice": {feature: names[i]},
                "n": n[i],
                "identified": hits[i],
                "share": share,
                "ratio": share / whole if whole else None,
            }
