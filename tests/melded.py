"""Melded exact p-values and limits of two proportions, by quadrature: an answer from outside."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, ndtr
from scipy.stats import beta


def melded(one: tuple[int, int], other: tuple[int, int], level: float = 0.05) -> tuple[float, float]:
    """One-sided limits, each at a level, of x1 / n1 - x2 / n2 (Fay, Proschan and Brittain 2015).

    Both counts are neither 0 nor all.
    """
    (x1, n1), (x2, n2) = one, other
    lower = beta(x1, n1 - x1 + 1), beta(x2 + 1, n2 - x2)
    upper = beta(x1 + 1, n1 - x1), beta(x2, n2 - x2 + 1)

    def above(size: float) -> float:
        return quad(lambda v: lower[1].pdf(v) * lower[0].cdf(v + size), 0, 1, limit=200)[0]

    def below(size: float) -> float:
        return quad(lambda v: upper[1].pdf(v) * upper[0].sf(v + size), 0, 1, limit=200)[0]

    value = x1 / n1 - x2 / n2
    low = brentq(lambda size: above(size) - level, max(value - 0.9, -1), value)
    return low, brentq(lambda size: below(size) - level, value, min(value + 0.9, 1))


def _draws(x: float, n: float, side: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Distribution function and quantiles of one proportion's lower or upper limits at all levels."""
    a, b = (x, n - x + 1) if side == "lower" else (x + 1, n - x)
    if a == 0:
        return (lambda v: float(v >= 0)), (lambda u: 0.0)
    if b == 0:
        return (lambda v: float(v >= 1)), (lambda u: 1.0)
    return (lambda v: betainc(a, b, min(max(v, 0), 1))), (lambda u: betaincinv(a, b, u))


def melded_p(
    one: tuple[float, float], other: tuple[float, float], bound: float, form: str = "difference"
) -> float:
    """One-sided p of a difference (or ratio) of at most ``bound``: small where it lies above.

    The p of at least ``bound`` is that of the failures' difference of at most ``-bound``, or of the inverse
    ratio of at most ``1 / bound``. Counts may be 0 or all.
    """
    first, second = _draws(*one, "lower")[0], _draws(*other, "upper")[1]

    def below(z: float) -> float:
        at = second(ndtr(z))
        return (
            math.exp(-z * z / 2)
            / math.sqrt(2 * math.pi)
            * first(bound + at if form == "difference" else bound * at)
        )

    # Over normal quantiles, in short pieces: no step of the first one falls between the nodes.
    ends = np.linspace(-8, 8, 17)
    return sum(quad(below, a, b, epsabs=1e-13, epsrel=1e-7)[0] for a, b in itertools.pairwise(ends))


def melded_ratio(one: tuple[int, int], other: tuple[int, int], level: float = 0.05) -> tuple[float, float]:
    """One-sided limits, each at a level, of (x1 / n1) / (x2 / n2); 0 or infinity where a count is 0."""

    def low(one: tuple[int, int], other: tuple[int, int]) -> float:
        if one[0] == 0:
            return 0.0
        value = one[0] / one[1] / ((other[0] + 1) / (other[1] + 1))
        return brentq(lambda v: melded_p(one, other, v, "ratio") - level, 1e-6 * value, 3 * value, xtol=1e-12)

    least = low(other, one)
    return low(one, other), 1 / least if least else float("inf")
