"""What the rows say of a figure: one-sided p-values against any bound, and the limits that go with them.

The verdict of a gate, its limits, the rows that it would need and the tables of slices all ask here, so that
they cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import exact
from .contrast import DIFFERENCE, PLAIN, Contrast, Scale
from .figures import Figure
from .intervals import Floats, Limits

Index = NDArray[np.intp]

GRID = np.array([0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8.2])
"""Normal quantiles at which limits are asked for; the last is that of a p of 1e-16."""


class Evidence(Protocol):
    """Figures, one per claim, with their p-values; every array has the shape (claims,).

    ``above(bound)`` is the p of a figure that is at most the bound (small where it lies above), ``below``
    that of one that is at least the bound; ``lower(level)`` is the largest bound whose ``above`` is at most
    the level, ``upper`` the smallest whose ``below`` is. nan where the figure is undefined.
    """

    @property
    def value(self) -> Floats:
        """The figures as measured."""

    @property
    def holds(self) -> bool:
        """Whether a p is at most a level with at most that probability, by proof or as was measured."""

    def above(self, bound: ArrayLike) -> Floats:
        """Return the p of "at most ``bound``"."""

    def below(self, bound: ArrayLike) -> Floats:
        """Return the p of "at least ``bound``"."""

    def lower(self, level: ArrayLike) -> Floats:
        """Return the lower limits of one-sided confidence 1 - ``level``."""

    def upper(self, level: ArrayLike) -> Floats:
        """Return the upper limits of one-sided confidence 1 - ``level``."""

    def take(self, index: Index) -> Evidence:
        """Return the evidence on some of the claims."""

    def shared(self) -> Floats:
        """Return the share of each figure's variance that the second of two brings; 0 where there is none."""

    def expected(self, scale: ArrayLike, smooth: ArrayLike = True) -> Evidence:
        """Return what ``scale`` times the rows would say, were the truth as measured.

        ``smooth`` takes (x + 1/2) / (n + 1) for the truth, which no count puts at 0 or 1.
        """


@dataclass(frozen=True)
class Rates:
    """Rising functions of proportions: exact binomial tails."""

    x: Floats
    n: Floats
    scale: Scale = PLAIN
    holds: bool = True

    @property
    def value(self) -> Floats:
        """The figures as measured."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.scale.of(self.x / self.n)

    def above(self, bound: ArrayLike) -> Floats:
        """Return the p of "at most ``bound``"."""
        return exact.p_above(self.x, self.n, self.scale.back(np.asarray(bound, float)))

    def below(self, bound: ArrayLike) -> Floats:
        """Return the p of "at least ``bound``"."""
        return exact.p_below(self.x, self.n, self.scale.back(np.asarray(bound, float)))

    def lower(self, level: ArrayLike) -> Floats:
        """Return the lower limits."""
        return self.scale.of(exact.lower(self.x, self.n, level))

    def upper(self, level: ArrayLike) -> Floats:
        """Return the upper limits."""
        return self.scale.of(exact.upper(self.x, self.n, level))

    def shared(self) -> Floats:
        """Return 0: nothing is compared with."""
        return np.zeros(self.x.shape)

    def take(self, index: Index) -> Rates:
        """Return the evidence on some of the claims."""
        return replace(self, x=self.x[index], n=self.n[index])

    def expected(self, scale: ArrayLike, smooth: ArrayLike = True) -> Rates:
        """Return what ``scale`` times the rows would say."""
        return Rates(*_scaled(self.x, self.n, scale, smooth), self.scale, self.holds)


@dataclass(frozen=True)
class Pairs:
    """Differences or ratios of two proportions of different rows: melded exact p-values."""

    x1: Floats
    n1: Floats
    x2: Floats
    n2: Floats
    contrast: Contrast = DIFFERENCE
    holds: bool = True

    @property
    def value(self) -> Floats:
        """The figures as measured."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.contrast.value(self.x1 / self.n1, self.x2 / self.n2)

    def above(self, bound: ArrayLike) -> Floats:
        """Return the p of "at most ``bound``"."""
        return exact.pair_p_above(self.x1, self.n1, self.x2, self.n2, bound, self.contrast)

    def below(self, bound: ArrayLike) -> Floats:
        """Return the p of "at least ``bound``"."""
        return exact.pair_p_below(self.x1, self.n1, self.x2, self.n2, bound, self.contrast)

    def lower(self, level: ArrayLike) -> Floats:
        """Return the lower limits."""
        return exact.pair_lower(self.x1, self.n1, self.x2, self.n2, level, self.contrast)

    def upper(self, level: ArrayLike) -> Floats:
        """Return the upper limits."""
        return exact.pair_upper(self.x1, self.n1, self.x2, self.n2, level, self.contrast)

    def limits(self, level: ArrayLike) -> Limits:
        """Return the lower and the upper limits."""
        return exact.pair_limits(self.x1, self.n1, self.x2, self.n2, level, self.contrast)

    def shared(self) -> Floats:
        """Return the share of the second one's variance, of logarithms where a ratio is taken."""
        first, second = (
            (1 - p) / n * (1 / p if self.contrast.ratio else p)
            for p, n in (
                ((self.x1 + 0.5) / (self.n1 + 1), self.n1),
                ((self.x2 + 0.5) / (self.n2 + 1), self.n2),
            )
        )
        return np.asarray(second / (first + second))

    def take(self, index: Index) -> Pairs:
        """Return the evidence on some of the claims."""
        part = {name: getattr(self, name)[index] for name in ("x1", "n1", "x2", "n2")}
        return replace(self, **part)

    def expected(self, scale: ArrayLike, smooth: ArrayLike = True) -> Pairs:
        """Return what ``scale`` times the rows would say."""
        one = _scaled(self.x1, self.n1, scale, smooth)
        return Pairs(*one, *_scaled(self.x2, self.n2, scale, smooth), self.contrast, self.holds)


def _scaled(x: Floats, n: Floats, scale: ArrayLike, smooth: ArrayLike) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(smooth, (x + 0.5) / (n + 1), x / n)
    times = np.asarray(scale, float)
    return share * n * times, n * times


@dataclass(frozen=True)
class FromLimits:
    """Figures of which limits at any confidence are known: the level at which one reaches the bound is the p.

    Between the confidences at which the limits were asked for they are interpolated, on normal quantiles.

    Attributes
    ----------
    measured : float array of shape (claims,)
    z : float array of shape (quantiles,)
        Normal quantiles in ascending order, from 0 on.
    low, high : float arrays of shape (quantiles, claims)
        Limits at these quantiles.
    reach : float array of shape (claims,)
        How many times farther, in normal quantiles, a bound is than with the rows there are: the root of the
        multiple of the rows, as limits of all kinds draw in.
    again : callable, optional
        The limits at these quantiles had there been a multiple of the rows, where they can be asked for.
        Exact limits at level one half are not the value itself, so that the root alone draws in too little.
    """

    measured: Floats
    z: Floats
    low: Floats
    high: Floats
    reach: Floats
    holds: bool = False
    again: Callable[[float], Limits] | None = None

    @classmethod
    def of(
        cls, value: Floats, limits: Callable[[float, float], Limits], levels: Sequence[float],
        *, scaled: bool = True,
    ) -> FromLimits:  # fmt: skip
        """Ask for limits on a grid of confidences, and at those whose one-sided ``levels`` will decide.

        Parameters
        ----------
        limits : callable (z, scale) -> (low, high)
            Limits at a normal quantile, had there been ``scale`` times the rows; ``scaled`` says that they
            are cheap enough to be asked for more rows.
        """
        from scipy.special import ndtri

        z = np.unique(np.concatenate([GRID, -ndtri(np.asarray(levels, float))]))
        z = z[z >= 0]

        def asked(scale: float) -> Limits:
            found = [limits(float(one), scale) for one in z]
            low, high = (np.stack([np.broadcast_to(f[k], value.shape) for f in found]) for k in (0, 1))
            return low, high

        return cls(value, z, *asked(1.0), np.ones(value.shape), again=asked if scaled else None)

    @property
    def value(self) -> Floats:
        """The figures as measured."""
        return self.measured

    def above(self, bound: ArrayLike) -> Floats:
        """Return the p of "at most ``bound``"."""
        return self._p(-np.asarray(bound, float), -self._curve(self.high, self.low))

    def below(self, bound: ArrayLike) -> Floats:
        """Return the p of "at least ``bound``"."""
        return self._p(np.asarray(bound, float), self._curve(self.low, self.high))

    def lower(self, level: ArrayLike) -> Floats:
        """Return the lower limits."""
        return self._at(level, self._curve(self.high, self.low))

    def upper(self, level: ArrayLike) -> Floats:
        """Return the upper limits."""
        return self._at(level, self._curve(self.low, self.high))

    def _curve(self, far: Floats, near: Floats) -> Floats:
        """One limit as a function of the signed quantile: beyond the value it is the other limit."""
        return np.concatenate([far[:0:-1], near])

    @property
    def _signed(self) -> Floats:
        return np.concatenate([-self.z[:0:-1], self.z])

    def _p(self, bound: Floats, rising: Floats) -> Floats:
        from scipy.special import ndtr

        bound = np.broadcast_to(bound, self.measured.shape)
        signed, columns = self._signed, np.arange(len(self.measured))
        after = np.clip((rising <= bound).sum(0), 1, len(signed) - 1)
        one, other = rising[after - 1, columns], rising[after, columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(other > one, (bound - one) / (other - one), 0.0)
        place = np.where(np.isfinite(share), np.clip(share, 0, 1), 0.0)
        z = signed[after - 1] + place * (signed[after] - signed[after - 1])
        unknown = np.isnan(rising).any(0) | np.isnan(self.measured) | np.isnan(bound)
        return np.where(unknown, np.nan, ndtr(-z * self.reach))

    def _at(self, level: ArrayLike, curve: Floats) -> Floats:
        from scipy.special import ndtri

        z = np.broadcast_to(-ndtri(np.asarray(level, float)), self.measured.shape) / self.reach
        signed, columns = self._signed, np.arange(len(self.measured))
        after = np.clip(np.searchsorted(signed, z), 1, len(signed) - 1)
        share = np.clip((z - signed[after - 1]) / (signed[after] - signed[after - 1]), 0, 1)
        one, other = curve[after - 1, columns], curve[after, columns]
        with np.errstate(invalid="ignore"):
            inside = one + share * (other - one)
        return np.where(share == 1, other, np.where(share == 0, one, inside))

    def shared(self) -> Floats:
        """Return 0: of these it is not known."""
        return np.zeros(self.measured.shape)

    def take(self, index: Index) -> FromLimits:
        """Return the evidence on some of the claims."""
        again = self.again

        def some(scale: float) -> Limits:
            assert again is not None
            low, high = again(scale)
            return low[:, index], high[:, index]

        return replace(
            self, measured=self.measured[index], low=self.low[:, index], high=self.high[:, index],
            reach=self.reach[index], again=None if again is None else some,
        )  # fmt: skip

    def expected(self, scale: ArrayLike, smooth: ArrayLike = True) -> FromLimits:
        """Return what ``scale`` times the rows would say."""
        if self.again is None:
            return replace(self, reach=self.reach * np.sqrt(scale))
        times = float(np.asarray(scale))
        low, high = (self.low, self.high) if times == 1 else self.again(times)
        return replace(self, low=low, high=high)


def evidence(figure: Figure, index: Index, levels: Sequence[float]) -> Evidence:
    """Return what the rows say of a figure in some slices.

    Parameters
    ----------
    levels : sequence of float
        One-sided levels that will decide, where limits are known alone.
    """
    if figure.binomial is not None:
        held = figure.binomial.take(index)
        return Rates(held.x, held.n, held.scale, figure.plain)
    part = figure.take(index)
    # Drawn limits at level one half are nearly the value, and each costs thousands of draws.
    drawn = part.method.startswith("dirichlet")
    found = FromLimits.of(part.value, part.limits, levels, scaled=not drawn)
    # Changes of rates: melded on other rows, Tango's on the same ones, which were measured to hold.
    return replace(found, holds=figure.plain and figure.method in ("melded", "tango"))
