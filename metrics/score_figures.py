"""Figures of raw scores per slice: AUC, Brier, log loss, calibration, distributions, ROC curves.

All slices of a partition are computed together from one sorted table, by sums over tie groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .areas import Ranking, area_limits
from .areas import roc as roc_curve
from .calibration import Bin, Calibration, ClusterCells, bin_sums
from .clusters import Dependence
from .codes import crossed
from .figures import Figure
from .intervals import Floats, Limits
from .means import BINS, Atoms, binned, mean_limits, own_atoms, points
from .score_values import SCORE, Value
from .scores import ScoreTable
from .ties import tied_bins, tied_rows
from .units import Z95, Units, effective_rows, student

HISTOGRAM_BINS = 20


@dataclass(frozen=True)
class Curves:
    """What of the scores is drawn rather than tabled; one entry per slice.

    Attributes
    ----------
    n, mean, sd : arrays of shape (slices,)
    edges : float array of shape (bins + 1,)
    histogram : int array of shape (slices, bins)
    calibration : list of list of (low, high, n, mean score, rate, rate low, rate high)
    roc : list of list of (false positive rate, true positive rate)
    """

    n: NDArray[np.int64]
    mean: Floats
    sd: Floats
    edges: Floats
    histogram: NDArray[np.int64]
    calibration: list[list[Bin]]
    roc: list[list[tuple[float, float]]]


class SlicedScores:
    """The scores of the slices of some columns, with each figure as a method.

    Sums are taken from those of the table's own slices, which are computed once for all partitions;
    only ranks (AUC, ROC) and clusters look at the entries again.

    Parameters
    ----------
    table : ScoreTable
    by : sequence of str
        Slice columns; none for the whole set.
    keys : sequence of tuple of str
        The slices, in the order in which figures are wanted.
    """

    def __init__(self, table: ScoreTable, by: Sequence[str], keys: Sequence[tuple[str, ...]]) -> None:
        self.table = table
        self.size = len(keys)
        self.owner = table.project(by, keys)
        rows, self.weight, self.square = (self._fold(sums) for sums in table.totals)
        self.n = rows.astype(np.int64)

    def _fold(self, sums: Floats) -> Floats:
        """Sums of the table's slices (first axis) added up to the slices of this partition."""
        out = np.zeros((self.size, *sums.shape[1:]))
        np.add.at(out, self.owner, sums)
        return out

    def _effective(self) -> Floats | None:
        if not self.table.weighted:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.weight**2 / self.square)

    def _moments(self, value: Value) -> tuple[Floats, Floats, Floats | None]:
        """Mean of a value of the entries, its linearised variance and degrees of freedom, per slice.

        Degrees of freedom are None for plain rows.
        """
        table = self.table
        base = table.cached(f"moments {value.name}", lambda: _moments(table, value.across(table)))
        first, weighted, second = np.moveaxis(self._fold(base), -1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = first / self.weight
            if table.cluster is not None or table.weighted:
                return mean, *self.units.variance(self._pull_on_mean(value, mean))
            spread = np.maximum(second - 2 * mean * weighted + mean**2 * self.square, 0)
            return mean, np.asarray(spread / self.weight**2 * self.n / (self.n - 1)), None

    def mean_and_sd(self) -> tuple[Floats, Floats]:
        """Mean of the scores and their standard deviation, per slice."""
        table = self.table
        base = table.cached(f"moments {SCORE.name}", lambda: _moments(table, table.score))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self._fold(base)[:, 0] / self.weight
            second = self._fold(table.cached("squares", lambda: table.sum(table.weight * table.score**2)))
            spread = np.maximum(second / self.weight - mean**2, 0) * self.n / (self.n - 1)
        return mean, np.sqrt(spread)

    @cached_property
    def units(self) -> Units:
        """What varies independently: entries or clusters."""
        table = self.table
        if table.cluster is not None:
            owner, _, pair = self._pairs
            weight = np.bincount(pair, table.weight, len(owner)).astype(float)
            return Units(owner, pair, weight, np.ones(len(owner)), self.weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(table.weight > 0, table.square / table.weight**2, 1)
        return Units(self.entry_slices, None, table.weight, inverse, self.weight)

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.intp]]:
        """Slice and cluster of each observed pair of them, and each entry's pair."""
        cluster = self.table.cluster
        assert cluster is not None
        sizes = [self.size, int(cluster.max(initial=0)) + 1]
        (owner, other), pair = crossed([self.entry_slices, cluster], sizes)
        return owner, other, pair

    def dependence(self, influence: Floats) -> Dependence | None:
        """How clusters pull on a figure, from what each entry adds to its error; None without clusters."""
        if self.table.cluster is None:
            return None
        owner, cluster, _ = self._pairs
        return Dependence.of(owner, cluster, self.units.residuals(influence), self.size)

    def _kish(self, chosen: NDArray[np.bool_] | None = None) -> Floats:
        """Units of equal weight that would vary as much: (sum w)^2 / sum w^2 over rows or clusters."""
        table = self.table
        some = 1 if chosen is None else chosen
        if table.cluster is None:
            squares = self._fold(table.sum(table.square * some))
        else:
            owner, _, pair = self._pairs
            squares = np.bincount(owner, np.bincount(pair, table.weight * some) ** 2, self.size).astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._fold(table.sum(table.weight * some)) ** 2 / squares)

    def _rows_behind(self, value: Value, mean: Floats, variance: Floats) -> Floats:
        """Effective rows of a mean, from the spread of the values."""
        table = self.table
        if table.cluster is None and not table.weighted:
            return self.n.astype(float)
        base = table.cached(
            f"squares {value.name}", lambda: table.sum(table.weight * value.across(table) ** 2)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.maximum(self._fold(base) / self.weight - mean**2, 0)
            most = self.weight**2 / self.square
            return effective_rows(spread, variance, self.units, most, table.cluster is not None)

    @cached_property
    def entry_slices(self) -> NDArray[np.int64]:
        """Each entry's slice."""
        return self.owner[self.table.codes]

    def _clustered(self, influence: Floats) -> Floats:
        """Variance of a sum of influences per unit of weight, whole clusters taken together.

        Few degrees of freedom widen it at 95 %. Of a single cluster, which shows no spread, it is what one
        row that is 0 or 1 has.
        """
        variance, freedom = self.units.variance(self.table.weight * influence)
        return np.where(np.isnan(variance), 0.25, variance * (student(Z95, freedom) / Z95) ** 2)

    def mean(self, value: Value) -> Figure:
        """The mean of a value of the rows, with limits from its whole distribution (`mean_limits`).

        Probabilities, Brier score and calibration bias have ends of their own. One more row could have any
        loss that the scores of its slice allow. Scores of no range have the ends that the rows show, drawn
        out on the longer side (`stretched`), and limits never inside of Student's.
        """
        mean, variance, freedom = self._moments(value)
        rows = self._rows_behind(value, mean, variance)
        effective = self._effective() if self.table.cluster is None else rows
        if value.free and not self.table.probability:
            limits, method = self._skewed(mean, variance, rows, freedom), "skewed-mean"
        else:
            limits, method = mean_limits(mean, self._common_atoms(value), rows, freedom), "bounded-mean"
        dependence = None if self.table.cluster is None else self.dependence(self._pull_on_mean(value, mean))
        return Figure(mean, self.n, limits, method, effective, dependence=dependence)

    def _pull_on_mean(self, value: Value, mean: Floats) -> Floats:
        """What each entry adds to the error of a mean."""
        own = self.table.weight * (value.across(self.table) - mean[self.entry_slices])
        return np.asarray(own / self.weight[self.entry_slices])

    def _skewed(
        self, mean: Floats, variance: Floats, rows: Floats, freedom: Floats | None
    ) -> Callable[[float, float], Limits]:
        drawn = mean_limits(mean, self._own_atoms(mean, rows), rows, freedom)
        error = np.sqrt(variance)
        few = np.maximum(self.n - 1.0, 1) if freedom is None else freedom

        def limits(z: float, scale: float) -> Limits:
            low, high = drawn(z, scale)
            with np.errstate(invalid="ignore"):
                half = student(z, np.maximum(few * scale, 1)) * error / np.sqrt(scale)
            # Where neither extremes nor a spread are known there are no limits.
            unknown = np.isnan(low)
            return (
                np.where(unknown, np.nan, np.fmin(low, mean - half)),
                np.where(unknown, np.nan, np.fmax(high, mean + half)),
            )

        return limits

    def _common_atoms(self, value: Value) -> Atoms:
        """The distribution of a value whose range is known, from sums over the table's own slices."""
        table, size = self.table, len(self.table.keys)

        def sums() -> Floats:
            found = value.across(table)
            return binned(table.codes * BINS + value.bins(found), size, table.weight, found)

        edges = value.edges
        low, high = np.full(self.size, edges[0]), np.full(self.size, edges[-1])
        if value.grows:
            smallest, largest = self._extremes()
            whole = np.ones(self.size, bool)
            high = np.maximum(value.of(smallest, whole), value.of(largest, ~whole))
        return Atoms(*points(self._fold(table.cached(f"atoms {value.name}", sums)), edges), low, high)

    def _own_atoms(self, mean: Floats, rows: Floats) -> Atoms:
        """The distribution of scores of no range, over that which each slice shows."""
        table = self.table
        # Equal scores show no range: one more row could have any score of the whole table.
        whole = (table.score[0], table.score[-1]) if len(table) else (np.nan, np.nan)
        return own_atoms(
            self.entry_slices, table.weight, table.score, mean, rows, self._extremes(),
            (np.nan, np.nan) if whole[0] == whole[1] else whole,
        )  # fmt: skip

    def _extremes(self) -> tuple[Floats, Floats]:
        """Smallest and largest score of each slice; infinite where there is none."""
        found = self.table.extremes
        low, high = np.full(self.size, np.inf), np.full(self.size, -np.inf)
        np.minimum.at(low, self.owner, found[0])
        np.maximum.at(high, self.owner, found[1])
        return low, high

    def auc(self) -> Figure:
        """Area under the ROC curve, ties counted half; limits from DeLong's variance.

        Weighted rows enter with their weights, clusters through the sums of their members' placements
        (N. A. Obuchowski 1997, Biometrics 53:567-578).
        """
        ranks = self.ranking

        @lru_cache(maxsize=16)
        def limits(z: float, scale: float) -> Limits:
            m, n = ranks.positives * scale, ranks.negatives * scale
            return area_limits(ranks.area, ranks.variance / scale, m, n, z)

        least = np.minimum(ranks.positives, ranks.negatives)
        return Figure(
            ranks.area, self.n, limits, "delong", self._effective(), dependence=ranks.dependence, least=least
        )

    @cached_property
    def ranking(self) -> Ranking:
        """AUC with its variance and the ROC curves, from one pass over the sorted entries."""
        table = self.table
        if table.exact:
            ties = tied_rows(table, self.entry_slices, self.size)
        else:
            ties = tied_bins(table, self.owner, self.size)
        each, sliced, dependence = ties.each, ties.sum, None
        # Without weights rows are counted, which is the same.
        positive, negative = ties.sums("weight" if table.weighted else "count")
        total_p, total_n = sliced(positive), sliced(negative)
        rows_p, rows_n = (sliced(v) for v in ties.sums("count")) if table.weighted else (total_p, total_n)
        # Weight on the far side of each group within its slice; half of its own weight makes midranks.
        below = np.cumsum(negative) - negative / 2 - each(np.cumsum(total_n) - total_n)
        above = each(np.cumsum(total_p)) - np.cumsum(positive) + positive / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            place_p, place_n = below / each(total_n), above / each(total_p)
            area = sliced(positive * place_p) / total_p
            if table.cluster is None:
                square_p, square_n = ties.sums("square") if table.weighted else (positive, negative)
                middle = each(area)
                spread_p = sliced(square_p * (place_p - middle) ** 2) / total_p**2
                spread_n = sliced(square_n * (place_n - middle) ** 2) / total_n**2
                variance = spread_p * rows_p / (rows_p - 1) + spread_n * rows_n / (rows_n - 1)
            else:
                entry, order, label = ties.entry, ties.order, ties.label
                own = each(np.arange(self.size))[entry]
                share = np.where(label, place_p[entry] / total_p[own], place_n[entry] / total_n[own])
                share -= area[own] / np.where(label, total_p[own], total_n[own])
                influence = np.empty_like(share)
                influence[order] = share
                variance = self._clustered(influence)
                dependence = self.dependence(table.weight * influence)
            rounding = np.zeros(1) if table.exact else sliced(positive * negative) / 2 / (total_p * total_n)
        defined = (rows_p > 0) & (rows_n > 0)
        if table.weighted or table.cluster is not None:
            rows_p, rows_n = self._effective_rows(area, variance, rows_p, rows_n)
        return Ranking(
            np.where(defined, area, np.nan),
            variance,
            rows_p,
            rows_n,
            roc_curve(positive, negative, np.append(0, np.cumsum(ties.groups))),
            float(np.nanmax(rounding, initial=0.0)),
            dependence,
        )

    def _effective_rows(
        self, area: Floats, variance: Floats, positive: Floats, negative: Floats
    ) -> tuple[Floats, Floats]:
        """Rows of either label after weights; after clusters, too, where DeLong's variance is 0."""
        label = self.table.labels()
        kish = self._kish(label), self._kish(~label)
        if self.table.cluster is None:
            return kish
        # No spread between clusters, or a single one: each cluster then counts as one row.
        sure = (area == 0) | (area == 1) | (variance < 1e-15) | (self.units.members < 2)
        return np.where(sure, kish[0], positive), np.where(sure, kish[1], negative)

    @cached_property
    def calibration(self) -> Calibration:
        """The scores' bins, with their rates and what follows from them."""
        table = self.table
        base = table.cached("calibration", lambda: np.concatenate(bin_sums(table), axis=-1))
        sums, cumulants = np.split(self._fold(base), [5], axis=-1)
        if table.cluster is None:
            return Calibration(sums, cumulants)
        units = self.units
        assert units.unit is not None
        return Calibration(sums, cumulants, units, ClusterCells.of(table, units.unit))

    def calibration_error(self) -> Figure:
        """Expected calibration error over ten equally wide bins."""
        return self.calibration.error(self.n, self._effective())

    def curves(self, probability: bool, z: float) -> Curves:
        """Distribution, calibration curve and ROC curve of each slice."""
        table = self.table
        mean, sd = self.mean_and_sd()
        low, high = (0.0, 1.0) if probability or not len(table) else (table.score[0], table.score[-1])
        # Numbers that rounding alone holds apart fill no bins.
        rounding = 1e-9 * max(abs(low), abs(high))
        edges = np.linspace(
            low, high if high - low > rounding else low + max(1, rounding), HISTOGRAM_BINS + 1
        )
        base = table.cached("histogram", lambda: _histogram(table, edges))
        none: list[list[Any]] = [[]] * self.size
        labelled = table.label is not None
        return Curves(
            self.n,
            mean,
            sd,
            edges,
            self._fold(base).astype(np.int64),
            self.calibration.curve(z) if probability and labelled else none,
            self.ranking.roc if labelled else none,
        )


def _moments(table: ScoreTable, values: Floats) -> Floats:
    """Sums of w v, w^2 v and w^2 v^2 of the table's slices, shape (slices, 3)."""
    first = table.sum(table.weight * values) if table.weighted else table.sum(table.count * values)
    squared = table.square * values
    weighted = table.sum(squared) if table.weighted else first
    return np.stack([first, weighted, table.sum(squared * values)], axis=-1)


def _histogram(table: ScoreTable, edges: Floats) -> Floats:
    step = edges[1] - edges[0]
    bins = np.clip(((table.score - edges[0]) / step).astype(np.int64), 0, HISTOGRAM_BINS - 1)
    counts = np.bincount(table.codes * HISTOGRAM_BINS + bins, table.count, len(table.keys) * HISTOGRAM_BINS)
    return counts.reshape(-1, HISTOGRAM_BINS).astype(float)
