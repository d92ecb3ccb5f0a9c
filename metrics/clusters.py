"""Rows that depend on each other: what clusters leave of the rows, and of two slices that share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats

MOST_GAIN = 4.0
"""The most by which a covariance raises the effective rows of a pair: few clusters know it too badly."""


MOST_PRODUCTS, FEW_PAIRS = 30_000_000, 1_000_000
"""Products of pulls that are taken at once, and of how many pairs of slices their sums are always kept."""


@dataclass(frozen=True)
class Dependence:
    """What clusters do to a figure of some slices, and to two of them that share clusters.

    Each cluster pulls the figure of a slice off its value; kept are sums of products of these pulls, and the
    pulls themselves only where these sums would be more.

    Attributes
    ----------
    members : int array of shape (all slices,)
        Clusters of each slice.
    squares : float array of shape (all slices,)
        Sum of the squared pulls of each slice.
    products : array of shape (all slices, all slices), maybe sparse, or None
        Sums of the products of two slices' pulls over the clusters that they share.
    pulls : sparse array of shape (all slices, clusters) or None
        Set where ``products`` is not.
    chosen : int array of shape (slices,)
        The slices that are spoken of.
    in_ratios : bool
        Whether limits of ratios of two slices count it, too: slices that draw from one total pull apart.
    """

    members: NDArray[np.int64]
    squares: Floats
    products: Any
    pulls: Any
    chosen: NDArray[np.intp]
    in_ratios: bool = False

    @classmethod
    def of(
        cls,
        owner: NDArray[np.intp],
        cluster: NDArray[np.intp],
        pull: Floats,
        slices: int,
        times: NDArray[np.int64] | None = None,
        together: Any = None,
    ) -> Dependence:
        """The dependence of all slices.

        Parameters
        ----------
        owner, cluster : int arrays of shape (pairs,)
            Slice and cluster of each observed (slice, cluster) pair.
        pull : float array of shape (pairs,)
            Residual of the pair over the slice's denominator, larger by 1 / (1 - the cluster's share of it):
            what leaving the cluster out would change (CR3; R. M. Bell, D. F. McCaffrey 2002, Surv. Methodol.
            28:169-181).
        times, together
            As of `Clusters`, where ``cluster`` is a profile of many.
        """
        from scipy.sparse import csr_array

        if times is not None:
            members = np.bincount(owner, times, slices).astype(np.int64)
            squares = np.bincount(owner, times * np.square(pull), slices).astype(float)
            pulls = csr_array((pull, (owner, cluster)), (slices, together.shape[0]))
            return cls(members, squares, (pulls @ together @ pulls.T).toarray(), None, np.arange(slices))
        members = np.bincount(owner, minlength=slices)
        squares = np.bincount(owner, np.square(pull), slices).astype(float)
        pulls = csr_array((pull, (owner, cluster)), (slices, int(cluster.max(initial=-1)) + 1))
        shared = np.bincount(cluster).astype(float)
        products, few = None, slices**2 <= FEW_PAIRS
        if shared @ shared <= (MOST_PRODUCTS if few else 4 * len(owner)):
            products, pulls = pulls @ pulls.T, None
            products = products.toarray() if few else products
        return cls(members, squares, products, pulls, np.arange(slices))

    @property
    def variance(self) -> Floats:
        """Variance of each slice's figure, the jackknife's over whole clusters."""
        members = self.members[self.chosen]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.squares[self.chosen] * (members - 1) / members)

    def covariance(self, slices: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Covariance of two slices' figures over the clusters that they share, pair by pair."""
        slices, others = self.chosen[slices], self.chosen[others]
        most = np.maximum(self.members[slices], self.members[others])
        return np.asarray(self._shared(slices, others) * (most - 1) / np.maximum(most, 1))

    def _shared(self, slices: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        if self.products is not None:
            return np.asarray(self.products[slices, others], float).reshape(-1)
        found = np.zeros(len(slices))
        for other in np.unique(others).tolist():
            here = others == other
            found[here] = (self.pulls[[other]] @ self.pulls.T).toarray()[0, slices[here]]
        return found

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
        return replace(self, chosen=self.chosen[np.asarray(index, np.intp)])


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
    times: NDArray[np.int64] | None = None,
    together: Any = None,
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
    times, together
        As of `Clusters`, where a pair stands for many of equal counts.
    """
    from scipy.special import stdtrit

    size = len(den)
    held = base > 0
    owner, cluster, residual, base = owner[held], cluster[held], residual[held], base[held]
    times = None if times is None else times[held]
    each = 1 if times is None else times
    with np.errstate(divide="ignore", invalid="ignore"):
        share = base / den[owner]
        pull = np.where(share < 1, residual / den[owner] / (1 - share), 0.0)
        found = Dependence.of(owner, cluster, pull, size, times, together)
        members = found.members
        kish = den**2 / np.bincount(owner, each * base**2, size)
        # One cluster's weight goes to rows that depend on each other wholly: where the ratio is near an end
        # of its range, few clusters show too little of the dependence.
        variance = (found.variance * members + spread / kish) / (members + 1)
        fourths = np.bincount(owner, each * np.square(np.square(pull)), size)
        freedom = np.fmin(kish - 1, found.squares**2 / fourths)
        shrink = (1.959964 / stdtrit(np.maximum(freedom, 1), 0.975)) ** 2
        rows = np.where(spread > 0, spread / variance, kish) * shrink
        return np.where(members > 1, np.minimum(rows, bound), np.minimum(kish, 1)), found
