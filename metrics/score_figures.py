"""Figures of raw scores per slice: AUC, Brier, log loss, calibration, distributions, ROC curves.

All slices of a partition are computed together from one sorted table, by sums over tie groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .figures import Figure
from .intervals import Floats, Limits, chi_square_quantile, tail_area, wilson
from .scores import ScoreTable

CALIBRATION_BINS = 10
HISTOGRAM_BINS = 20
ROC_POINTS = 64


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
    calibration: list[list[tuple[float, float, int, float, float, float, float]]]
    roc: list[list[tuple[float, float]]]


@dataclass(frozen=True)
class Ranking:
    """What the order of the scores gives; one entry per slice.

    Attributes
    ----------
    area, variance : float arrays of shape (slices,)
        AUC (nan without rows of both labels) and its variance.
    positives, negatives : float arrays of shape (slices,)
        Effective rows of either label.
    roc : list of list of (false positive rate, true positive rate)
    rounding : float
        The most that counting scores in bins can move any slice's AUC; 0 for exact scores.
    """

    area: Floats
    variance: Floats
    positives: Floats
    negatives: Floats
    roc: list[list[tuple[float, float]]]
    rounding: float


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
        self.n = self._fold(table.sum(table.count)).astype(np.int64)
        self.weight = self._fold(table.sum(table.weight))
        self.square = self._fold(table.sum(table.square))

    def _fold(self, sums: Floats) -> Floats:
        """Sums of the table's slices (first axis) added up to the slices of this partition."""
        out = np.zeros((self.size, *sums.shape[1:]))
        np.add.at(out, self.owner, sums)
        return out

    def figure(self, name: str) -> Figure:
        """The score metric ``name`` of every slice; ValueError for an unknown name."""
        if name == "auc":
            return self.auc()
        if name == "expected_calibration_error":
            return self.calibration_error()
        if name in VALUES:
            return self._mean(name)
        raise ValueError(f"score metric must be a known one, got {name!r}")

    def _effective(self) -> Floats | None:
        if not self.table.weighted:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.weight**2 / self.square)

    def _moments(self, name: str) -> tuple[Floats, Floats]:
        """Mean of a value of the entries and the linearised variance of that mean, per slice."""
        table = self.table
        base = table.cached(f"moments {name}", lambda: _moments(table, _values(table, name)))
        first, weighted, second = np.moveaxis(self._fold(base), -1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = first / self.weight
            if table.cluster is not None:
                influence = (_values(table, name) - mean[self._slices]) / self.weight[self._slices]
                return mean, self._clustered(influence)
            spread = np.maximum(second - 2 * mean * weighted + mean**2 * self.square, 0)
            return mean, np.asarray(spread / self.weight**2 * self.n / (self.n - 1))

    @cached_property
    def _members(self) -> Floats:
        """Independent units of each slice: its rows, or its clusters."""
        if self.table.cluster is None:
            return self.n.astype(float)
        return np.bincount(self._pairs[0], minlength=self.size).astype(float)

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Slice of each observed (slice, cluster) pair, and each entry's pair."""
        cluster = self.table.cluster
        assert cluster is not None
        width = int(cluster.max(initial=0)) + 1
        pairs, inverse = np.unique(self._slices * width + cluster, return_inverse=True)
        return pairs // width, inverse.reshape(-1)

    def _kish(self, chosen: NDArray[np.bool_] | None = None) -> Floats:
        """Units of equal weight that would vary as much: (sum w)^2 / sum w^2 over rows or clusters."""
        table = self.table
        some = 1 if chosen is None else chosen
        if table.cluster is None:
            squares = self._fold(table.sum(table.square * some))
        else:
            owner, pair = self._pairs
            squares = np.bincount(owner, np.bincount(pair, table.weight * some) ** 2, self.size).astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._fold(table.sum(table.weight * some)) ** 2 / squares)

    def _rows_behind(self, name: str, mean: Floats, variance: Floats) -> Floats:
        """Effective rows of a mean: the spread of the values over the variance of their mean."""
        table = self.table
        base = table.cached(f"squares {name}", lambda: table.sum(table.weight * _values(table, name) ** 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = self._fold(base) / self.weight - mean**2
            rows = np.minimum(spread / variance, self.weight**2 / self.square)
            return np.where(variance > 1e-15, rows, self._kish())

    @property
    def _slices(self) -> NDArray[np.int64]:
        """Each entry's slice."""
        return self.owner[self.table.codes]

    def _clustered(self, influence: Floats) -> Floats:
        """Variance of a sum of influences per unit of weight, whole clusters taken together.

        Few clusters give few degrees of freedom, for which the variance is widened at 95 %.
        """
        owner, pair = self._pairs
        sums = np.bincount(pair, self.table.weight * influence)
        members = self._members
        from scipy.special import stdtrit

        wide = (stdtrit(np.maximum(members - 1, 1), 0.975) / 1.959964) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.bincount(owner, sums**2, self.size) * members / (members - 1) * wide)

    def _mean(self, name: str) -> Figure:
        """A mean over the rows: on labels with pseudo-rows of both, else (mean score) Student's."""
        mean, variance = self._moments(name)
        error = np.sqrt(variance)

        if name == "mean_score":

            def student(z: float, scale: float) -> Limits:
                from scipy.special import stdtrit

                with np.errstate(invalid="ignore"):
                    half = (
                        stdtrit(np.maximum(self.n * scale - 1, 1), 1 - tail_area(z)) * error / np.sqrt(scale)
                    )
                return mean - half, mean + half

            return Figure(mean, self.n, student, "student", self._effective())

        rows = self._rows_behind(name, mean, variance)
        base = self.table.cached(f"either {name}", lambda: _either_label(self.table, name))
        with np.errstate(divide="ignore", invalid="ignore"):
            prior, second = np.moveaxis(self._fold(base), -1, 0) / self.weight
            spread, prior_spread = variance * rows, second - prior**2

        limits = pseudo_row_limits(mean, spread, rows, prior, prior_spread)
        return Figure(mean, self.n, limits, "pseudo-rows", self._effective())

    def auc(self) -> Figure:
        """Area under the ROC curve, ties counted half; limits from DeLong's variance.

        Weighted rows enter with their weights, clusters through the sums of their members' placements
        (N. A. Obuchowski 1997, Biometrics 53:567-578).
        """
        ranks = self.ranking

        def limits(z: float, scale: float) -> Limits:
            m, n = ranks.positives * scale, ranks.negatives * scale
            return _auc_limits(ranks.area, ranks.variance / scale, m, n, z)

        return Figure(ranks.area, self.n, limits, "delong", self._effective())

    @cached_property
    def ranking(self) -> Ranking:
        """AUC with its variance and the ROC curves, from one pass over the sorted entries."""
        table = self.table
        label = table.labels()
        slices = self._slices
        order = None
        if self.size > 1:
            # The table is sorted by score: a stable sort by slice leaves each slice's scores sorted.
            order = np.argsort(slices.astype(np.int16 if self.size < 2**15 else np.int64), kind="stable")
            label = label[order]
        tie = table.tie if order is None else table.tie[order]
        ends = np.cumsum(self._fold(table.sum(np.ones(len(tie)))), dtype=np.int64)
        first = np.ones(len(tie), bool)
        first[1:] = tie[1:] != tie[:-1]
        first[ends[:-1][ends[:-1] < len(tie)]] = True
        new = np.flatnonzero(first)
        groups = np.diff(np.searchsorted(new, ends), prepend=0)
        owner = np.repeat(np.arange(self.size), groups)
        held = np.flatnonzero(groups)
        starts = (np.cumsum(groups) - groups)[held]

        def grouped(values: NDArray[Any]) -> tuple[Floats, Floats]:
            """Sums of the positive and the negative entries of each group of tied scores."""
            if plain:
                positive = np.add.reduceat(label, new, dtype=np.int64).astype(float)
                return positive, np.diff(new, append=len(tie)) - positive
            chosen = values if order is None else values[order]
            positive = np.add.reduceat(np.where(label, chosen, 0), new).astype(float)
            return positive, np.add.reduceat(chosen, new) - positive

        def sliced(values: Floats) -> Floats:
            # Groups stand slice by slice; a slice without scores has none.
            out = np.zeros(self.size)
            out[held] = np.add.reduceat(values, starts) if len(held) else 0
            return out

        plain = table.exact and not table.weighted
        positive, negative = grouped(table.weight)
        total_p, total_n = sliced(positive), sliced(negative)
        rows_p, rows_n = (total_p, total_n) if plain else (sliced(v) for v in grouped(table.count))
        # Weight on the far side of each group within its slice; half of its own weight makes midranks.
        below = np.cumsum(negative) - negative / 2 - (np.cumsum(total_n) - total_n)[owner]
        above = np.cumsum(total_p)[owner] - np.cumsum(positive) + positive / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            place_p, place_n = below / total_n[owner], above / total_p[owner]
            area = sliced(positive * place_p) / total_p
            if table.cluster is None:
                square_p, square_n = grouped(table.square) if table.weighted else (positive, negative)
                spread_p = sliced(square_p * (place_p - area[owner]) ** 2) / total_p**2
                spread_n = sliced(square_n * (place_n - area[owner]) ** 2) / total_n**2
                variance = spread_p * rows_p / (rows_p - 1) + spread_n * rows_n / (rows_n - 1)
            else:
                entry = np.repeat(np.arange(len(new)), np.diff(np.append(new, len(tie))))
                own = owner[entry]
                share = np.where(label, place_p[entry] / total_p[own], place_n[entry] / total_n[own])
                share -= area[own] / np.where(label, total_p[own], total_n[own])
                influence = np.empty_like(share)
                influence[slice(None) if order is None else order] = share
                variance = self._clustered(influence)
            rounding = np.zeros(1) if table.exact else sliced(positive * negative) / 2 / (total_p * total_n)
        defined = (rows_p > 0) & (rows_n > 0)
        if not plain:
            rows_p, rows_n = self._effective_rows(area, rows_p, rows_n)
        return Ranking(
            np.where(defined, area, np.nan),
            variance,
            rows_p,
            rows_n,
            _roc(positive, negative, np.searchsorted(owner, np.arange(self.size + 1))),
            float(np.nanmax(rounding, initial=0.0)),
        )

    def _effective_rows(self, area: Floats, positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
        """Rows of either label after weights; after clusters, too, where DeLong's variance is 0."""
        label = self.table.labels()
        kish = self._kish(label), self._kish(~label)
        if self.table.cluster is None:
            return kish
        sure = (area == 0) | (area == 1)
        return np.where(sure, kish[0], positive), np.where(sure, kish[1], negative)

    def _bins(self) -> tuple[Floats, ...]:
        """Rows, weight, squared weight, score sum and label sum, arrays of shape (slices, bins)."""
        table = self.table
        base = table.cached("calibration bins", lambda: _calibration_sums(table))
        return tuple(np.moveaxis(self._fold(base), -1, 0))

    def calibration_error(self) -> Figure:
        """Expected calibration error over ten equally wide bins, with Scheffe limits."""
        _, weight, square, score, positive = self._bins()
        total = weight.sum(1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            gaps = np.abs(score - positive) / total
            effective = np.where(weight > 0, weight**2 / square, 1)
            rate = (np.where(weight > 0, positive / weight, 0) * effective + 2) / (effective + 4)
            spread = (weight / total) ** 2 * rate * (1 - rate) / effective
        value = gaps.sum(1)
        error, used = np.sqrt(spread.sum(1)), np.maximum((weight > 0).sum(1), 1)

        def limits(z: float, scale: float) -> Limits:
            chi = np.array([chi_square_quantile(2 * tail_area(z), int(k)) for k in used])
            half = np.sqrt(chi) * error / np.sqrt(scale)
            return np.maximum(value - half, 0), np.minimum(value + half, 1)

        return Figure(value, self.n, limits, "scheffe", self._effective())

    def curves(self, probability: bool, z: float) -> Curves:
        """Distribution, calibration curve and ROC curve of each slice."""
        table = self.table
        mean, _ = self._moments("mean_score")
        with np.errstate(divide="ignore", invalid="ignore"):
            second = self._fold(table.cached("squares", lambda: table.sum(table.weight * table.score**2)))
            spread = np.maximum(second / self.weight - mean**2, 0) * self.n / (self.n - 1)
        low, high = (0.0, 1.0) if probability or not len(table) else (table.score[0], table.score[-1])
        edges = np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1)
        base = table.cached("histogram", lambda: _histogram(table, edges))
        none: list[list[Any]] = [[]] * self.size
        labelled = table.label is not None
        return Curves(
            self.n,
            mean,
            np.sqrt(spread),
            edges,
            self._fold(base).astype(np.int64),
            self._calibration(z) if probability and labelled else none,
            self.ranking.roc if labelled else none,
        )

    def _calibration(self, z: float) -> list[list[tuple[float, float, int, float, float, float, float]]]:
        rows, weight, square, score, positive = self._bins()
        with np.errstate(divide="ignore", invalid="ignore"):
            mean, rate, effective = score / weight, positive / weight, weight**2 / square
        low, high = wilson(rate * effective, effective, z)
        step = 1 / CALIBRATION_BINS
        return [
            [
                (
                    b * step, (b + 1) * step, int(rows[s, b]), float(mean[s, b]), float(rate[s, b]),
                    float(low[s, b]), float(high[s, b]),
                )
                for b in range(CALIBRATION_BINS)
                if weight[s, b] > 0
            ]
            for s in range(self.size)
        ]  # fmt: skip


def _log_loss(score: Floats, label: NDArray[np.bool_]) -> Floats:
    p = np.clip(score, 1e-15, 1 - 1e-15)
    return np.asarray(-np.log(np.where(label, p, 1 - p)))


def pseudo_row_limits(
    mean: Floats, spread: Floats, rows: Floats, prior: Floats, prior_spread: Floats
) -> Callable[[float, float], Limits]:
    """Normal limits of a mean after adding z^2 rows to the (effective) rows that it rests on.

    Parameters
    ----------
    mean, spread, rows : float arrays of shape (slices,)
        Mean, variance of one row, and rows.
    prior, prior_spread : float arrays of shape (slices,)
        Mean and variance of the added rows.
    """

    def limits(z: float, scale: float) -> Limits:
        total = rows * scale + z * z
        share = z * z / total
        centre = (1 - share) * mean + share * prior
        mixed = (1 - share) * spread + share * prior_spread + share * (1 - share) * (mean - prior) ** 2
        half = z * np.sqrt(mixed / total)
        return np.minimum(centre - half, mean), np.maximum(centre + half, mean)

    return limits


VALUES: dict[str, Callable[[Floats, NDArray[np.bool_]], Floats]] = {
    "mean_score": lambda score, label: score,
    "brier_score": lambda score, label: (score - label) ** 2,
    "log_loss": _log_loss,
    "calibration_bias": lambda score, label: score - label,
}
"""The metrics that are the mean of a value of each row's score and label."""


def _values(table: ScoreTable, name: str) -> Floats:
    # The mean score is there without labels, too.
    label = np.zeros(len(table), bool) if name == "mean_score" else table.labels()
    return VALUES[name](table.score, label)


def _either_label(table: ScoreTable, name: str) -> Floats:
    """Sums of w v and w v^2 of the table's slices were half of the labels positive, shape (slices, 2)."""
    ones = np.ones(len(table), bool)
    positive, negative = VALUES[name](table.score, ones), VALUES[name](table.score, ~ones)
    first, second = (positive + negative) / 2, (positive**2 + negative**2) / 2
    return np.stack([table.sum(table.weight * first), table.sum(table.weight * second)], axis=-1)


def _moments(table: ScoreTable, values: Floats) -> Floats:
    """Sums of w v, w^2 v and w^2 v^2 of the table's slices, shape (slices, 3)."""
    first = table.sum(table.weight * values) if table.weighted else table.sum(table.count * values)
    squared = table.square * values
    weighted = table.sum(squared) if table.weighted else first
    return np.stack([first, weighted, table.sum(squared * values)], axis=-1)


def _calibration_sums(table: ScoreTable) -> Floats:
    bins = np.minimum((table.score * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    code, size = table.codes * CALIBRATION_BINS + bins, len(table.keys) * CALIBRATION_BINS

    def add(values: NDArray[Any]) -> Floats:
        return np.bincount(code, values, size).reshape(-1, CALIBRATION_BINS).astype(float)

    rows = add(table.count)
    weight = add(table.weight) if table.weighted else rows
    square = add(table.square) if table.weighted else rows
    positive = add(np.where(table.labels(), table.weight, 0))
    return np.stack([rows, weight, square, add(table.weight * table.score), positive], axis=-1)


def _histogram(table: ScoreTable, edges: Floats) -> Floats:
    step = edges[1] - edges[0]
    bins = np.clip(((table.score - edges[0]) / step).astype(np.int64), 0, HISTOGRAM_BINS - 1)
    counts = np.bincount(table.codes * HISTOGRAM_BINS + bins, table.count, len(table.keys) * HISTOGRAM_BINS)
    return counts.reshape(-1, HISTOGRAM_BINS).astype(float)


def _roc(positive: Floats, negative: Floats, starts: NDArray[Any]) -> list[list[tuple[float, float]]]:
    """Each slice's curve from its tie groups in ascending order, thinned to ``ROC_POINTS``."""
    curves: list[list[tuple[float, float]]] = []
    for start, end in pairwise(starts.tolist()):
        up = np.concatenate([[0], np.cumsum(positive[start:end][::-1])])
        along = np.concatenate([[0], np.cumsum(negative[start:end][::-1])])
        if up[-1] <= 0 or along[-1] <= 0:
            curves.append([])
            continue
        x, y = along / along[-1], up / up[-1]
        # Points equally far along the curve keep its shape at both ends.
        length = np.searchsorted(x + y, np.linspace(0, 2, ROC_POINTS))
        chosen = np.arange(len(x)) if len(x) <= ROC_POINTS else np.unique(np.minimum(length, len(x) - 1))
        curves.append([(float(x[i]), float(y[i])) for i in chosen])
    return curves


def _auc_limits(area: Floats, variance: Floats, m: Floats, n: Floats, z: float) -> Limits:
    """Wilson limits on DeLong's effective rows, joined with Newcombe's method 5.

    DeLong's variance alone is too small where few of the pairs are in the wrong order (it is 0 where none
    is), Newcombe's alone where the classes spread unequally.
    """
    half = (m + n) / 2

    def spread(theta: Floats) -> Floats:
        factor = 2 * half - 1 - (3 * half - 3) / ((2 - theta) * (1 + theta))
        return np.asarray(z * np.sqrt(theta * (1 - theta) * factor / (m * n)))

    with np.errstate(divide="ignore", invalid="ignore"):
        rows = np.minimum(area * (1 - area) / variance, m + n)
        low, high = wilson(area * rows, rows, z)
        below = _bisect(lambda t: area - t - spread(t), np.zeros_like(area), area)
        above = _bisect(lambda t: area - t + spread(t), area, np.ones_like(area))
    undefined = np.isnan(area)
    return np.where(undefined, np.nan, np.fmin(low, below)), np.where(undefined, np.nan, np.fmax(high, above))


def _bisect(falling: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    for _ in range(50):
        mid = (low + high) / 2
        positive = falling(mid) > 0
        low, high = np.where(positive, mid, low), np.where(positive, high, mid)
    return (low + high) / 2


def smd_figure(curves: Curves, reference: int) -> Figure:
    """Standardised mean difference of each slice's scores to those of slice ``reference``.

    (mean - reference mean) / pooled standard deviation.
    """
    n, n0 = curves.n.astype(float), float(curves.n[reference])
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.sqrt(((n - 1) * curves.sd**2 + (n0 - 1) * curves.sd[reference] ** 2) / (n + n0 - 2))
        d = (curves.mean - curves.mean[reference]) / pooled
        error = np.sqrt(1 / n + 1 / n0 + d**2 / (2 * (n + n0)))
    d = np.where(np.isfinite(d), d, np.nan)

    def limits(z: float, scale: float) -> Limits:
        return d - z * error / np.sqrt(scale), d + z * error / np.sqrt(scale)

    return Figure(d, curves.n, limits, "hedges")
