"""Where a sensitive number is cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .column import NUMBER

AGES = (18, 25, 35, 45, 55, 65, 75)
LEAST_ROWS = 30
LEAST_SHARE = 0.04


def edges(column: pa.ChunkedArray, kind: str) -> list[float]:
    """Return edges, ascending: usual ages where they leave enough rows in each bin, else quartiles."""
    values = _numbers(column)
    if kind == "age" and values.min() >= 0 and np.quantile(values, 0.99) <= 120:
        found = _kept(values, AGES)
        if found:
            return found
    quarters = np.quantile(values, [0.25, 0.5, 0.75], method="nearest")
    if kind == "birth":
        quarters = 5 * np.round(quarters / 5)
    return [float(q) for q in np.unique(quarters) if values.min() < q <= values.max()]


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.filter(pc.match_substring_regex(column, f"^{NUMBER.pattern}$"))
        column = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", ".")
    values = column.cast(pa.float64(), safe=False).drop_null().to_numpy()
    return np.asarray(values[np.isfinite(values)])


def _kept(values: NDArray[np.float64], candidates: tuple[int, ...]) -> list[float]:
    """The candidates between which, and beyond the last of which, there are enough rows."""
    least = max(LEAST_ROWS, LEAST_SHARE * len(values))
    kept: list[float] = []
    below = -np.inf
    for edge in candidates:
        inside = int(((values >= below) & (values < edge)).sum())
        if inside >= least and int((values >= edge).sum()) >= least:
            kept.append(float(edge))
            below = edge
    return kept
