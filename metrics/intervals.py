"""Confidence limits of rates, differences and ratios, vectorised over slices.

The closed forms stand here rather than being called from statsmodels because a tabular audit may not
pay that package's start-up time and because these broadcast over slices; the tests hold each of them
to statsmodels or scipy and to published examples. For the same reason scipy.special is only imported
where Student's quantiles are needed.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Limits = tuple[Floats, Floats]

_NORMAL = NormalDist()


def normal_quantile(confidence: float) -> float:
    """Two-sided standard normal quantile, 1.96 for ``confidence=0.95``.

    Raises
    ------
    ValueError
        If ``confidence`` is not in (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    return _NORMAL.inv_cdf((1 + confidence) / 2)


def tail_area(z: float) -> float:
    """Probability of a standard normal above ``z``, the inverse of `normal_quantile` by halves."""
    return math.erfc(z / math.sqrt(2)) / 2


def quantile_of_tail(level: float) -> float:
    """Normal quantile above which a share ``level`` lies, the inverse of `tail_area`."""
    return _NORMAL.inv_cdf(1 - level) if level > 1e-6 else -_NORMAL.inv_cdf(level)


def wilson(successes: ArrayLike, trials: ArrayLike, z: float) -> Limits:
    """Score limits of a proportion; nan where ``trials`` is 0.

    ``trials`` may be an effective, fractional number. E. B. Wilson 1927, JASA 22:209-212.
    """
    x, n = np.asarray(successes, float), np.asarray(trials, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = x / n
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and 1 the limit equals the value exactly; rounding must not put it on the other side.
    low, high = np.where(p == 0, 0.0, centre - half), np.where(p == 1, 1.0, centre + half)
    undefined = ~(n > 0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def mover_difference(
    a: Floats, a_limits: Limits, b: Floats, b_limits: Limits, correlation: ArrayLike = 0.0
) -> Limits:
    """Limits of ``a - b`` of two estimates from the limits of each (MOVER).

    G. Y. Zou, A. Donner 2008, Stat. Med. 27:1693-1702; with the ``correlation`` of the two, where they rest
    on the same clusters, G. Y. Zou 2007, Psychol. Methods 12:399-413.
    """

    def arm(one: Floats, other: Floats) -> Floats:
        return np.asarray(
            np.sqrt(np.maximum(one**2 + other**2 - 2 * np.asarray(correlation) * one * other, 0))
        )

    return a - b - arm(a - a_limits[0], b_limits[1] - b), a - b + arm(a_limits[1] - a, b - b_limits[0])


def mover_ratio(
    a: Floats, a_limits: Limits, b: Floats, b_limits: Limits, correlation: ArrayLike | None = None
) -> Limits:
    """Limits of ``a / b`` of two non-negative estimates: MOVER on the logarithms.

    A. Donner, G. Y. Zou 2012, Stat. Methods Med. Res. 21:347-359; independent unless their ``correlation`` is
    given. A zero ``a`` has lower limit 0 and its upper limit from the ratio of the outer limits.
    """

    def arm(one: Floats, other: Floats) -> Floats:
        if correlation is None:
            return np.hypot(one, other)
        return np.asarray(
            np.sqrt(np.maximum(one**2 + other**2 - 2 * np.asarray(correlation) * one * other, 0))
        )

    with np.errstate(divide="ignore", invalid="ignore"):
        la, ll, lu = np.log(a), np.log(a_limits[0]), np.log(a_limits[1])
        lb, bl, bu = np.log(b), np.log(b_limits[0]), np.log(b_limits[1])
        low = np.exp(la - lb - arm(la - ll, bu - lb))
        high = np.exp(la - lb + arm(lu - la, lb - bl))
        zero = a == 0
        return np.where(zero, 0.0, low), np.where(zero, a_limits[1] / b_limits[0], high)


def tango(b: ArrayLike, c: ArrayLike, n: ArrayLike, z: float) -> Limits:
    """Score limits of the paired difference ``(b - c) / n`` of two proportions of the same rows.

    ``b`` rows are positive only in the first, ``c`` only in the second. T. Tango 1998, Stat. Med.
    17:891-908; found by bisection on the score, which falls with the difference.
    """
    b, c, n = np.broadcast_arrays(*(np.asarray(v, float) for v in (b, c, n)))

    base, slope, cross, step = -b - c, 2 * n - b + c, 8 * n * c, b - c

    def above(d: Floats, target: Floats) -> NDArray[np.bool_]:
        """Whether Tango's score of the difference ``d`` lies above ``target``."""
        first, spread = base + slope * d, d * (1 - d)
        root = np.sqrt(np.maximum(first * first + cross * spread, 0))
        variance = (root - first) / 2 + n * spread
        return np.asarray(step - n * d > target * np.sqrt(np.maximum(variance, 1e-300)))

    # Both limits at once: for few slices it is the number of steps that costs.
    target = np.array([z, -z]).reshape(2, *(1,) * b.ndim)
    low, high = np.full((2, *b.shape), -1.0), np.full((2, *b.shape), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(48):
            mid = (low + high) / 2
            inside = above(mid, target)
            low, high = np.where(inside, mid, low), np.where(inside, high, mid)
        limits = np.where(n > 0, (low + high) / 2, np.nan)
    return limits[0], limits[1]


def adjust_p(p: ArrayLike, method: str) -> Floats:
    """Adjust p-values for several tests; nan stays nan and does not count.

    Parameters
    ----------
    p : array-like of shape (tests,)
    method : {"holm", "benjamini-hochberg"}
        Family-wise error (S. Holm 1979, Scand. J. Stat. 6:65-70) or false discovery rate
        (Y. Benjamini, Y. Hochberg 1995, J. R. Stat. Soc. B 57:289-300).
    """
    p = np.asarray(p, float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    m, rank = len(order), np.arange(1, len(order) + 1)
    if method == "holm":
        adjusted = np.maximum.accumulate(p[order] * (m - rank + 1))
    elif method == "benjamini-hochberg":
        adjusted = np.minimum.accumulate((p[order] * m / rank)[::-1])[::-1]
    else:
        raise ValueError(f"method must be 'holm' or 'benjamini-hochberg', got {method!r}")
    out[order] = np.minimum(adjusted, 1)
    return out
