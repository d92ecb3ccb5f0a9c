"""Ratios of sums of row values, and differences of two, of the rows that are in their denominators.

Limits are linearised, by row or by whole cluster (`smooth.Pull`): the score of a benchmark varies over its
templates, not over the questions that are made of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .figures import Figure
from .gathered import SlicedRows
from .intervals import Floats
from .smooth import IDENTITY, Link, Smooth, smooth_change, smooth_figure

Change = tuple[Figure, Floats]
"""After - before in every slice, and the two-sided p of no change."""

_EACH = np.ones_like


def _bounded(low: float, high: float) -> Link:
    return Link(lambda v: v, lambda t: t, _EACH, low, high)


SHARE, SIGNED = _bounded(0.0, 1.0), _bounded(-1.0, 1.0)


def _over(one: Floats, other: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(other > 0, one / other, np.nan)


@dataclass(frozen=True)
class Quotient:
    """The sum of one value over that of another, which says which rows count.

    Attributes
    ----------
    signed : bool
        Whether the former can be below 0; it is never larger than the latter.
    """

    signed: bool = False

    @property
    def smooth(self) -> Smooth:
        """The ratio as a function of the two means."""

        def gradient(means: Floats) -> Floats:
            top, bottom = means[..., 0], means[..., 1]
            return np.stack([_over(np.ones_like(top), bottom), -_over(top, bottom**2)], axis=-1)

        return Smooth(
            lambda means: _over(means[..., 0], means[..., 1]),
            gradient,
            SIGNED if self.signed else SHARE,
            student=True,
        )

    def of(self, means: Floats) -> Floats:
        """The ratio of the means of top and bottom."""
        return self.smooth.of(means)

    @property
    def reach(self) -> tuple[float, float]:
        """By how much the two values of one more row could differ from their means."""
        return (2.0, 0.0) if self.signed else (1.0, 0.0)

    def figure(self, rows: SlicedRows, *values: Floats) -> Figure:
        """The ratio of (top, bottom) in every slice; n counts rows whose bottom is above 0."""
        found = _figure(self.smooth, rows, values, self.reach)
        return replace(found, n=_counted(rows, values[1]))

    def change(self, rows: SlicedRows, before: Sequence[Floats], after: Sequence[Floats]) -> Change:
        """After - before of the ratio of the same rows; each side is (top, bottom)."""
        found, p = _change(self.smooth, rows, before, after, self.reach)
        return replace(found, n=_counted(rows, before[1])), p


@dataclass(frozen=True)
class Among:
    """The mean of a value over the rows that have one: the sum of values over that of ones and zeros.

    Attributes
    ----------
    share : bool
        Whether the value lies in [0, 1]; else its range is that seen.
    """

    share: bool = True

    @property
    def smooth(self) -> Smooth:
        """The mean as a function of the means of both."""
        return replace(Quotient().smooth, link=SHARE if self.share else IDENTITY, student=self.share)

    def of(self, means: Floats) -> Floats:
        """The mean from the means of top and bottom."""
        return self.smooth.of(means)

    def _reach(self, *sides: Sequence[Floats]) -> tuple[float, float]:
        if self.share:
            return (1.0, 0.0)
        seen = [value[bottom > 0] for value, bottom in sides]
        return (max((float(np.ptp(value)) for value in seen if len(value)), default=0.0), 0.0)

    def figure(self, rows: SlicedRows, *values: Floats) -> Figure:
        """The mean of (value, whether there is one) in every slice; n counts rows that have one."""
        found = _figure(self.smooth, rows, values, self._reach(values))
        return replace(found, n=_counted(rows, values[1]))

    def change(self, rows: SlicedRows, before: Sequence[Floats], after: Sequence[Floats]) -> Change:
        """After - before of the mean of the same rows, which may have a value on one side alone."""
        found, p = _change(self.smooth, rows, before, after, self._reach(before, after))
        return replace(found, n=_counted(rows, before[1])), p


@dataclass(frozen=True)
class Apart:
    """One ratio less another, of different rows: an accuracy here less an accuracy there."""

    @property
    def smooth(self) -> Smooth:
        """The difference as a function of four means: top and bottom of each ratio."""
        one = Quotient().smooth

        def gradient(means: Floats) -> Floats:
            return np.concatenate([one.gradient(means[..., :2]), -one.gradient(means[..., 2:])], axis=-1)

        return Smooth(
            lambda means: one.of(means[..., :2]) - one.of(means[..., 2:]), gradient, SIGNED, student=True
        )

    reach = (1.0, 0.0, 1.0, 0.0)

    def of(self, means: Floats) -> Floats:
        """The difference of the ratios of means."""
        return self.smooth.of(means)

    def figure(self, rows: SlicedRows, *values: Floats) -> Figure:
        """The difference in every slice; the smaller denominator is told beside all rows of both."""
        found = _figure(self.smooth, rows, values, self.reach)
        return self._counted(found, rows, values)

    def change(self, rows: SlicedRows, before: Sequence[Floats], after: Sequence[Floats]) -> Change:
        """After - before of the difference of the same rows."""
        found, p = _change(self.smooth, rows, before, after, self.reach)
        return self._counted(found, rows, before), p

    @staticmethod
    def _counted(found: Figure, rows: SlicedRows, values: Sequence[Floats]) -> Figure:
        parts = [_counted(rows, bottom) for bottom in (values[1], values[3])]
        return replace(found, n=parts[0] + parts[1], least=np.minimum(*parts).astype(float))


@dataclass(frozen=True)
class Icat:
    """StereoSet's idealised score: the language model score x min(s, 1 - s) / 0.5 of the stereotype score s.

    It has a kink where s is one half: limits there are those of one side.
    """

    @property
    def smooth(self) -> Smooth:
        """The score as a function of four means: top and bottom of s, and of the language model score."""
        one = Quotient()

        def parts(means: Floats) -> tuple[Floats, Floats]:
            return one.of(means[..., :2]), one.of(means[..., 2:])

        def of(means: Floats) -> Floats:
            score, language = parts(means)
            return np.asarray(language * np.minimum(score, 1 - score) / 0.5)

        def gradient(means: Floats) -> Floats:
            score, language = parts(means)
            sides = one.smooth.gradient(means[..., :2]), one.smooth.gradient(means[..., 2:])
            slope = np.where(score < 0.5, 2.0, -2.0) * language
            weight = 2 * np.minimum(score, 1 - score)
            return np.concatenate([slope[..., None] * sides[0], weight[..., None] * sides[1]], axis=-1)

        return Smooth(of, gradient, SHARE, student=True)

    reach = (1.0, 0.0, 1.0, 0.0)

    def of(self, means: Floats) -> Floats:
        """The score of means."""
        return self.smooth.of(means)

    def figure(self, rows: SlicedRows, *values: Floats) -> Figure:
        """The score in every slice."""
        return _figure(self.smooth, rows, values, self.reach)

    def change(self, rows: SlicedRows, before: Sequence[Floats], after: Sequence[Floats]) -> Change:
        """After - before of the score of the same rows."""
        return _change(self.smooth, rows, before, after, self.reach)


def _figure(smooth: Smooth, rows: SlicedRows, values: Sequence[Floats], reach: ArrayLike) -> Figure:
    """The figure of rows, with limits of whole clusters where they have any."""
    found = smooth_figure(smooth, rows, values, reach)
    if rows.cluster is None:
        return found
    whole = _Whole(rows)
    return replace(found, limits=smooth_figure(smooth, whole.rows, whole.of(values), reach).limits)


def _change(
    smooth: Smooth, rows: SlicedRows, before: Sequence[Floats], after: Sequence[Floats], reach: ArrayLike
) -> Change:
    """The change of rows, with limits of whole clusters where they have any."""
    found, p = smooth_change(smooth, rows, before, after, reach)
    if rows.cluster is None:
        return found, p
    whole = _Whole(rows)
    of_whole, p = smooth_change(smooth, whole.rows, whole.of(before), whole.of(after), reach)
    return replace(found, limits=of_whole.limits), p


class _Whole:
    """Clusters as rows: what one more cluster could change is that of its mean, not of one of its rows."""

    def __init__(self, rows: SlicedRows) -> None:
        self._pair, owner, _ = rows.pairs
        self._each = rows.weight
        self._weight = np.bincount(self._pair, rows.weight, len(owner)).astype(float)
        self.rows = SlicedRows(owner, rows.size, self._weight)

    def of(self, values: Sequence[Floats]) -> list[Floats]:
        """The mean of each value in each cluster."""
        sums = [np.bincount(self._pair, self._each * value, len(self._weight)) for value in values]
        with np.errstate(invalid="ignore"):
            return [np.where(self._weight > 0, one / self._weight, 0.0) for one in sums]


def _counted(rows: SlicedRows, bottom: Floats) -> NDArray[np.int64]:
    """Rows in a denominator, per slice."""
    return rows.counted(np.asarray(bottom) > 0).astype(np.int64)
