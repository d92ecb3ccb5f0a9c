"""How many rows, or clusters, would decide a gate: what a result holds of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...metrics import power
from ..figures.measure import Measurement


@dataclass(frozen=True)
class Size:
    """How many rows there are, or of a task whose unit is a cluster how many clusters.

    Attributes
    ----------
    n : int
    unit : str or None
        What is counted, where it is not rows.
    """

    n: int
    unit: str | None = None

    @classmethod
    def of(cls, measured: Measurement, rows: int) -> Size:
        """The size of what was measured on so many rows."""
        clusters = measured.slices(()).clusters
        if not measured.task.unit or clusters is None:
            return cls(rows)
        return cls(int(clusters[0]), measured.task.unit)


def rows_needed(needed: power.Needed, item: int, size: Size) -> dict[str, Any]:
    """Rows, or clusters, as a gate's result holds them."""
    times, halfway = needed.times[item], needed.halfway[item]
    found = {
        "rows_needed": None if np.isnan(times) else math.ceil(times * size.n),
        "rows_needed_halfway": None if np.isnan(halfway) else math.ceil(halfway * size.n),
        "at_no_size": bool(np.isnan(times)),
    }
    return found if size.unit is None else {**found, "needed_of": size.unit}
