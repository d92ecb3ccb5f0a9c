"""How two proportions are compared: the figures that they stand for, and a difference or ratio of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .intervals import Floats


@dataclass(frozen=True)
class Scale:
    """A rising function of a proportion: what a figure makes of it.

    Attributes
    ----------
    of : callable
        From proportions in [0, 1] to figures.
    back : callable
        The inverse; below 0 or above 1 where no proportion gives the figure.
    """

    of: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]


def _odds(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(p / (1 - p))


def _from_odds(v: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(v < 0, -1.0, np.where(np.isposinf(v), 1.0, v / (1 + v)))


def _from_f1(v: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(v < 0, -1.0, np.where(v > 1, 2.0, v / (2 - v)))


PLAIN = Scale(lambda p: p, lambda v: v)


ODDS = Scale(_odds, _from_odds)


F1 = Scale(lambda share: 2 * share / (1 + share), _from_f1)
"""From TP / (TP + FP + FN) to 2 TP / (2 TP + FP + FN)."""


@dataclass(frozen=True)
class Contrast:
    """How two figures are compared: rises with the first, falls with the second."""

    ratio: bool = False
    scale: Scale = PLAIN

    def value(self, p1: Floats, p2: Floats) -> Floats:
        """The difference or ratio of the figures of two proportions; of 0 to 0 it is nan."""
        one, two = self.scale.of(p1), self.scale.of(p2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(one / two if self.ratio else one - two)

    def first(self, p2: Floats, bound: Floats) -> Floats:
        """The first proportion whose contrast with the second is ``bound``."""
        two = self.scale.of(p2)
        with np.errstate(invalid="ignore"):
            return self.scale.back(bound * two if self.ratio else bound + two)

    def second(self, p1: Floats, bound: Floats) -> Floats:
        """The second proportion whose contrast with the first is ``bound``."""
        one = self.scale.of(p1)
        with np.errstate(divide="ignore", invalid="ignore"):
            if not self.ratio:
                return self.scale.back(one - bound)
            # A bound of 0 is reached by no second proportion; any is beyond it.
            return self.scale.back(np.where(bound > 0, one / bound, np.inf))

    def bounded(self, bound: Floats) -> Floats:
        """A rising function of the bound with values in [-1, 1]."""
        with np.errstate(invalid="ignore"):
            found = np.where(np.isinf(bound), np.sign(bound), bound / (1 + np.abs(bound)))
        return bound if self._short else found

    def unbounded(self, place: Floats) -> Floats:
        """The inverse of `bounded`."""
        with np.errstate(divide="ignore"):
            return place if self._short else place / (1 - np.abs(place))

    def spread(self, a: Floats, b: Floats) -> Floats:
        """Variance, to first order, of the figure of a Beta(a, b); of a ratio that of its logarithm."""
        inside = (a > 0) & (b > 0)
        a, b = np.where(inside, a, 1.0), np.where(inside, b, 1.0)
        mean, step = a / (a + b), 1e-4 * a * b / (a + b) ** 2
        slope = (self.scale.of(mean + step) - self.scale.of(mean - step)) / (2 * step)
        slope = slope / self.scale.of(mean) if self.ratio else slope
        return np.where(inside, slope**2 * a * b / ((a + b) ** 2 * (a + b + 1)), 0.0)

    @property
    def _short(self) -> bool:
        """Whether the contrast lies in [-1, 1] as it is."""
        return not self.ratio and self.scale is not ODDS


DIFFERENCE, RATIO = Contrast(), Contrast(ratio=True)
