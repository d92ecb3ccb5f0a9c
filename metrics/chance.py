"""How often chance alone makes equal groups look unequal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats

Ints = NDArray[np.int64]

SPREADS, BEYOND = 9.0, 45
"""How far from its mean a count is looked at, in standard deviations and counts: 1e-17 lies beyond."""
NEGLIGIBLE = 1e-18


def some_ratio_below(sizes: Sequence[int], rate: float, limit: Fraction = Fraction(4, 5)) -> float:
    """Chance that, of groups with one true rate, the lowest measured rate is below ``limit`` of the highest.

    Exact, as the sum over all values M of the highest rate: P(every rate is in [limit M, M]) minus P(every
    rate is in [limit M, M)) is the chance that M is the highest and no ratio is below the limit. Where no
    group has a selection there is no ratio.

    Parameters
    ----------
    sizes : sequence of int
        Rows of each group, at least 1; they are drawn independently.
    rate : float
        The rate of them all, in [0, 1].
    limit : Fraction
        Ratio, in (0, 1].

    Returns
    -------
    float
        In [0, 1].
    """
    groups = sorted(Counter(sizes).items())
    windows = [_Window.of(n, rate) for n, _ in groups]
    top, of = _rates([(w.first, w.last, n) for w, (n, _) in zip(windows, groups, strict=True)])
    at_most, less = np.ones(len(top)), np.ones(len(top))
    for window, (n, count) in zip(windows, groups, strict=True):
        # In whole numbers: a count of n is a rate of at least limit * top / of, and at most top / of.
        least = _ceil(limit.numerator * top * n, limit.denominator * of)
        below = window.up_to(least - 1)
        at_most = at_most * np.maximum(window.up_to(top * n // of) - below, 0) ** count
        less = less * np.maximum(window.up_to(_ceil(top * n, of) - 1) - below, 0) ** count
        kept = at_most > NEGLIGIBLE
        top, of, at_most, less = top[kept], of[kept], at_most[kept], less[kept]
    nobody = math.prod((1 - rate) ** n for n in sizes)
    return float(np.clip(1 - nobody - math.fsum(at_most - less), 0, 1))


class _Window:
    """The counts that a group of one size and rate can have, and the chance of at most each."""

    def __init__(self, first: int, last: int, cumulated: Floats) -> None:
        self.first, self.last, self._cumulated = first, last, cumulated

    @classmethod
    def of(cls, n: int, rate: float) -> _Window:
        from scipy.special import bdtr

        reach = SPREADS * math.sqrt(n * rate * (1 - rate)) + BEYOND
        first, last = max(0, math.floor(n * rate - reach)), min(n, math.ceil(n * rate + reach))
        counts = np.arange(first, last + 1)
        return cls(first, last, np.concatenate([[0.0], np.asarray(bdtr(counts, n, rate), float)]))

    def up_to(self, count: Ints) -> Floats:
        """Chance of at most ``count``."""
        return self._cumulated[np.clip(count - self.first + 1, 0, len(self._cumulated) - 1)]


def _rates(windows: Sequence[tuple[int, int, int]]) -> tuple[Ints, Ints]:
    """Every rate above 0 that a group can have, once, as numerators and denominators in lowest terms."""
    found = []
    for first, last, n in windows:
        counts = np.arange(max(first, 1), last + 1, dtype=np.int64)
        shared = np.gcd(counts, n)
        found.append(np.stack([counts // shared, n // shared], axis=1))
    every = np.unique(np.concatenate(found), axis=0)
    return every[:, 0], every[:, 1]


def _ceil(a: Ints, b: Ints) -> Ints:
    return -(-a // b)
