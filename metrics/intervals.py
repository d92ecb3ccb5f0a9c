"""Confidence limits of rates, differences and ratios, vectorised over slices.

The closed forms stand here rather than being called from statsmodels because a tabular audit may not
pay that package's start-up time and because these broadcast over slices; the tests hold each of them
to statsmodels or scipy and to published examples. For the same reason scipy.special is only imported
where Student's quantiles are needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
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


def _normal_cdf(z: Floats) -> Floats:
    return np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in z.tolist()])


@lru_cache(maxsize=256)
def chi_square_quantile(tail: float, degrees: int) -> float:
    """Value that a chi-square of whole degrees of freedom exceeds with probability ``tail``.

    Bisection on the closed form of the upper tail (M. Abramowitz, I. A. Stegun 1964, 26.4.4-26.4.5).
    Equal to ``scipy.special.chdtri``.
    """

    def above(x: float) -> float:
        h, odd = x / 2, degrees % 2
        powers: list[float] = [h ** (j + odd / 2) / math.gamma(j + 1 + odd / 2) for j in range(degrees // 2)]
        return (math.erfc(math.sqrt(h)) if odd else 0.0) + math.exp(-h) * sum(powers)

    low, high = 0.0, 1.0
    while above(high) > tail and high < 1e4:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) > tail else (low, middle)
    return (low + high) / 2


def sidak_quantile(confidence: float, comparisons: int) -> float:
    """Two-sided normal quantile that holds for several comparisons together.

    Valid for correlated normal comparisons too, such as several slices against one reference
    (Z. Sidak 1967, JASA 62:626-633).
    """
    return normal_quantile(confidence ** (1 / max(comparisons, 1)))


@lru_cache(maxsize=256)
def studentized_range_quantile(confidence: float, groups: int) -> float:
    """Quantile of the range of ``groups`` independent standard normals.

    Solves ``k * integral of phi(z) (Phi(z) - Phi(z - q))^(k-1) dz = confidence`` by bisection
    (H. O. Hartley 1942, Biometrika 32:334-348); the trapezoid rule is exact to rounding for such an
    integrand. Equal to ``scipy.stats.studentized_range.ppf(confidence, groups, inf)`` without the
    import of scipy.stats.

    Parameters
    ----------
    confidence : float
        In (0, 1).
    groups : int
        Number of groups, at least 2.
    """
    if groups < 2:
        raise ValueError(f"groups must be at least 2, got {groups}")
    z = np.linspace(-9.0, 29.0, 500)
    upper = _normal_cdf(z)
    weight = groups * (z[1] - z[0]) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    low, high = 0.0, 20.0
    for _ in range(60):
        q = (low + high) / 2
        cdf = np.sum(weight * (upper - _normal_cdf(z - q)) ** (groups - 1))
        low, high = (q, high) if cdf < confidence else (low, q)
    return (low + high) / 2


def pairwise_quantile(confidence: float, groups: int) -> float:
    """Normal quantile for all pairwise differences of ``groups`` slices together (Tukey-Kramer)."""
    return float(studentized_range_quantile(confidence, max(groups, 2)) / np.sqrt(2))


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


def mover_ratio(a: Floats, a_limits: Limits, b: Floats, b_limits: Limits) -> Limits:
    """Limits of ``a / b`` of two independent, non-negative estimates: MOVER on the logarithms.

    A. Donner, G. Y. Zou 2012, Stat. Methods Med. Res. 21:347-359. A zero ``a`` has lower limit 0 and
    its upper limit from the ratio of the outer limits.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        la, ll, lu = np.log(a), np.log(a_limits[0]), np.log(a_limits[1])
        lb, bl, bu = np.log(b), np.log(b_limits[0]), np.log(b_limits[1])
        low = np.exp(la - lb - np.hypot(la - ll, bu - lb))
        high = np.exp(la - lb + np.hypot(lu - la, lb - bl))
        zero = a == 0
        return np.where(zero, 0.0, low), np.where(zero, a_limits[1] / b_limits[0], high)


def _score_z(theta: Floats, x1: Floats, n1: Floats, x2: Floats, n2: Floats) -> Floats:
    """Miettinen-Nurminen's signed score of the hypothesis p1 = theta * p2; falls with theta."""
    a = (n1 + n2) * theta
    b = -(n1 * theta + x1 + n2 + x2 * theta)
    c = x1 + x2
    p2 = 2 * c / (-b + np.sqrt(np.maximum(b * b - 4 * a * c, 0)))
    p1 = np.minimum(theta * p2, 1)
    variance = (p1 * (1 - p1) / n1 + theta**2 * p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
    return np.asarray((x1 / n1 - theta * x2 / n2) / np.sqrt(np.maximum(variance, 1e-300)))


def score_ratio(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, z: float) -> Limits:
    """Score limits of the ratio of two independent proportions ``(x1/n1) / (x2/n2)``.

    O. Miettinen, M. Nurminen 1985, Stat. Med. 4:213-226, solved on the logarithm of the ratio. nan
    where a denominator or both numerators are 0; the upper limit is inf where ``x2`` is 0.
    """
    x1, n1, x2, n2 = np.broadcast_arrays(*(np.asarray(v, float) for v in (x1, n1, x2, n2)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centre = np.log((x1 + 0.5) / (n1 + 0.5)) - np.log((x2 + 0.5) / (n2 + 0.5))
        reach = 1 + 2 * z * np.sqrt(1 / (x1 + 0.5) + 1 / (x2 + 0.5))

        def solve(target: float) -> Floats:
            def above(log_ratio: Floats) -> Floats:
                return _score_z(np.exp(log_ratio), x1, n1, x2, n2) - target

            return np.exp(_falling_root(above, centre - reach, centre + reach))

        undefined = (n1 <= 0) | (n2 <= 0) | ((x1 == 0) & (x2 == 0))
        low = np.where(x1 == 0, 0.0, solve(z))
        high = np.where(x2 == 0, np.inf, solve(-z))
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _falling_root(f: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Root of a falling function, elementwise: the Illinois variant of the false position.

    A bracket that does not hold the root is widened first. M. Dowell, P. Jarratt 1971, BIT 11:168-174.
    """
    f_low, f_high = f(low), f(high)
    for _ in range(8):
        width = high - low
        low, high = np.where(f_low < 0, low - width, low), np.where(f_high > 0, high + width, high)
        if not (np.any(f_low < 0) or np.any(f_high > 0)):
            break
        f_low, f_high = f(low), f(high)
    side = np.zeros(np.shape(low))
    for _ in range(60):
        middle = np.clip((low * f_high - high * f_low) / (f_high - f_low), low, high)
        middle = np.where(np.isnan(middle), (low + high) / 2, middle)
        value = f(middle)
        up = value > 0
        # Halving the kept end's value when the same end moves twice is what keeps this superlinear.
        f_high = np.where(up & (side > 0), f_high / 2, np.where(up, f_high, value))
        f_low = np.where(~up & (side < 0), f_low / 2, np.where(up, value, f_low))
        low, high = np.where(up, middle, low), np.where(up, high, middle)
        side = np.where(up, 1, -1)
        if np.all((np.abs(value) < 1e-12) | (high - low < 1e-13) | np.isnan(value)):
            break
    return np.where(np.abs(f_low) < np.abs(f_high), low, high)


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


def fisher_exact(x1: int, n1: int, x2: int, n2: int) -> float:
    """Two-sided Fisher exact p of two proportions: the tables at most as probable as the one seen.

    The hypergeometric weights come from their recurrence on the log scale, within 40 standard
    deviations of the mean, so that a million rows cost milliseconds. Equal to
    ``scipy.stats.fisher_exact``. R. A. Fisher 1935, J. R. Stat. Soc. 98:39-82.
    """
    total, drawn = n1 + n2, x1 + x2
    if total == 0 or drawn == 0 or drawn == total:
        return 1.0
    mean = n1 * drawn / total
    sd = np.sqrt(mean * (n2 / total) * (total - drawn) / max(total - 1, 1))
    reach = max(40 * sd, abs(x1 - mean)) + 2
    first = max(0, drawn - n2, int(mean - reach))
    last = min(n1, drawn, int(mean + reach) + 1)
    k = np.arange(first, last, dtype=float)
    steps = np.log((n1 - k) * (drawn - k)) - np.log((k + 1) * (n2 - drawn + k + 1))
    log_weights = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(log_weights - log_weights.max())
    observed = weights[x1 - first]
    return float(min(1.0, weights[weights <= observed * (1 + 1e-7)].sum() / weights.sum()))


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
