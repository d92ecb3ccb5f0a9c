"""Scores counted in equally wide bins, as they are drawn."""

from __future__ import annotations

import numpy as np

from .intervals import Floats
from .scores import ScoreTable

HISTOGRAM_BINS = 20


def histogram_edges(low: float, high: float) -> Floats:
    """Edges of the histogram's bins, float array of shape (bins + 1,).

    Scores that differ by less than floats of their size can be parted are one: all stand in the first bin of
    a range of 1, or of their own size where 1 is nothing beside them.
    """
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
    for width in (1.0, abs(low)):
        if (np.diff(edges) > 0).all():
            break
        edges = np.linspace(low, low + width, HISTOGRAM_BINS + 1)
    return edges


def histogram(table: ScoreTable, edges: Floats) -> Floats:
    """Rows of each bin of the table's slices, float array of shape (slices, bins)."""
    step = edges[1] - edges[0]
    bins = np.clip(((table.score - edges[0]) / step).astype(np.int64), 0, HISTOGRAM_BINS - 1)
    counts = np.bincount(table.codes * HISTOGRAM_BINS + bins, table.count, len(table.keys) * HISTOGRAM_BINS)
    return counts.reshape(-1, HISTOGRAM_BINS).astype(float)
