"""Melded exact limits of a difference of two proportions, by quadrature: an answer from outside."""

from __future__ import annotations

from scipy.integrate import quad
from scipy.optimize import brentq
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
    low = brentq(lambda size: above(size) - level, value - 0.5, value)
    return low, brentq(lambda size: below(size) - level, value, value + 0.5)
