"""How well a column tells a sensitive feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .column import Look

ROWS = 20_000
TELLS = 0.3
"""Cramér's V from which a column is named: that of a rather strong association."""
ONE = 1 - 1e-9
MOST_LEVELS = 50
PARTS = 10


def tells(
    table: pa.Table, looks: Mapping[str, Look], features: Sequence[str], sensitive: Sequence[str]
) -> dict[str, tuple[str, float]]:
    """Return for each feature that tells a sensitive one which it tells most, and how well.

    The measure is Cramér's V, corrected for bias (Bergsma 2013, J. Korean Stat. Soc. 42:323), over the first
    `ROWS` rows; numbers are cut at their deciles.
    """
    head = table.slice(0, ROWS)
    kept = {
        name: codes for name in sensitive if (codes := _codes(head.column(name), looks[name])) is not None
    }
    found = {}
    for name in features:
        codes = _codes(head.column(name), looks[name])
        if codes is None:
            continue
        values = {other: cramers_v(codes, theirs) for other, theirs in kept.items()}
        best = max(values, key=lambda other: values[other], default=None)
        if best is not None and values[best] >= TELLS:
            found[name] = (best, values[best])
    return found


def same_but_for_names(table: pa.Table, looks: Mapping[str, Look], name: str, other: str) -> bool:
    """Whether two columns say the same, perhaps in other words."""
    if looks[name].distinct != looks[other].distinct:
        return False
    one, two = (_codes(table.column(n), looks[n]) for n in (name, other))
    return one is not None and two is not None and _same(one, two)


def _same(one: NDArray[np.intp], other: NDArray[np.intp]) -> bool:
    return bool(np.array_equal(one < 0, other < 0)) and cramers_v(one, other) > ONE


def _codes(column: pa.ChunkedArray, look: Look) -> NDArray[np.intp] | None:
    """Level of each row, -1 where it is missing; None for a column of too many levels."""
    if look.kind == "number" and look.distinct > MOST_LEVELS:
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
        known = np.isfinite(numbers)
        if not known.any():
            return None
        edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, PARTS + 1)[1:-1]))
        return np.where(known, np.searchsorted(edges, numbers, side="right"), -1)
    if look.kind not in ("number", "text", "flag") or look.distinct > MOST_LEVELS:
        return None
    flat = column.combine_chunks()
    if not pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_encode()
    indices = flat.indices if isinstance(flat, pa.DictionaryArray) else flat.combine_chunks().indices
    return np.asarray(pc.fill_null(indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False), np.intp)


def cramers_v(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """Return the bias-corrected Cramér's V of two columns of codes, over rows where neither is -1."""
    both = (one >= 0) & (other >= 0)
    n = int(both.sum())
    if n < 2:
        return 0.0
    width = int(other.max()) + 1
    cells = np.bincount(one[both] * width + other[both], minlength=(int(one.max()) + 1) * width)
    counts = cells.reshape(-1, width).astype(float)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    rows, columns = counts.shape
    if min(rows, columns) < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / n
    phi2 = float(((counts - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(corrected / least)) if least > 0 else 0.0
