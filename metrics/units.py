"""Independent units of the slices, rows or whole clusters, and the variance of a sum over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats, tail_area

Z95 = 1.959963984540054
"""The normal quantile at which few degrees of freedom are counted where a figure has no other level."""

MOST_RESIDUAL = 1e70
"""Up to here sums of fourth powers of residuals are floats."""


@dataclass(frozen=True)
class Units:
    """What varies independently in each slice: its rows, or its clusters.

    Attributes
    ----------
    owner : int array of shape (units,)
        Each unit's slice.
    unit : int array of shape (entries,) or None
        Each entry's unit; None where every entry is its own.
    weight : float array of shape (units,)
        Each unit's weight in its slice.
    inverse : float array of shape (units,)
        One over the rows that a unit stands for: 1, but for entries in which scores were counted in bins.
    total : float array of shape (slices,)
        Weight of each slice.
    """

    owner: NDArray[np.int64]
    unit: NDArray[np.int64] | None
    weight: Floats
    inverse: Floats
    total: Floats

    @property
    def size(self) -> int:
        """Number of slices."""
        return len(self.total)

    def sum(self, values: Floats) -> Floats:
        """Sum of a value per unit, by slice."""
        return np.bincount(self.owner, values, self.size).astype(float)

    def gathered(self, values: Floats) -> Floats:
        """Sum of a value per entry, by unit."""
        if self.unit is None:
            return values
        return np.bincount(self.unit, values, len(self.owner)).astype(float)

    @cached_property
    def members(self) -> Floats:
        """Units that carry weight, per slice."""
        return self.sum(np.where(self.weight > 0, 1 / np.maximum(self.inverse, 1e-300), 0))

    @cached_property
    def kish(self) -> Floats:
        """Units of equal weight that would vary as much, per slice: (sum w)^2 / sum w^2."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.total**2 / self.sum(self.weight**2 * self.inverse))

    def residuals(self, influence: Floats) -> Floats:
        """Influence of each unit over 1 - its share of the slice's weight, as if it were left out (CR3)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.weight * self.inverse / self.total[self.owner]
            return np.asarray(np.where(share < 1, self.gathered(influence) / (1 - share), 0))

    def variance(self, influence: Floats) -> tuple[Floats, Floats]:
        """Variance of a sum of influences in each slice, and its degrees of freedom.

        The jackknife's, known as CR3: each unit's residual is divided by 1 - its share of the weight (R. M.
        Bell, D. F. McCaffrey 2002, Surv. Methodol. 28:169-181), and (C - 1) / C times their squares are
        summed over C units. Degrees of freedom are (sum u^2)^2 / sum u^4 (F. E. Satterthwaite 1946,
        Biometrics Bull. 2:110-114, each unit's square taken for a variance of one degree), at most Kish's
        units less one, at least 1.

        Parameters
        ----------
        influence : float array of shape (entries,)
            What each entry adds to the figure's error; sums to 0 in each slice.

        Returns
        -------
        variance, freedom : float arrays of shape (slices,)
            The variance is nan where there is one unit or none.
        """
        residuals = self.residuals(influence)
        # Of the largest numbers the fourth powers are no float: they are taken in units of a power of two.
        largest = float(np.abs(residuals).max(initial=0.0))
        unit = 2.0 ** np.floor(np.log2(largest)) if MOST_RESIDUAL < largest < np.inf else 1.0
        square = (residuals / unit) ** 2
        found = self.sum(square * self.inverse)
        fourth = self.sum(square**2 * self.inverse**3)
        members = self.members
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(members > 1, found * (members - 1) / members * unit**2, np.nan)
            freedom = np.where(fourth > 0, np.minimum(self.kish - 1, found**2 / fourth), self.kish - 1)
        return variance, np.maximum(np.nan_to_num(freedom, nan=1.0), 1)


def effective_rows(spread: Floats, variance: Floats, units: Units, most: Floats, clustered: bool) -> Floats:
    """Effective rows of a mean: the spread of one row over the variance of the mean.

    Never more than Kish's. Of clusters one's weight is given to rows that depend on each other wholly:
    few clusters that happen to be alike show too little of the dependence.

    Parameters
    ----------
    spread, variance : float arrays of shape (slices,)
        Variance of one row's value, and of the mean.
    units : Units
    most : float array of shape (slices,)
        Kish's rows.
    clustered : bool
        Whether units are clusters.
    """
    kish, members = units.kish, units.members
    if clustered:
        variance = (variance * members + spread / kish) / (members + 1)
    rows = np.minimum(np.where(variance > 1e-15, spread / variance, kish), most)
    return np.where(members > 1, rows, np.minimum(kish, 1))


def student(z: float, freedom: Floats) -> Floats:
    """Student's quantile that cuts off the same tail as ``z`` of the normal distribution."""
    from scipy.special import stdtrit

    # By the other tail, its mirror: far out 1 less the tail is 1, of which there is no quantile.
    return np.asarray(-stdtrit(freedom, tail_area(z)), float)
