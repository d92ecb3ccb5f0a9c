"""Few rows that hold much of the weight: what makes weighted figures of small slices unsure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats

STEPS = 16
"""Bins per doubling in which weights are counted."""
HEAVY = 3.0
"""Times the mean weight from which a row is heavy."""
RARE, MUCH = 0.1, 0.4
"""At most so large a share of the rows must hold at least so large a share of the weight."""


@dataclass(frozen=True)
class RareHeavy:
    """Few rows with much weight.

    Attributes
    ----------
    rows, weight : float
        Share of the rows that are heavy, and the share of the weight that they hold.
    effective : float
        Rows of equal weight that would vary as much as all rows: Kish's (sum w)^2 / sum w^2.
    """

    rows: float
    weight: float
    effective: float


def rare_heavy(weight: Floats, count: NDArray[np.int64] | None = None) -> RareHeavy | None:
    """Tell whether a rare stratum is heavy; None where the weights are even enough.

    A sample that happens to hold no row of such a stratum looks even, and no limit computed from it can know
    what is missing: of 30 rows with one heavy row in twenty that is so in a fifth of all samples.

    Parameters
    ----------
    weight : float array of shape (entries,)
        Rows without weight are left out.
    count : int array of shape (entries,), optional
        Rows of each weight; 1 each by default.
    """
    rows = np.ones(len(weight)) if count is None else count.astype(float)
    rows = np.where(weight > 0, rows, 0)
    if not rows.sum():
        return None
    total = float(rows @ weight)
    heavy = weight > HEAVY * total / rows.sum()
    share, held = float(rows[heavy].sum() / rows.sum()), float(rows[heavy] @ weight[heavy]) / total
    if not 0 < share <= RARE or held < MUCH:
        return None
    return RareHeavy(share, held, total**2 / float(rows @ weight**2))


@dataclass
class WeightCounts:
    """Weights counted batch by batch in bins a sixteenth of a doubling wide, each with its mean."""

    _rows: dict[int, int] = field(default_factory=dict)
    _sums: dict[int, float] = field(default_factory=dict)

    def add(self, weight: Floats) -> None:
        """Count the weights of a batch."""
        used = weight[weight > 0]
        bins, place = np.unique(np.floor(np.log2(used) * STEPS).astype(np.int64), return_inverse=True)
        rows, sums = np.bincount(place.reshape(-1)), np.bincount(place.reshape(-1), used)
        for key, n, total in zip(bins.tolist(), rows.tolist(), sums.tolist(), strict=True):
            self._rows[key] = self._rows.get(key, 0) + n
            self._sums[key] = self._sums.get(key, 0.0) + total

    def rare_heavy(self) -> RareHeavy | None:
        """Tell whether a rare stratum is heavy."""
        rows = np.array(list(self._rows.values()), np.int64)
        return rare_heavy(np.array(list(self._sums.values())) / np.maximum(rows, 1), rows)
