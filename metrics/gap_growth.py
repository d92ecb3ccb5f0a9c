"""Growth of the gap between two slices, with limits: what a change gate over slices judges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import compare
from .figures import Figure
from .intervals import Floats, Limits, quantile_of_tail, tail_area


def gap_growth(
    before: Floats, before_limits: Limits, change: Floats, change_limits: Limits
) -> tuple[Floats, Limits]:
    """Growth |before + change| - |before| of a gap, with limits from those of the gap and of its change.

    Write x = |before|, s for its sign and t = s * change. The growth is max(t, -t - 2x): the gap either
    moves away from 0 (or towards it) by t, or crosses 0 and comes out on the other side. It is convex in
    t and falls with x, so that over t in [l, u] and x in [a, b]

    - its largest value is max(u, -l - 2a),
    - its smallest is max(l, -u - 2b, -b).

    Where the interval of the gap before holds 0, a is 0, both signs are possible, and the outer of the
    two is taken: the upper limit is then max(|l|, |u|), the largest change in either direction. The
    limits hold whenever both intervals do.

    Parameters
    ----------
    before, change : float arrays of shape (gaps,)
        Signed gap before and its signed change.
    before_limits, change_limits : (low, high)

    Returns
    -------
    value : float array of shape (gaps,)
    limits : (low, high)
    """
    value = np.abs(before + change) - np.abs(before)
    (low, high), (least, most) = change_limits, before_limits

    def signed(s: int) -> Limits:
        t_low, t_high = (low, high) if s > 0 else (-high, -low)
        x_low = np.maximum(least if s > 0 else -most, 0)
        x_high = np.maximum(most if s > 0 else -least, 0)
        smallest = np.maximum(np.maximum(t_low, -t_high - 2 * x_high), -x_high)
        return smallest, np.maximum(t_high, -t_low - 2 * x_low)

    positive, negative = signed(1), signed(-1)
    some_positive, some_negative = most >= 0, least <= 0
    lower = np.minimum(
        np.where(some_positive, positive[0], np.inf), np.where(some_negative, negative[0], np.inf)
    )
    upper = np.maximum(
        np.where(some_positive, positive[1], -np.inf), np.where(some_negative, negative[1], -np.inf)
    )
    undefined = np.isnan(value) | np.isnan(low) | np.isnan(high) | np.isnan(least) | np.isnan(most)
    return value, (
        np.where(undefined, np.nan, np.minimum(lower, value)),
        np.where(undefined, np.nan, np.maximum(upper, value)),
    )


def growth(
    before: Figure,
    change: Figure,
    slices: NDArray[np.intp],
    references: NDArray[np.intp],
    z: float,
) -> tuple[Floats, Limits]:
    """`gap_growth` of the gaps between ``slices`` and ``references``, from the two figures.

    A limit errs where that of the change does, or where the interval of the gap before misses, and with
    it perhaps the sign. So this one is taken at a fifth of the tail: a limit that is to hold in 95 % then
    misses in at most 5 + 1 %, whatever the two have to do with each other (C. E. Bonferroni 1936).
    """
    sure = quantile_of_tail(tail_area(z) / 5)
    gap = compare.difference(before, slices, references, sure)
    moved = compare.difference(change, slices, references, z)
    return gap_growth(*gap, *moved)
