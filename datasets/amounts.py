"""Columns of amounts that rows carry: weights, counts and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import number_of
from .numbers import CellError, InfiniteError, missing_in, numbers

LEAST_WEIGHT, MOST_WEIGHT = 1e-50, 1e50
"""Weights beyond these are refused: their fourth powers, summed over many rows, are no float any more."""
MOST_COUNT = 2**40
"""Rows that one aggregated cell may stand for: sums over millions of cells stay exact."""
MOST_RANK = 2**53
"""The last place in a list: a float tells all whole numbers up to it apart."""


def row_weights(column: pa.Array, name: str) -> pa.Array:
    """Read a column of row weights.

    Raises
    ------
    CellError
        A weight that is no finite number of at least 0, or of which sums of squares leave what a float holds.
    """
    values = numbers(column, f"weight column '{name}': expected numbers", name)
    if blank := int(np.isnan(values).sum()):
        raise missing_in(f"weight column '{name}'", name, blank)
    with np.errstate(invalid="ignore"):
        outside = (values != 0) & ~((values >= LEAST_WEIGHT) & (values <= MOST_WEIGHT))
    if outside.any():
        first, told = values[np.argmax(outside)], f"0, or from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}"
        raise CellError(
            f"weight column '{name}': expected finite numbers of at least 0"
            f"{f' whose squares can be summed ({told})' if first > 0 else ''}",
            name, str(first), _more(int(outside.sum())),
        )  # fmt: skip
    return pa.array(values)


def _more(rows: int) -> str:
    return f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""


def row_counts(column: pa.Array, name: str) -> pa.Array:
    """Read a column of whole numbers of rows; CellError for anything else."""
    values = numbers(column, f"count column '{name}': expected numbers", name)
    if blank := int(np.isnan(values).sum()):
        raise missing_in(f"count column '{name}'", name, blank)
    bad = ~(np.isfinite(values) & (values >= 0) & (values <= MOST_COUNT)) | (values != np.floor(values))
    if bad.any():
        first = values[np.argmax(bad)]
        most = f" and at most {MOST_COUNT:,}" if first > MOST_COUNT else ""
        what = f"count column '{name}': expected whole numbers of at least 0{most}"
        raise CellError(what, name, str(first), _more(int(bad.sum())))
    return pc.cast(pa.array(values), pa.int64())


def left_out(batch: pa.RecordBatch, kept: pa.Array, count: str | None) -> int:
    """Return how many rows a mask leaves out; of aggregated cells those that stand in column ``count``.

    A cell whose count is missing itself is one row.
    """
    mask = pc.fill_null(kept, False)
    if count is None:
        return int(batch.num_rows) - int(pc.sum(mask).as_py() or 0)
    cells = batch.column(count).filter(pc.invert(mask))
    values = numbers(cells, f"count column '{count}': expected numbers", count)
    known = ~np.isnan(values)
    told = pc.sum(row_counts(cells.filter(pa.array(known)), count)).as_py()
    return int(np.count_nonzero(~known)) + int(told or 0)


def scores(
    column: pa.Array, name: str, *, probability: bool, ranked: bool = True
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read a score column; CellError for missing, NaN, infinite or (as probability) outside [0, 1].

    ``ranked`` says whether scores on another scale would do too.
    """
    values = numbers(column, f"score column '{name}': expected numbers", name)
    # A score that is not known would be the least and the largest.
    ends = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    if (ends[0] >= 0 and ends[1] <= 1) if probability else np.isfinite(ends).all():
        return values
    if blank := int(np.isnan(values).sum()):
        raise missing_in(f"score column '{name}'", name, blank)
    if bad := int(np.isinf(values).sum()):
        value = f"{values[int(np.argmax(np.isinf(values)))]:g}"
        raise InfiniteError(f"score column '{name}': expected finite numbers", name, value, _more(bad))
    worst = ends[1] if ends[1] > 1 else ends[0]
    hint = "; for scores on another scale set model.scale: rank" if ranked else ""
    raise CellError(f"score column '{name}': expected probabilities in [0, 1]", name, str(worst), hint)
