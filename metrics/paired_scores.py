"""Change of a score metric on the same rows: AUC, mean score, Brier score, log loss, calibration.

The scores before and after are kept row by row, since the change of one row is what varies: however many
rows there are, none is counted in bins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .figures import Figure
from .gathered import Gathered, SlicedRows
from .intervals import Floats, Limits
from .placements import placements
from .score_values import LEAST, Value
from .units import Z95
from .units import student as quantile


def bernoulli_divergence(before: Floats, after: Floats) -> Floats:
    """Kullback-Leibler divergence ``before || after`` of two probabilities, in nats.

    ``p ln(p / q) + (1 - p) ln((1 - p) / (1 - q))`` (S. Kullback, R. A. Leibler 1951, Ann. Math. Stat.
    22:79-86), both held 1e-15 away from 0 and 1.
    """
    p, q = np.clip(before, LEAST, 1 - LEAST), np.clip(after, LEAST, 1 - LEAST)
    return np.asarray(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


@dataclass
class PairedScores(Gathered):
    """Scores of the same rows before and after, gathered batch by batch.

    Parameters
    ----------
    by : tuple of str
        Slice columns of the batches.
    probability : bool
        Whether scores are probabilities.
    """

    probability: bool

    def add(
        self,
        slices: NDArray[np.int64],
        keys: Sequence[tuple[str, ...]],
        before: Floats,
        after: Floats,
        label: NDArray[np.bool_] | None = None,
        weight: Floats | None = None,
        cluster: pa.DictionaryArray | None = None,
    ) -> None:
        """Take one batch: each row's slice (a position in ``keys``), scores, label, weight, cluster."""
        columns: dict[str, NDArray[Any]] = {"before": before, "after": after}
        if label is not None:
            columns["label"] = label
        self.gather(slices, keys, columns, weight, cluster)

    @cached_property
    def orders(self) -> list[NDArray[np.intp]]:
        """The rows in ascending order of their scores before and after; the same for all partitions."""
        found = (self.column(name) for name in ("before", "after"))
        return [np.zeros(0, np.intp) if scores is None else np.argsort(scores) for scores in found]

    def sliced(self, by: Sequence[str], keys: Sequence[tuple[str, ...]]) -> SlicedPairs:
        """The rows by the slices ``keys`` of the columns ``by``."""
        return SlicedPairs(self, self.owner(by, keys), len(keys))


class SlicedPairs(SlicedRows):
    """The paired scores of the slices of some columns, with each change as a figure.

    Parameters
    ----------
    scores : PairedScores
    slices : int array of shape (rows,)
        Each row's slice.
    size : int
        Number of slices.
    """

    def __init__(self, scores: PairedScores, slices: NDArray[np.int64], size: int) -> None:
        super().__init__(slices, size, scores.column("weight"), scores.column("cluster"))
        self._scores = scores
        self.probability = scores.probability
        self.before, self.after = self._column(scores, "before"), self._column(scores, "after")
        self.label = scores.column("label")

    @staticmethod
    def _column(scores: PairedScores, name: str) -> Floats:
        found = scores.column(name)
        return np.zeros(0) if found is None else found

    def _labels(self) -> NDArray[np.bool_]:
        if self.label is None:
            raise ValueError("labels are needed for this metric, the rows have none")
        return self.label

    def score_shift(self) -> Floats:
        """Mean change of the score per slice."""
        return self.mean(self.after - self.before)

    def divergence(self) -> Floats:
        """Mean Kullback-Leibler divergence of the scores, before || after, per slice, in nats."""
        return self.mean(bernoulli_divergence(self.before, self.after))

    def mean_change(self, value: Value) -> tuple[Figure, Floats]:
        """After - before of the mean of a value in every slice, and the two-sided p of no change.

        Limits are Student's, with the degrees of freedom of the rows (B. L. Welch 1947, Biometrika 34:28-35,
        where two classes add up). A loss (Brier score, log loss) changes most in rows of the rarer class, of
        which a small slice may hold none: its limits are those after adding z^2 rows with these scores, half
        of them positive.

        Rankings that are equal in few rows show no change and no spread, which proves little. So the
        limits are never narrower than ``h z^2 / (r + z^2)``: Tango's limit of a change that none of r
        rows shows, times the mean size h of the changes after one more row is added that changed wholly
        (by 1). Of r rows of which none changed, h is 1 and the limit is Tango's; where all r changed a
        little it is about a r-th of it, and the spread decides. For the AUC r is the number of rows of
        the rarer class. Scores that are no probabilities change wholly by the range that they show, before
        and after. No limit leaves the possible range.

        Raises
        ------
        ValueError
            Without labels where the value needs them.
        """
        label = self._labels() if value.labelled else np.zeros(len(self.slices), bool)
        reach = 1.0 if self.probability else self._reach()
        part = self._part(self._step(value, label), np.ones(len(label), bool), reach)
        most = value.most if self.probability else np.inf
        student = self._student(part.mean, [part], most, "student-paired")
        return self._rare(value, part, *student) if value.rare else student

    def _step(self, value: Value, label: NDArray[np.bool_]) -> Floats:
        """Change of a value of each row, were its label so."""
        return value.of(self.after, label) - value.of(self.before, label)

    def _reach(self) -> float:
        """Range of all scores, before and after."""
        if not len(self.before):
            return 0.0
        both = (self.before, self.after)
        return float(max(v.max() for v in both) - min(v.min() for v in both))

    def _rare(self, value: Value, part: _Part, student: Figure, p: Floats) -> tuple[Figure, Floats]:
        """Limits after adding rows of either label; the p is Student's."""
        ones = np.ones(len(self.slices), bool)
        either = self._step(value, ones), self._step(value, ~ones)
        prior = self.mean((either[0] + either[1]) / 2)
        prior_spread = self.mean((either[0] ** 2 + either[1] ** 2) / 2) - prior**2
        variance, freedom = self._variance([part])
        if self.cluster is not None:
            variance = variance * (quantile(Z95, freedom) / Z95) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = self.mean(self._step(value, self._labels()) ** 2) - part.mean**2
            rows = np.where(variance > 1e-15, np.minimum(spread / variance, part.kish), part.kish)
        added = pseudo_row_limits(part.mean, variance * rows, rows, prior, prior_spread)

        @lru_cache(maxsize=8)
        def limits(z: float, scale: float) -> Limits:
            low, high = added(z, scale)
            half = _floor([part], z, scale)
            low, high = np.minimum(low, part.mean - half), np.maximum(high, part.mean + half)
            return np.maximum(low, -value.most), np.minimum(high, value.most)

        return Figure(part.mean, self.n, limits, "pseudo-rows", student.effective_n), p

    def area_change(self) -> tuple[Figure, Floats]:
        """After - before of the area under the ROC curve in every slice, and the two-sided p of no change.

        It is the mean change of the rows' placements, positive and negative rows each by themselves
        (E. R. DeLong et al. 1988, Biometrics 44:837-845), with limits as those of `mean_change`.
        """
        label = self._labels()
        before, after = (
            placements(score, label, self.weight, self.slices, self.size, order)
            for score, order in zip((self.before, self.after), self._scores.orders, strict=True)
        )
        step = after - before
        parts = [self._part(step, label), self._part(step, ~label)]
        # Either class has the same mean change; that of the positive rows is the change of the area.
        return self._student(parts[0].mean, parts, 1.0, "delong-paired")

    def _part(self, step: Floats, rows: NDArray[np.bool_], reach: float = 1.0) -> _Part:
        """Sums over the chosen rows of the changes ``step``, of which the largest possible is ``reach``."""
        weight = np.where(rows, self.weight, 0)
        total, square, n = self.sum(weight), self.sum(weight**2), self.sum(rows)
        step = np.where(rows, step, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.sum(weight * step) / total
            influence = weight * np.where(rows, step - mean[self.slices], 0) / total[self.slices]
            kish = total**2 / square
            if self.cluster is not None:
                pair, owner, _ = self.pairs
                kish = total**2 / np.bincount(owner, np.bincount(pair, weight) ** 2, self.size)
        changed = self.sum(np.abs(step) > 1e-12)
        size = (reach + self.sum(np.abs(step))) / (1 + changed)
        return _Part(mean, influence, n, kish, size)

    def _variance(self, parts: Sequence[_Part]) -> tuple[Floats, Floats]:
        """Variance of the mean change and its degrees of freedom; of weights and clusters the jackknife's."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.plain:
                spread = [self.sum(p.influence**2) * p.n / (p.n - 1) for p in parts]
                return np.asarray(np.sum(spread, axis=0)), self._freedom(parts)
            variance, freedom = self.units.variance(np.sum([p.influence for p in parts], axis=0))
            return variance, np.minimum(freedom, self._freedom(parts))

    def _freedom(self, parts: Sequence[_Part]) -> Floats:
        """Welch's degrees of freedom of the parts' summed variances; those of clusters for clusters."""
        units = [np.minimum(p.n, p.kish) for p in parts]
        if self.cluster is not None or len(parts) == 1:
            return np.asarray(np.maximum(np.min(units, axis=0) - 1, 1))
        spread = [self.sum(p.influence**2) for p in parts]
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.sum([s**2 / np.maximum(u - 1, 1) for s, u in zip(spread, units, strict=True)], axis=0)
            found = np.sum(spread, axis=0) ** 2 / each
        fewest = np.maximum(np.min(units, axis=0) - 1, 1)
        return np.asarray(np.where(each > 0, np.maximum(found, 1), fewest))

    def _student(
        self, value: Floats, parts: Sequence[_Part], most: float, method: str
    ) -> tuple[Figure, Floats]:
        from scipy.special import stdtr

        variance, freedom = self._variance(parts)
        error = np.sqrt(variance)

        @lru_cache(maxsize=8)
        def limits(z: float, scale: float) -> Limits:
            with np.errstate(invalid="ignore"):
                half = quantile(z, freedom * scale) * error / np.sqrt(scale)
                half = np.maximum(half, _floor(parts, z, scale))
            return np.maximum(value - half, -most), np.minimum(value + half, most)

        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(value == 0, 0, np.abs(value) / error)
            p = np.where(np.isnan(value) | np.isnan(error), np.nan, 2 * stdtr(freedom, -ratio))
        effective = None if self.plain else np.sum([p.kish for p in parts], axis=0)
        return Figure(value, self.n, limits, method, effective), p


@dataclass(frozen=True)
class _Part:
    """Changes of the rows of one class: mean, each row's influence, rows, Kish's rows, size of a change."""

    mean: Floats
    influence: Floats
    n: Floats
    kish: Floats
    size: Floats


def _floor(parts: Sequence[_Part], z: float, scale: float) -> Floats:
    """The least half width: what one more row of a class, changed wholly, would leave open."""
    least = [p.size * z * z / (p.kish * scale + z * z) for p in parts]
    return np.asarray(np.max(least, axis=0))


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
