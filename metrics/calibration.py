"""Calibration in ten equally wide bins: the expected error, its limits, a test, and the curve.

Everything rests on one covariance, that of the bins' gaps ``g_b = sum of w (score - label) / sum of all w``:
between rows the bins are taken as independent, between clusters their covariance is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codes import crossed
from .exact import clopper_pearson
from .figures import Figure
from .intervals import Floats, Limits, tail_area
from .scores import ScoreTable
from .units import Z95, Units, student

BINS = 10
EVIDENCE = 2.0
"""Effective rows whose label is open (sum of p (1 - p)) in each group of bins that a test compares."""
CLUSTERS = 20.0
"""Effective clusters for each group of bins that a test compares."""
SIGNS = np.array(list(product((-1.0, 1.0), repeat=BINS - 1)))

Bin = tuple[float, float, int, float, float, float, float]
"""Low, high, rows, mean score, rate, rate low, rate high."""


def bin_sums(table: ScoreTable) -> tuple[Floats, Floats]:
    """What `Calibration` rests on, by the table's slices and bins.

    Returns
    -------
    sums : float array of shape (slices, bins, 5)
        Rows, weight, squared weight, score sum and label sum.
    cumulants : float array of shape (slices, bins, 3)
        Second and fourth cumulant of the label sums were every score true: sums of w^2 q and of
        w^4 q (1 - 6 q) with q = p (1 - p), the cumulants of a Bernoulli variable, and of w^4 q.
    """
    code = table.codes * BINS + np.minimum((table.score * BINS).astype(np.int64), BINS - 1)

    def add(values: NDArray[Any]) -> Floats:
        return np.bincount(code, values, len(table.keys) * BINS).reshape(-1, BINS).astype(float)

    rows = add(table.count)
    weight, square = (add(table.weight), add(table.square)) if table.weighted else (rows, rows)
    positive = add(np.where(table.labels(), table.weight, 0))
    sums = np.stack([rows, weight, square, add(table.weight * table.score), positive], axis=-1)
    spread = table.score * (1 - table.score)
    second = table.square * spread
    # An entry of several rows, as in binned scores, holds rows of equal weight.
    fourth = table.square**2 / table.count * spread if table.weighted else second
    skewed, second_sum = add(fourth * (1 - 6 * spread)), add(second)
    fourth_sum = add(fourth) if table.weighted else second_sum
    return sums, np.stack([second_sum, skewed, fourth_sum], axis=-1)


@dataclass(frozen=True)
class ClusterCells:
    """The bins of each cluster that hold rows, in the order of the clusters and their bins.

    Attributes
    ----------
    unit, bin : int arrays of shape (cells,)
    weight, score, label : float arrays of shape (cells,)
        Sums of the weights, of the weighted scores, and of the weights where the label is positive.
    """

    unit: NDArray[np.int64]
    bin: NDArray[np.int64]
    weight: Floats
    score: Floats
    label: Floats

    @classmethod
    def of(cls, table: ScoreTable, unit: NDArray[np.int64]) -> ClusterCells:
        """Sum the entries of each unit by bin."""
        bins = np.minimum((table.score * BINS).astype(np.int64), BINS - 1)
        (units, held), place = crossed([unit, bins], [int(unit.max(initial=0)) + 1, BINS])
        values = (table.weight, table.weight * table.score, np.where(table.labels(), table.weight, 0))
        weight, score, label = (np.bincount(place, v, len(units)).astype(float, copy=False) for v in values)
        return cls(units, held, weight, score, label)


@dataclass(frozen=True)
class Calibration:
    """The bins of every slice.

    Parameters
    ----------
    sums : float array of shape (slices, bins, 5)
        As of `bin_sums`.
    cumulants : float array of shape (slices, bins, 3)
        As of `bin_sums`.
    clusters : Units or None
        The clusters of every slice; None where rows are independent.
    cells : ClusterCells or None
        Their sums in each bin.
    """

    sums: Floats
    cumulants: Floats
    clusters: Units | None = None
    cells: ClusterCells | None = None

    @cached_property
    def _parts(self) -> tuple[Floats, ...]:
        return tuple(np.moveaxis(self.sums, -1, 0))

    @cached_property
    def gaps(self) -> Floats:
        """What each bin adds to the mean of score - label, shape (slices, bins)."""
        _, weight, _, score, positive = self._parts
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((score - positive) / weight.sum(1, keepdims=True))

    @property
    def _clustered(self) -> tuple[ClusterCells, NDArray[np.int64]]:
        """The cells of the clusters, and each one's slice and bin as one number."""
        assert self.clusters is not None
        assert self.cells is not None
        return self.cells, np.asarray(self.clusters.owner[self.cells.unit] * BINS + self.cells.bin)

    def _apart_of(self, i: int) -> Floats:
        """Score less label of the clusters of a slice by bin, shape (units, bins)."""
        assert self.cells is not None
        cells, units = self.cells, self._of_slice(i)
        here = slice(*np.searchsorted(cells.unit, [units.start, units.stop]).tolist())
        out = np.zeros((units.stop - units.start, BINS))
        out[cells.unit[here] - units.start, cells.bin[here]] = cells.score[here] - cells.label[here]
        return out

    def _of_slice(self, i: int) -> slice:
        """The clusters of a slice; they stand slice by slice."""
        assert self.clusters is not None
        return slice(*np.searchsorted(self.clusters.owner, [i, i + 1]).tolist())

    @cached_property
    def _kish(self) -> Floats:
        assert self.clusters is not None
        return self.clusters.kish

    @cached_property
    def _effective(self) -> Floats:
        """Kish's rows, or clusters, of each bin, shape (slices, bins)."""
        _, weight, square, *_ = self._parts
        if self.clusters is not None:
            cells, place = self._clustered
            of_bins = np.bincount(place, cells.weight**2, square.size).astype(float, copy=False)
            square = of_bins.reshape(square.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(weight > 0, weight**2 / square, 1)

    @cached_property
    def _apart(self) -> Floats:
        """Variance of the gaps between independent units that are one row each, shape (slices, bins).

        Two rows of either label are added to each bin, so that no bin is taken as certain.
        """
        _, weight, _, _, positive = self._parts
        with np.errstate(divide="ignore", invalid="ignore"):
            share = weight / weight.sum(1, keepdims=True)
            rate = np.where(weight > 0, positive / weight, 0)
            rate = (rate * self._effective + 2) / (self._effective + 4)
            inside = share**2 * rate * (1 - rate) / self._effective
            # Which rows fall into the bin varies, too.
            falls = self.gaps**2 * (1 - share) / np.maximum(share, 1e-300) * share / self._effective
        return np.asarray(inside + np.where(weight > 0, falls, 0))

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the bins' gaps, shape (slices, bins, bins).

        Of clusters the jackknife's (CR3, see `Units.variance`), with one cluster's weight given to rows that
        depend on each other wholly.
        """
        alone = np.zeros((*self._apart.shape, BINS))
        alone[:, range(BINS), range(BINS)] = self._apart
        units = self.clusters
        if units is None:
            return alone
        found = np.empty_like(alone)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = units.weight / units.total[units.owner]
            factor = np.where(share < 1, 1 / (units.total[units.owner] * (1 - share)), 0)
            members = units.members
            for i in range(units.size):
                # One slice at a time: there may be as many clusters as rows.
                own, here = self._apart_of(i), self._of_slice(i)
                own -= units.weight[here, None] * self.gaps[i]
                own *= factor[here, None]
                found[i] = own.T @ own
            found *= ((members - 1) / members)[:, None, None]
            mixed = (found * members[:, None, None] + alone) / (members + 1)[:, None, None]
        return np.where(members[:, None, None] > 1, mixed, alone)

    def error(self, n: NDArray[np.int64], effective: Floats | None) -> Figure:
        """Expected calibration error ``sum of |g_b|``, with limits.

        The error of the figure is at most ``sum of |g_b - true g_b|``, the largest of ``s'(g - true g)`` over
        the 2^k vectors s of signs of the k bins that are used. Each of these is held by Student's quantile of
        its tail divided by 2^k (C. E. Bonferroni 1936), which is less than Scheffe's projection for every k;
        conservative, as the figure itself is biased upwards. The range [0, 1] is kept by cutting off.
        """
        value = np.abs(self.gaps).sum(1)
        used = np.maximum((self._parts[1] > 0).sum(1), 1)
        spread = np.sqrt(_largest(self.covariance) if self.clusters is not None else self._apart.sum(1))
        freedom = None if self.clusters is None else np.maximum(self.clusters.kish - 1, 1)

        @lru_cache(maxsize=8)
        def limits(z: float, scale: float) -> Limits:
            tails = 2 * tail_area(z) / 2.0**used
            most = np.array([-NormalDist().inv_cdf(t) for t in tails.tolist()])
            if freedom is not None:
                most = np.array([student(m, f * scale) for m, f in zip(most.tolist(), freedom, strict=True)])
            half = most * spread / np.sqrt(scale)
            return np.maximum(value - half, 0), np.minimum(value + half, 1)

        return Figure(value, n, limits, "signs", effective)

    def debiased(self) -> Floats:
        """Expected calibration error less what chance alone adds to it, shape (slices,).

        ``sum of sqrt(max(0, g_b^2 - variance of g_b))``: the squares are free of bias (A. Kumar, P. Liang, T.
        Ma 2019, Verified Uncertainty Calibration, NeurIPS; J. Broecker 2012, Clim. Dyn. 39:655-667), the root
        and the cut at 0 leave about two fifths of it where the model is calibrated.
        """
        variance = np.diagonal(self.covariance, axis1=1, axis2=2)
        undefined = ~np.isfinite(self.gaps).all(1)
        return np.where(undefined, np.nan, np.sqrt(np.maximum(self.gaps**2 - variance, 0)).sum(1))

    def p(self) -> Floats:
        """P-value of perfect calibration in the bins, shape (slices,); nan where the rows say too little.

        Neighbouring bins are joined into groups that hold evidence: ``EVIDENCE`` effective rows each, and
        ``CLUSTERS`` effective clusters each. Between rows the gaps' variance is known once every score is
        true, as in D. J. Spiegelhalter (1986, Stat. Med. 5:421-433); the sum of their squares over it is
        taken for a multiple of a chi-square with its exact mean and variance (G. Osius, D. Rojek 1992, JASA
        87:1145-1152). Between clusters it is Hotelling's T^2 (1931, Ann. Math. Stat. 2:360-378) on the
        sums of the clusters, with Kish's number of them.
        """
        out = np.full(len(self.gaps), np.nan)
        for i, (second, skewed, fourth) in enumerate(np.moveaxis(self.cumulants, -1, 1)):
            total = second.sum()
            # Rows of equal weight whose labels would be as open.
            evidence = total**2 / fourth.sum() if total > 0 else 0.0
            groups = int(min(BINS, evidence / EVIDENCE))
            if groups < 1:
                continue
            joined = np.minimum((np.cumsum(second) - second / 2) / total * groups, groups - 1).astype(int)
            if self.clusters is None:
                out[i] = self._p_rows(i, joined, second, skewed)
            else:
                out[i] = self._p_clusters(i, self._apart_of(i), second, total)
        return out

    def _p_rows(self, i: int, joined: NDArray[Any], second: Floats, skewed: Floats) -> float:
        from scipy.special import gammaincc

        weight = self._parts[1][i].sum()
        gaps, variance, fourth = (np.bincount(joined, v) for v in (self.gaps[i] * weight, second, skewed))
        held = variance > 0
        statistic = float(np.sum(gaps[held] ** 2 / variance[held]))
        mean, spread = float(held.sum()), float(np.sum(fourth[held] / variance[held] ** 2 + 2))
        # a times a chi-square of f degrees of freedom has mean a f and variance 2 a^2 f.
        multiple, degrees = spread / 2 / mean, 2 * mean**2 / spread
        return float(gammaincc(degrees / 2, statistic / multiple / 2))

    def _p_clusters(self, i: int, own: Floats, second: Floats, total: float) -> float:
        from scipy.special import fdtrc

        units = self.clusters
        assert units is not None
        kish = float(self._kish[i])
        groups = int(min(BINS, max(kish / CLUSTERS, 1)))
        if kish <= groups + 1:
            return float("nan")
        joined = np.minimum((np.cumsum(second) - second / 2) / total * groups, groups - 1).astype(int)
        apart = np.stack([own[:, joined == g].sum(1) for g in np.unique(joined)], axis=1)
        size, used = len(apart), apart.shape[1]
        centred = apart - apart.mean(0)
        covariance = centred.T @ centred * size / (size - 1)
        if np.linalg.matrix_rank(covariance) < used:
            return float("nan")
        sums = apart.sum(0)
        statistic = float(sums @ np.linalg.solve(covariance, sums))
        freedom = kish - used
        return float(fdtrc(used, freedom, statistic * freedom / ((kish - 1) * used)))

    def curve(self, z: float) -> list[list[Bin]]:
        """The used bins of every slice, the rate with exact limits on the effective rows."""
        rows, weight, _, score, positive = self._parts
        with np.errstate(divide="ignore", invalid="ignore"):
            mean, rate = score / weight, positive / weight
        effective = self._effective if self.clusters is None else self._clustered_rows(rate)
        low, high = clopper_pearson(rate * effective, effective, tail_area(z))
        step = 1 / BINS
        return [
            [
                (
                    b * step, (b + 1) * step, int(rows[s, b]), float(mean[s, b]), float(rate[s, b]),
                    float(low[s, b]), float(high[s, b]),
                )
                for b in range(BINS)
                if weight[s, b] > 0
            ]
            for s in range(len(weight))
        ]  # fmt: skip

    def _clustered_rows(self, rate: Floats) -> Floats:
        """Effective rows of each bin's rate: one row's variance over that between the clusters (CR3)."""
        cells, place = self._clustered
        _, total, square, *_ = (part.ravel() for part in self._parts)
        rate, shape = rate.ravel(), rate.shape
        # Each bin of a slice is a slice of its own, of the clusters that have rows there.
        units = Units(place, None, cells.weight, np.ones(len(place)), total)
        with np.errstate(divide="ignore", invalid="ignore"):
            influence = np.nan_to_num((cells.label - rate[place] * cells.weight) / total[place])
            variance, freedom = units.variance(influence)
            one = rate * (1 - rate)
            members, kish = units.members, units.kish
            variance = (variance * members + one / kish) / (members + 1)
            rows = np.where(one > 0, one / variance, kish) * (Z95 / student(Z95, freedom)) ** 2
            found = np.where(members > 1, np.minimum(rows, total**2 / square), np.minimum(kish, 1))
        return np.asarray(found.reshape(shape))


def _largest(covariance: Floats) -> Floats:
    """The largest variance of a sum of the bins with any signs, shape (slices,)."""
    signs = np.column_stack([np.ones(len(SIGNS)), SIGNS])
    return np.array([np.max(np.sum(signs @ v * signs, axis=1)) for v in covariance])
