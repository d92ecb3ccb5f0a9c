"""Distributions of a value compared between slices: the largest gap of two, and quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .counts import Clusters, Counts, Tally
from .exact import clopper_pearson
from .figures import Figure, ratio_figure
from .gathered import SlicedRows
from .intervals import Floats, Limits, tail_area
from .ratio import Ratio

BELOW = Ratio(lambda c: c.selected, lambda c: c.n)
GRID = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Shares at whose quantiles effective rows of a distribution are looked at."""

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Distributions:
    """The distribution of a value in every slice.

    Attributes
    ----------
    rows : SlicedRows
    values : float array of shape (rows,)
    """

    rows: SlicedRows
    values: Floats

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        order = np.argsort(self.values)
        return order[np.argsort(self.rows.slices[order].astype(np.int32), kind="stable")]

    @cached_property
    def _sorted(self) -> list[tuple[Floats, Floats]]:
        """Ascending values of each slice and the share of its weight up to each; none of no weight."""
        order = self._order
        ends = np.cumsum(self.rows.n)
        found = []
        for end, n in zip(ends.tolist(), self.rows.n.tolist(), strict=True):
            own = order[end - n : end]
            own = own[self.rows.weight[own] > 0] if self.rows.weighted else own
            weight = np.cumsum(self.rows.weight[own])
            found.append((self.values[own], weight / weight[-1] if len(own) else weight))
        return found

    def share_below(self, thresholds: Floats) -> Figure:
        """The share of each slice's rows up to a threshold, of shape (slices,) or one for all."""
        rows = self.rows
        low = self.values <= np.broadcast_to(thresholds, (rows.size,))[rows.slices]

        def counts(weight: Floats) -> Counts:
            return Counts(rows.sum(weight), selected=rows.sum(weight * low))

        clusters = None
        if rows.cluster is not None:
            pair, owner, cluster = rows.pairs
            sums = [np.bincount(pair, rows.weight * part, len(owner)).astype(float) for part in (1.0, low)]
            clusters = Clusters(
                owner.astype(np.intp), cluster.astype(np.intp), Counts(sums[0], selected=sums[1])
            )
        keys: list[tuple[str, ...]] = [(str(i),) for i in range(rows.size)]
        ones = np.ones(len(low))
        weights, squares = (counts(rows.weight), counts(rows.weight**2)) if rows.weighted else (None, None)
        return ratio_figure(BELOW, Tally(("slice",), keys, counts(ones), weights, squares, clusters))

    @cached_property
    def effective(self) -> Floats:
        """Effective rows of each slice's distribution: the fewest of its shares below some quantiles."""
        if self.rows.plain:
            return self.rows.n.astype(float)
        quantiles = [np.nan_to_num(self._at(np.full(self.rows.size, share))) for share in GRID]
        found = [self.share_below(each).binomial for each in quantiles]
        least = np.min([f.n for f in found if f is not None], axis=0)
        return np.asarray(np.fmin(least, self.rows.n))

    # ---- quantiles -----------------------------------------------------------------------------------

    def quantile(self, share: float) -> Figure:
        """The value below which a share of each slice's weight lies.

        The smallest value up to which at least that share lies (numpy's ``inverted_cdf``). Limits are the
        values at Clopper and Pearson's limits of the share, on effective rows (R. S. Woodruff 1952, JASA
        47:635-646; of plain rows those of order statistics), nan where no row is as far out.
        """
        value = self._at(np.full(self.rows.size, share))
        rows = self.rows.n.astype(float)
        if not self.rows.plain:
            known = np.nan_to_num(value)
            held = self.share_below(known).binomial
            assert held is not None
            rows = np.fmin(held.n, self.rows.n)

        @lru_cache(maxsize=16)
        def limits(z: float, scale: float) -> Limits:
            n = rows * scale
            low, high = clopper_pearson(share * n, n, tail_area(z))
            with np.errstate(divide="ignore", invalid="ignore"):
                unknown = (1 - share) ** n > tail_area(z), share**n > tail_area(z)
            return (
                np.where(unknown[0], np.nan, np.fmin(self._at(low), value)),
                np.where(unknown[1], np.nan, np.fmax(self._at(high, upper=True), value)),
            )

        return Figure(value, self.rows.n, limits, "woodruff", None if self.rows.plain else rows)

    def _at(self, shares: Floats, upper: bool = False) -> Floats:
        """Each slice's value at a share; of a share that is reached exactly the next one where ``upper``."""
        found = np.full(self.rows.size, np.nan)
        for i, (values, below) in enumerate(self._sorted):
            if len(values) and np.isfinite(shares[i]):
                # Shares are sums of weights: rounding must not move them by a row.
                aim = shares[i] + 1e-12 if upper else shares[i] - 1e-12
                place = np.searchsorted(below, aim, side="right" if upper else "left")
                found[i] = values[min(int(place), len(values) - 1)]
        return found

    # ---- Kolmogorov and Smirnov's gap -------------------------------------------------------------------

    def gaps(self, slices: Index, references: Index) -> Figure:
        """The largest gap between the distributions of two slices, pair by pair.

        The statistic of Kolmogorov and Smirnov, in [0, 1]; 0 is statistical parity of predicted numbers
        (A. Agarwal, M. Dudík, Z. S. Wu 2019, ICML '19). Limits are the gap less and more what the two
        empirical distributions can be off together, ``sqrt(log(2 / level) (1 / n + 1 / m) / 2)`` on effective
        rows (P. Massart 1990, Ann. Probab. 18:1269-1283; of two samples F. Wei, R. M. Dudley 2012, Stat.
        Probab. Lett. 82:636-644): they hold for any distribution, and are wide where gaps are large.

        Returns
        -------
        Figure
            Of the pairs; ``n`` is the smaller one's rows.
        """
        value = np.array([
            _gap(*self._sorted[i], *self._sorted[j])
            for i, j in zip(slices.tolist(), references.tolist(), strict=True)
        ])  # fmt: skip
        rows = self.effective[slices], self.effective[references]
        n = np.minimum(self.rows.n[slices], self.rows.n[references])
        effective = None if self.rows.plain else np.minimum(*rows)
        return Figure(value, n, _band(value, *rows), "massart", effective)

    def gap_to_all(self) -> Figure:
        """The largest gap between the distribution of each slice and that of all rows.

        That is the gap to the rows outside of the slice times their share of the weight, by which the limits
        of `gaps` shrink. 0 for a slice that is all there is.
        """
        rows = self.rows
        order = np.argsort(self.values)
        weight = np.cumsum(rows.weight[order])
        every = self.values[order], weight / weight[-1] if len(weight) else weight
        value = np.array([_gap(*own, *every) for own in self._sorted])
        outside = 1 - rows.total / max(float(rows.total.sum()), 1e-300)
        whole = self.effective
        weight_or_none = rows.weight if rows.weighted else None
        one = SlicedRows(np.zeros(len(rows.slices), np.int64), 1, weight_or_none, rows.cluster)
        total = float(Distributions(one, self.values).effective[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            band = _band(value / outside, whole, total * outside)

        def limits(z: float, scale: float) -> Limits:
            low, high = band(z, scale)
            alone = outside <= 0
            return np.where(alone, 0, low * outside), np.where(alone, 0, np.minimum(high, 1) * outside)

        return Figure(value, rows.n, limits, "massart", None if rows.plain else whole)


def _gap(one: Floats, one_below: Floats, other: Floats, other_below: Floats) -> float:
    """The largest distance of two step functions, of ascending values and the shares up to each."""
    if not len(one) or not len(other):
        return float("nan")
    if len(one) > len(other):
        one, one_below, other, other_below = other, other_below, one, one_below
    # Between two steps of the one the other only rises: the distance is largest at a step, or just before.
    found = 0.0
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for side in sides:
        shares = [
            np.append(0, below)[np.searchsorted(values, one, side=side)]
            for values, below in ((one, one_below), (other, other_below))
        ]
        found = max(found, float(np.abs(shares[0] - shares[1]).max()))
    return found


def _band(value: Floats, rows: Floats, others: Floats) -> Callable[[float, float], Limits]:
    """Limits of a largest gap: what both empirical distributions can be off, at a level for either limit."""

    @lru_cache(maxsize=16)
    def limits(z: float, scale: float) -> Limits:
        with np.errstate(divide="ignore", invalid="ignore"):
            half = np.sqrt(np.log(2 / tail_area(z)) / 2 * (1 / (rows * scale) + 1 / (others * scale)))
            return np.maximum(value - half, 0), np.minimum(value + half, 1)

    return limits
