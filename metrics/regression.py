"""Figures of predicted numbers: root mean squared error, R squared, ratio of means, correlation.

Means of errors themselves are those of any row value (`rows.Rows.table`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .figures import Figure
from .gathered import SlicedRows
from .intervals import Floats, Limits
from .smooth import FISHER, LOG, UNEXPLAINED, Smooth, smooth_change, smooth_figure

Change = tuple[Figure, Floats]
"""After - before in every slice, and the two-sided p of no change."""


# ---- means of sizes, root mean squared error ----------------------------------------------------------


def not_negative(mean: Figure) -> Figure:
    """A mean of values that are not negative, as absolute errors: no limit is below 0."""

    def limits(z: float, scale: float) -> Limits:
        low, high = mean.limits(z, scale)
        return np.maximum(low, 0), high

    return replace(mean, limits=limits)


def root_mean(mean_square: Figure) -> Figure:
    """The root of a mean of squares, whose limits are carried through the root."""

    def limits(z: float, scale: float) -> Limits:
        low, high = mean_square.limits(z, scale)
        # A mean of squares is not negative, though scores of no range have limits of any sign.
        return np.sqrt(np.maximum(low, 0)), np.sqrt(high)

    return replace(mean_square, value=np.sqrt(mean_square.value), limits=limits, method="root-mean")


def root_mean_change(rows: SlicedRows, outcome: Floats, before: Floats, after: Floats) -> Change:
    """After - before of the root mean squared error, of predictions of shape (rows,)."""
    reach = _largest(rows, outcome, before, after) ** 2
    # Where every error is 0 the root has no slope: it is that at one row wholly wrong of all and one.
    least = (reach / (rows.units.kish + 1))[:, None]
    root = Smooth(lambda m: np.sqrt(m[..., 0]), lambda m: 0.5 / np.sqrt(np.maximum(m, least)))
    squares = [[(side - outcome) ** 2] for side in (before, after)]
    return smooth_change(root, rows, squares[0], squares[1], reach[:, None])


# ---- R squared ----------------------------------------------------------------------------------------


def _explained(means: Floats) -> Floats:
    error, middle, square = np.moveaxis(means, -1, 0)
    spread = square - middle**2
    return np.asarray(np.where(spread > 0, 1 - error / spread, np.nan))


def _explained_gradient(means: Floats) -> Floats:
    error, middle, square = np.moveaxis(means, -1, 0)
    spread = square - middle**2
    return np.stack([-1 / spread, -2 * middle * error / spread**2, error / spread**2], axis=-1)


R_SQUARED = Smooth(_explained, _explained_gradient, UNEXPLAINED)
"""1 - mean squared error / variance, of the means of (e^2, y, y^2)."""


def r_squared(rows: SlicedRows, outcome: Floats, prediction: Floats) -> Figure:
    """1 - mean squared error / variance of the outcomes around their mean in the slice, at most 1.

    nan where all outcomes of a slice are the same.

    Parameters
    ----------
    rows : SlicedRows
    outcome, prediction : float arrays of shape (rows,)
    """
    largest = _largest(rows, outcome, prediction) ** 2
    reach = np.stack([largest, 0 * largest, 0 * largest], axis=-1)
    return smooth_figure(R_SQUARED, rows, _errors(rows, outcome, prediction), reach)


def r_squared_change(rows: SlicedRows, outcome: Floats, before: Floats, after: Floats) -> Change:
    """After - before of R squared, of predictions of shape (rows,)."""
    largest = _largest(rows, outcome, before, after) ** 2
    reach = np.stack([largest, 0 * largest, 0 * largest], axis=-1)
    first, second = (_errors(rows, outcome, side) for side in (before, after))
    return smooth_change(R_SQUARED, rows, first, second, reach)


def _errors(rows: SlicedRows, outcome: Floats, prediction: Floats) -> list[Floats]:
    # Outcomes are centred slice by slice, which changes no variance and spares its digits.
    centred = outcome - rows.mean(outcome)[rows.slices]
    return [(prediction - outcome) ** 2, centred, centred**2]


# ---- ratio of means, correlation ----------------------------------------------------------------------


def _ratio(means: Floats) -> Floats:
    one, other = np.moveaxis(means, -1, 0)
    return np.asarray(np.where((one >= 0) & (other > 0), one / other, np.nan))


RATIO = Smooth(_ratio, lambda m: np.stack([1 / m[..., 1], -m[..., 0] / m[..., 1] ** 2], axis=-1), LOG)
"""The ratio of a mean that is not negative and one that is positive."""


def ratio_of_means(rows: SlicedRows, one: Floats, other: Floats) -> Figure:
    """The mean of one value over that of another, both of shape (rows,).

    nan where the first is negative, or the other not positive.
    """
    reach = np.stack([_largest(rows, one), _largest(rows, other)], axis=-1)
    return smooth_figure(RATIO, rows, [one, other], reach)


def ratio_of_means_change(
    rows: SlicedRows, before: Floats, after: Floats, other: Floats, other_after: Floats | None = None
) -> Change:
    """After - before of the mean of a value over that of another, which stays or changes too."""
    changed = other if other_after is None else other_after
    reach = np.stack([_largest(rows, before, after), 0 * rows.total], axis=-1)
    return smooth_change(RATIO, rows, [before, other], [after, changed], reach)


def _correlation(means: Floats) -> Floats:
    one, other, first, second, both = np.moveaxis(means, -1, 0)
    spread = (first - one**2) * (second - other**2)
    found = (both - one * other) / np.sqrt(spread)
    return np.asarray(np.where(spread > 0, np.clip(found, -1, 1), np.nan))


def _correlation_gradient(means: Floats) -> Floats:
    one, other, first, second, both = np.moveaxis(means, -1, 0)
    a, b = first - one**2, second - other**2
    r, root = (both - one * other) / np.sqrt(a * b), np.sqrt(a * b)
    return np.stack(
        [-other / root + r * one / a, -one / root + r * other / b, -r / (2 * a), -r / (2 * b), 1 / root],
        axis=-1,
    )


CORRELATION = Smooth(_correlation, _correlation_gradient, FISHER)
"""Pearson's correlation, of the means of (x, y, x^2, y^2, x y)."""


def correlation(rows: SlicedRows, one: Floats, other: Floats) -> Figure:
    """Pearson's correlation of two values of shape (rows,); nan where either is the same in all rows."""
    return smooth_figure(CORRELATION, rows, _products(rows, one, other), _product_reach(rows, one, other))


def correlation_change(rows: SlicedRows, before: Floats, after: Floats, other: Floats) -> Change:
    """After - before of the correlation of a value with another that stays."""
    reach = np.fmax(*(_product_reach(rows, side, other) for side in (before, after)))
    first, second = (_products(rows, side, other) for side in (before, after))
    return smooth_change(CORRELATION, rows, first, second, reach)


def _products(rows: SlicedRows, one: Floats, other: Floats) -> list[Floats]:
    a, b = (v - rows.mean(v)[rows.slices] for v in (one, other))
    return [a, b, a**2, b**2, a * b]


def _product_reach(rows: SlicedRows, one: Floats, other: Floats) -> Floats:
    a, b = _largest(rows, one), _largest(rows, other)
    return np.stack([0 * a, 0 * a, 0 * a, 0 * a, a * b], axis=-1)


def _largest(rows: SlicedRows, value: Floats, *more: Floats) -> Floats:
    """Largest distance of a value from its mean in each slice; where that is 0, the range of all values."""
    away = np.abs(value - rows.mean(value)[rows.slices])
    found = np.zeros(rows.size)
    with np.errstate(invalid="ignore"):
        np.maximum.at(found, rows.slices, away)
    held = [v for v in (value, *more) if len(v)]
    whole = max((float(v.max()) for v in held), default=0.0) - min(
        (float(v.min()) for v in held), default=0.0
    )
    return np.where(found > 0, found, whole)
