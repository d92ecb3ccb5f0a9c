"""Figures of raw scores per slice: AUC, Brier, log loss, calibration, distributions, ROC curves.

All slices of a partition are computed together from one sorted table, by sums over tie groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, expit, logit, ndtr

from .figures import Figure
from .intervals import Floats, Limits, mover_difference, wilson
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


class SlicedScores:
    """The scores of the slices of some columns, with each figure as a method.

    Parameters
    ----------
    table : ScoreTable
    by : sequence of str
        Slice columns; none for the whole set.
    keys : sequence of tuple of str
        The slices, in the order in which figures are wanted.
    """

    def __init__(self, table: ScoreTable, by: Sequence[str], keys: Sequence[tuple[str, ...]]) -> None:
        slices = table.segments(by, keys)
        # The table is sorted by score: a stable sort by slice leaves each slice's scores sorted.
        order = np.argsort(slices.astype(np.int16 if len(keys) < 2**15 else np.int64), kind="stable")
        self.size = len(keys)
        self.slices = slices[order]
        self.score = table.score[order]
        self.tie = table.tie[order]
        self.count = table.count[order]
        self.weight = table.weight[order]
        self.square = table.square[order]
        self.label = None if table.label is None else table.label[order]
        self.cluster = None if table.cluster is None else table.cluster[order]
        self.weighted = bool(np.any(table.weight != table.count))
        self.exact = table.exact

    def sum(self, values: Floats | NDArray[np.int64]) -> Floats:
        """Sum of a value per entry, by slice."""
        return np.bincount(self.slices, values, self.size)

    @property
    def n(self) -> NDArray[np.int64]:
        """Rows per slice."""
        return self.sum(self.count).astype(np.int64)

    def figure(self, name: str) -> Figure:
        """The score metric ``name`` of every slice; ValueError for an unknown name."""
        if name == "auc":
            return self.auc()
        if name == "expected_calibration_error":
            return self.calibration_error()
        if name == "mean_score":
            return self._mean(self.score)
        label = self._labels().astype(float)
        if name == "brier_score":
            return self._mean((self.score - label) ** 2)
        if name == "log_loss":
            p = np.clip(self.score, 1e-15, 1 - 1e-15)
            return self._mean(-np.where(label > 0, np.log(p), np.log1p(-p)))
        if name == "calibration_bias":
            return self._calibration_bias(label)
        raise ValueError(f"score metric must be a known one, got {name!r}")

    def _labels(self) -> NDArray[np.bool_]:
        if self.label is None:
            raise ValueError("labels are needed for this metric, the table has none")
        return self.label

    def _variance(self, influence: Floats, correction: Floats) -> Floats:
        """Linearised variance: the squared influences of rows, or of whole clusters, summed.

        ``influence`` is that of one unit of weight, ``correction`` multiplies the rows' sum.
        """
        if self.cluster is None:
            return self.sum(self.square * influence**2) * correction
        pair = self.slices * (int(self.cluster.max(initial=0)) + 1) + self.cluster
        pairs, inverse = np.unique(pair, return_inverse=True)
        sums = np.bincount(inverse, self.weight * influence)
        owner = pairs // (int(self.cluster.max(initial=0)) + 1)
        members = np.bincount(owner, minlength=self.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.bincount(owner, sums**2, self.size) * members / (members - 1))

    def _effective(self) -> Floats | None:
        return self.sum(self.weight) ** 2 / self.sum(self.square) if self.weighted else None

    def _mean(self, values: Floats) -> Figure:
        total = self.sum(self.weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.sum(self.weight * values) / total
            n = self.sum(self.count)
            influence = (values - mean[self.slices]) / total[self.slices]
            error = np.sqrt(self._variance(influence, n / (n - 1)))

        def limits(z: float, scale: float) -> Limits:
            return mean - z * error / np.sqrt(scale), mean + z * error / np.sqrt(scale)

        return Figure(mean, self.n, limits, "normal", self._effective())

    def _calibration_bias(self, label: Floats) -> Figure:
        figure = self._mean(self.score - label)
        base, score = self._mean(label), self._mean(self.score)
        rows = self._effective() if self.weighted else self.n.astype(float)
        one_class = (base.value == 0) | (base.value == 1)

        def limits(z: float, scale: float) -> Limits:
            low, high = figure.limits(z, scale)
            # With one class only the residuals have no spread from the labels; Wilson's limits have.
            rate = wilson(base.value * rows * scale, rows * scale, z)
            wide = mover_difference(score.value, score.limits(z, scale), base.value, rate)
            return np.where(one_class, wide[0], low), np.where(one_class, wide[1], high)

        return Figure(figure.value, figure.n, limits, "normal", figure.effective_n)

    def auc(self) -> Figure:
        """Area under the ROC curve with DeLong's variance, ties counted half.

        Weighted rows enter with their weights, clusters through the sums of their members' placements
        (N. A. Obuchowski 1997, Biometrics 53:567-578).
        """
        label = self._labels()
        group, below, above = self._tie_groups()
        weight = self.weight
        positive = self.sum(np.where(label, weight, 0.0))
        negative = self.sum(np.where(label, 0.0, weight))
        rows_p, rows_n = self.sum(np.where(label, self.count, 0)), self.sum(np.where(label, 0, self.count))
        with np.errstate(divide="ignore", invalid="ignore"):
            placement = np.where(
                label, below[group] / negative[self.slices], above[group] / positive[self.slices]
            )
            area = self.sum(np.where(label, weight * placement, 0.0)) / positive
            centred = placement - area[self.slices]
            own = np.where(label, positive[self.slices], negative[self.slices])
            rows = np.where(label, rows_p[self.slices], rows_n[self.slices])
            influence = centred / own
            if self.cluster is None:
                influence = influence * np.sqrt(rows / (rows - 1))
            variance = self._variance(influence, np.ones(self.size))
        area = np.where((rows_p > 0) & (rows_n > 0), area, np.nan)

        def limits(z: float, scale: float) -> Limits:
            return _auc_limits(area, variance / scale, rows_p * scale, rows_n * scale, z)

        return Figure(area, self.n, limits, "delong", self._effective())

    def auc_rounding(self) -> float:
        """The most that counting scores in bins can move any slice's AUC; 0 for exact scores."""
        if self.exact or self.label is None:
            return 0.0
        group, _, _ = self._tie_groups()
        positive = np.bincount(group, np.where(self.label, self.weight, 0.0))
        negative = np.bincount(group, np.where(self.label, 0.0, self.weight))
        owner = self.slices[np.flatnonzero(np.diff(group, prepend=-1))]
        total = self.sum(np.where(self.label, self.weight, 0)) * self.sum(
            np.where(self.label, 0, self.weight)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = np.bincount(owner, positive * negative, self.size) / 2 / total
        return float(np.nanmax(bound, initial=0.0))

    def _tie_groups(self) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Group of equal score and slice per entry; per group the negative weight below, positive above.

        Half of the group's own weight counts, which gives midranks.
        """
        first = np.ones(len(self.score), bool)
        first[1:] = (self.slices[1:] != self.slices[:-1]) | (self.tie[1:] != self.tie[:-1])
        new, group = np.flatnonzero(first), np.cumsum(first) - 1
        owner = self.slices[new]
        positive = np.bincount(group, np.where(self._labels(), self.weight, 0.0))
        negative = np.bincount(group, np.where(self._labels(), 0.0, self.weight))
        before = np.cumsum(negative) - negative
        after = np.cumsum(positive[::-1])[::-1] - positive
        slice_negative = np.bincount(owner, negative, self.size)
        slice_positive = np.bincount(owner, positive, self.size)
        start = np.cumsum(slice_negative) - slice_negative
        end = np.cumsum(slice_positive[::-1])[::-1] - slice_positive
        return group, before - start[owner] + negative / 2, after - end[owner] + positive / 2

    def _bins(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Rows, weight, squared weight, score sum and label sum, arrays of shape (slices, bins)."""
        bins = np.minimum((self.score * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        code = self.slices * CALIBRATION_BINS + bins
        label = self._labels()

        def add(values: Floats | NDArray[np.int64]) -> Floats:
            sums = np.bincount(code, values, self.size * CALIBRATION_BINS)
            return sums.reshape(self.size, CALIBRATION_BINS)

        w = self.weight
        return add(self.count), add(w), add(self.square), add(w * self.score), add(np.where(label, w, 0.0))

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
            half = np.sqrt(chdtri(used, 2 * (1 - ndtr(z)))) * error / np.sqrt(scale)
            return np.maximum(value - half, 0), np.minimum(value + half, 1)

        return Figure(value, self.n, limits, "scheffe", self._effective())

    def curves(self, probability: bool, z: float) -> Curves:
        """Distribution, calibration curve and ROC curve of each slice."""
        total = self.sum(self.weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.sum(self.weight * self.score) / total
            n = self.sum(self.count)
            spread = self.sum(self.weight * (self.score - mean[self.slices]) ** 2) / total * n / (n - 1)
        low, high = (
            (0.0, 1.0)
            if probability
            else (float(self.score.min(initial=0)), float(self.score.max(initial=1)))
        )
        edges = np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1)
        bins = np.clip(np.searchsorted(edges, self.score, "right") - 1, 0, HISTOGRAM_BINS - 1)
        histogram = np.bincount(self.slices * HISTOGRAM_BINS + bins, self.count, self.size * HISTOGRAM_BINS)
        return Curves(
            self.n,
            mean,
            np.sqrt(spread),
            edges,
            histogram.reshape(self.size, HISTOGRAM_BINS).astype(np.int64),
            self._calibration(z) if probability and self.label is not None else [[]] * self.size,
            self._roc() if self.label is not None else [[]] * self.size,
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

    def _roc(self) -> list[list[tuple[float, float]]]:
        label = self._labels()
        group, _, _ = self._tie_groups()
        new = np.flatnonzero(np.diff(group, prepend=-1))
        positive = np.bincount(group, np.where(label, self.weight, 0.0))
        negative = np.bincount(group, np.where(label, 0.0, self.weight))
        starts = np.searchsorted(self.slices[new], np.arange(self.size + 1))
        curves = []
        for s in range(self.size):
            part = slice(starts[s], starts[s + 1])
            up = np.concatenate([[0], np.cumsum(positive[part][::-1])])
            along = np.concatenate([[0], np.cumsum(negative[part][::-1])])
            if up[-1] <= 0 or along[-1] <= 0:
                curves.append([])
                continue
            x, y = along / along[-1], up / up[-1]
            # Points equally far along the curve keep its shape at both ends.
            length = np.searchsorted(x + y, np.linspace(0, 2, min(len(x), ROC_POINTS)))
            chosen = np.unique(np.minimum(length, len(x) - 1))
            curves.append([(float(x[i]), float(y[i])) for i in chosen])
        return curves


def _auc_limits(area: Floats, variance: Floats, m: Floats, n: Floats, z: float) -> Limits:
    """Logit-scale limits; Newcombe's method 5 where the variance is 0 or unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(variance) / (area * (1 - area))
        low, high = expit(logit(area) - z * error), expit(logit(area) + z * error)
        plain = (area > 0) & (area < 1) & np.isfinite(variance) & (variance > 0)
        if plain.all():
            return low, high
        half = (m + n) / 2

        def spread(theta: Floats) -> Floats:
            factor = 2 * half - 1 - (3 * half - 3) / ((2 - theta) * (1 + theta))
            return np.asarray(z * np.sqrt(theta * (1 - theta) * factor / (m * n)))

        below = _bisect(lambda t: area - t - spread(t), np.zeros_like(area), area)
        above = _bisect(lambda t: area - t + spread(t), area, np.ones_like(area))
    undefined = np.isnan(area)
    return (
        np.where(plain, low, np.where(undefined, np.nan, below)),
        np.where(plain, high, np.where(undefined, np.nan, above)),
    )


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
