"""Rows that depend on each other: what clusters leave of the rows, and of two slices that share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats

MOST_GAIN = 4.0
"""The most by which a covariance raises the effective rows of a pair: few clusters know it too badly."""


@dataclass(frozen=True)
class Dependence:
    """How far each cluster pulls a figure of a slice off its value.

    Attributes
    ----------
    owner, cluster : int arrays of shape (pairs,)
        Slice and cluster of each observed (slice, cluster) pair.
    pull : float array of shape (pairs,)
        Residual of the pair over the slice's denominator, larger by 1 / (1 - the cluster's share of it): what
        leaving the cluster out would change (CR3; R. M. Bell, D. F. McCaffrey 2002, Surv. Methodol.
        28:169-181).
    slices : int
    """

    owner: NDArray[np.intp]
    cluster: NDArray[np.intp]
    pull: Floats
    slices: int

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """Clusters of each slice."""
        return np.bincount(self.owner, minlength=self.slices)

    @cached_property
    def variance(self) -> Floats:
        """Variance of each slice's figure, the jackknife's over whole clusters."""
        squares = np.bincount(self.owner, self.pull**2, self.slices)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(squares * (self.members - 1) / self.members)

    def covariance(self, slices: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Covariance of two slices' figures over the clusters that they share, pair by pair."""
        most = np.maximum(self.members[slices], self.members[others])
        by_owner, by_cluster = self._by_owner, self._by_cluster
        found = np.zeros(len(slices))
        asked = np.argsort(others, kind="stable")
        wanted, first = np.unique(others[asked], return_index=True)
        for other, here in zip(wanted.tolist(), np.split(asked, first[1:]), strict=True):
            mine = by_owner.of(other)
            # Only pairs of the clusters that this slice has.
            place, pairs = spans(*(ends[self.cluster[mine]] for ends in (by_cluster.start, by_cluster.count)))
            pairs = by_cluster.order[pairs]
            shared = self.pull[mine][place] * self.pull[pairs]
            found[here] = np.bincount(self.owner[pairs], shared, self.slices)[slices[here]]
        return np.asarray(found * (most - 1) / np.maximum(most, 1))

    @cached_property
    def _by_owner(self) -> _Grouped:
        return _Grouped.by(self.owner, self.slices)

    @cached_property
    def _by_cluster(self) -> _Grouped:
        return _Grouped.by(self.cluster, int(self.cluster.max(initial=-1)) + 1)

    def correlation(self, slices: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Correlation of two slices' figures, pair by pair, held below what `MOST_GAIN` allows."""
        one, two = self.variance[slices], self.variance[others]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.covariance(slices, others) / np.sqrt(one * two)
        return np.where(np.isfinite(found), np.clip(found, -1, 1 - 1 / MOST_GAIN), 0.0)

    def gain(self, slices: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """How many times the effective rows of two slices their difference is worth, at most `MOST_GAIN`.

        Above 1 where shared clusters pull both the same way, below where they pull them apart.
        """
        both = self.variance[slices] + self.variance[others]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = both / (both - 2 * self.covariance(slices, others))
        return np.where(np.isfinite(found) & (found > 0), np.minimum(found, MOST_GAIN), 1.0)

    def take(self, index: Sequence[int] | NDArray[np.intp]) -> Dependence:
        """The dependence of some slices, in this order."""
        wanted = np.asarray(index, np.intp)
        place = np.full(self.slices, -1, np.intp)
        place[wanted] = np.arange(len(wanted))
        kept = place[self.owner] >= 0
        return Dependence(place[self.owner[kept]], self.cluster[kept], self.pull[kept], len(wanted))


@dataclass(frozen=True)
class _Grouped:
    """Positions sorted by a code, with where each code starts and how many there are."""

    order: NDArray[np.intp]
    start: NDArray[np.intp]
    count: NDArray[np.intp]

    @classmethod
    def by(cls, codes: NDArray[np.intp], size: int) -> _Grouped:
        count = np.bincount(codes, minlength=size)
        return cls(np.argsort(codes, kind="stable"), np.cumsum(count) - count, count)

    def of(self, code: int) -> NDArray[np.intp]:
        start = self.start[code]
        return self.order[start : start + self.count[code]]


def spans(start: NDArray[np.intp], count: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of several spans one after the other, and the span that each is of.

    Returns
    -------
    span, position : int arrays of shape (sum of count,)
    """
    span = np.repeat(np.arange(len(count)), count)
    return span, np.arange(len(span)) + (start - np.cumsum(count) + count)[span]


def effective(
    owner: NDArray[np.intp],
    cluster: NDArray[np.intp],
    residual: Floats,
    base: Floats,
    spread: Floats,
    den: Floats,
    bound: Floats,
) -> tuple[Floats, Dependence]:
    """Effective denominator of a ratio over clusters: one row's spread over the variance between clusters.

    Few or unequal clusters give few degrees of freedom, those of Satterthwaite's approximation on the squared
    residuals, and Korn and Graubard's shrinkage by Student's t at 95 % for them (E. L. Korn, B. I. Graubard
    1998, Surv. Methodol. 24:193-201).

    Parameters
    ----------
    owner, cluster : int arrays of shape (pairs,)
        Slice and cluster of each (slice, cluster) pair.
    residual, base : float arrays of shape (pairs,)
        Numerator less ratio times denominator, and the denominator, of each pair.
    spread, den, bound : float arrays of shape (slices,)
        Variance of one row, the denominator, and the most effective rows that weights allow.
    """
    from scipy.special import stdtrit

    size = len(den)
    held = base > 0
    owner, cluster, residual, base = owner[held], cluster[held], residual[held], base[held]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = base / den[owner]
        pull = np.where(share < 1, residual / den[owner] / (1 - share), 0.0)
        found = Dependence(owner, cluster, pull, size)
        members = found.members
        kish = den**2 / np.bincount(owner, base**2, size)
        # One cluster's weight goes to rows that depend on each other wholly: where the ratio is near an end
        # of its range, few clusters show too little of the dependence.
        variance = (found.variance * members + spread / kish) / (members + 1)
        squares, fourths = (np.bincount(owner, pull**k, size) for k in (2, 4))
        freedom = np.fmin(kish - 1, squares**2 / fourths)
        shrink = (1.959964 / stdtrit(np.maximum(freedom, 1), 0.975)) ** 2
        rows = np.where(spread > 0, spread / variance, kish) * shrink
        return np.where(members > 1, np.minimum(rows, bound), np.minimum(kish, 1)), found
