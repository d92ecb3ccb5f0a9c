"""Exact p-values and limits of proportions: one alone, and two of different rows compared.

One proportion has the binomial tails of C. J. Clopper, E. S. Pearson 1934 (Biometrika 26:404-413). Two have
the melded p of M. P. Fay, M. A. Proschan, E. Brittain 2015 (Biometrics 71:146-156): each proportion's exact
one-sided limits at all levels are a distribution, and the p of "not more than" is the chance that a draw from
the first one's lower limits is not more than one from the second one's upper limits. For equal proportions it
is Fisher's exact test. Counts may be fractional, as effective rows are.

Nothing is drawn at random: the one integral is taken over normal quantiles of the narrower of the two, where
it is smooth.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .beta import REACH, above, cdf, distinct, floats, gauss, interpolated, quantile, tables
from .contrast import DIFFERENCE, Contrast
from .intervals import Floats, Limits

NODES, FEW_NODES = 40, 80
"""Of the integral; the more of them where the inner proportion has fewer than ``FEW`` of either outcome, and
is skewed. Relative errors of p stay below 1e-5 where it is Fisher's, and below 1e-3 at other bounds."""
FEW = 30
CHUNK = 4096
"""Pairs that are looked at together, which bounds memory."""


# ---- one proportion ----------------------------------------------------------------------------------


def p_above(x: ArrayLike, n: ArrayLike, bound: ArrayLike) -> Floats:
    """One-sided p of a proportion that is at most ``bound``: small where it lies above.

    Parameters
    ----------
    x, n : array-like
        (Effective) successes and trials; nan where ``n`` is 0.
    bound : array-like
    """
    x, n, bound = floats(x, n, bound)
    return np.where(n > 0, cdf(x, n - x + 1, bound), np.nan)


def p_below(x: ArrayLike, n: ArrayLike, bound: ArrayLike) -> Floats:
    """One-sided p of a proportion that is at least ``bound``: small where it lies below."""
    x, n, bound = floats(x, n, bound)
    return np.where(n > 0, above(x + 1, n - x, bound), np.nan)


def lower(x: ArrayLike, n: ArrayLike, level: ArrayLike) -> Floats:
    """Largest bound with ``p_above <= level``: the lower limit of one-sided confidence 1 - ``level``."""
    x, n, level = floats(x, n, level)
    return np.where(n > 0, quantile(x, n - x + 1, level), np.nan)


def upper(x: ArrayLike, n: ArrayLike, level: ArrayLike) -> Floats:
    """Smallest bound with ``p_below <= level``: the upper limit of one-sided confidence 1 - ``level``."""
    x, n, level = floats(x, n, level)
    return np.where(n > 0, 1 - quantile(n - x, x + 1, level), np.nan)


def clopper_pearson(x: ArrayLike, n: ArrayLike, tail: ArrayLike) -> Limits:
    """Both limits of a proportion, each missed with probability at most ``tail``."""
    return lower(x, n, tail), upper(x, n, tail)


# ---- two proportions ---------------------------------------------------------------------------------


def pair_p_above(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    bound: ArrayLike,
    contrast: Contrast = DIFFERENCE,
) -> Floats:
    """One-sided melded p of a contrast that is at most ``bound``: small where it lies above.

    Parameters
    ----------
    x1, n1, x2, n2 : array-like
        (Effective) successes and trials of the two; nan where either has no trials.
    bound : array-like
        On the contrast's scale.

    Returns
    -------
    float array, broadcast
    """
    return pair_p(x1, n1, x2, n2, bound, contrast, upwards=True)


def pair_p_below(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    bound: ArrayLike,
    contrast: Contrast = DIFFERENCE,
) -> Floats:
    """One-sided melded p of a contrast that is at least ``bound``: small where it lies below."""
    return pair_p(x1, n1, x2, n2, bound, contrast, upwards=False)


def pair_lower(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    level: ArrayLike,
    contrast: Contrast = DIFFERENCE,
) -> Floats:
    """Largest bound with ``pair_p_above <= level``."""
    return pair_limit(x1, n1, x2, n2, level, contrast, upwards=True)


def pair_upper(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    level: ArrayLike,
    contrast: Contrast = DIFFERENCE,
) -> Floats:
    """Smallest bound with ``pair_p_below <= level``."""
    return pair_limit(x1, n1, x2, n2, level, contrast, upwards=False)


def pair_limits(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    level: ArrayLike,
    contrast: Contrast = DIFFERENCE,
) -> Limits:
    """`pair_lower` and `pair_upper`, solved for together."""
    one, many, two, more, at = floats(x1, n1, x2, n2, level)
    upwards = np.array([True, False]).reshape(2, *(1 for _ in at.shape))
    low, high = pair_limit(one, many, two, more, at, contrast, upwards=upwards)
    return low, high


def pair_bounds(
    x1: Floats, n1: Floats, x2: Floats, n2: Floats, level: Floats, contrast: Contrast, *, upwards: ArrayLike
) -> Limits:
    """Two bounds between which `pair_lower` (or `pair_upper`) lies, from the limits of each proportion alone.

    Let a draw of the first be below its limit at ``c``, and one of the second above its own. Both happen with
    probability c^2, at least one with at most 2 c. So the limit at ``level`` lies between the contrasts of
    the limits at ``level / 2`` and at its root.
    """
    return (
        _of_limits(x1, n1, x2, n2, level / 2, contrast, upwards=upwards),
        _of_limits(x1, n1, x2, n2, np.sqrt(level), contrast, upwards=upwards),
    )


def _of_limits(
    x1: Floats, n1: Floats, x2: Floats, n2: Floats, level: Floats, contrast: Contrast, *, upwards: ArrayLike
) -> Floats:
    first, second = _limit(x1, n1, level, upwards), _limit(x2, n2, level, np.logical_not(upwards))
    return contrast.value(first, second)


def _limit(x: Floats, n: Floats, level: Floats, low: ArrayLike) -> Floats:
    """`lower` where ``low`` is set, else `upper`."""
    found = quantile(np.where(low, x, n - x), np.where(low, n - x + 1, x + 1), level)
    return np.where(n > 0, np.where(low, found, 1 - found), np.nan)


def pair_p(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, bound: ArrayLike, contrast: Contrast,
    *, upwards: ArrayLike,
) -> Floats:  # fmt: skip
    """`pair_p_above` where ``upwards``, else `pair_p_below`; all arguments broadcast."""
    given = floats(x1, n1, x2, n2, bound, upwards)
    # Slices of the same counts are common where there are many.
    rows, place = distinct(np.stack([v.ravel() for v in given], axis=1))
    found = [
        _Pairs(one, many, two, more, contrast, up > 0).p(at) for one, many, two, more, at, up in _parts(rows)
    ]
    return np.concatenate([*found, np.zeros(0)])[place].reshape(given[0].shape)


class _Pairs:
    """Pairs of proportions whose melded p is wanted at one bound after the other.

    ``upwards``, of each pair: p of a contrast that is at most the bound, from the lower limits of the first
    and the upper ones of the second; else the reverse.
    """

    def __init__(
        self, x1: Floats, n1: Floats, x2: Floats, n2: Floats, contrast: Contrast, upwards: NDArray[np.bool_]
    ) -> None:
        self.contrast, self.upwards = contrast, upwards
        one, two = np.where(upwards, 0, 1), np.where(upwards, 1, 0)
        self.a1, self.b1 = x1 + one, n1 - x1 + 1 - one
        self.a2, self.b2 = x2 + two, n2 - x2 + 1 - two
        self.known = (n1 > 0) & (n2 > 0)
        # Where the second one is the narrower, as the contrast takes it, and so integrated over.
        second = contrast.spread(self.a2, self.b2) <= contrast.spread(self.a1, self.b1)
        inner = np.where(second, self.a2, self.a1), np.where(second, self.b2, self.b1)
        self.kind = second + 2 * upwards + 4 * (np.minimum(*inner) < FEW)
        """Pairs of one kind are integrated in one form, with as many nodes."""
        self.tables, self.row = tables(*inner, self.known)

    def p(self, bound: Floats, chosen: NDArray[np.intp] | None = None) -> Floats:
        """Take p at a bound for each of the ``chosen`` pairs (all of them by default)."""
        index = np.arange(len(self.a1)) if chosen is None else chosen
        out = np.full(len(index), np.nan)
        kind = self.kind[index]
        asked = self.known[index] & np.isfinite(bound)
        for form in np.unique(kind[asked]).tolist():
            part = np.flatnonzero(asked & (kind == form))
            out[part] = self._integrated(index[part], bound[part], form)
        # No figure is beyond an infinite bound, and those of 0 and 1 have no difference from it.
        sure = np.isinf(bound) & self.known[index]
        out[sure] = (bound[sure] > 0) == self.upwards[index[sure]]
        return np.asarray(np.minimum(out, 1.0))

    def _integrated(self, i: NDArray[np.intp], bound: Floats, kind: int) -> Floats:
        """Chance that a draw of the first is on the wrong side of the bound against one of the second."""
        from scipy.special import ndtr, ndtri

        second, upwards, count = bool(kind & 1), bool(kind & 2), FEW_NODES if kind & 4 else NODES
        b = bound[:, None]
        inner = (self.a2[i], self.b2[i]) if second else (self.a1[i], self.b1[i])
        outer = (self.a1[i], self.b1[i]) if second else (self.a2[i], self.b2[i])
        across = self.contrast.first if second else self.contrast.second
        # Where the inner one is so far out that the outer one's answer is certain.
        certain = self.contrast.second if second else self.contrast.first
        ends = [certain(np.full(len(i), end), bound) for end in (0.0, 1.0)]
        with np.errstate(divide="ignore"):
            low, high = (np.clip(ndtri(cdf(*inner, e)), -REACH, REACH) for e in ends)
        nodes, weights = gauss(count)
        half = ((high - low) / 2)[:, None]
        z = (low + high)[:, None] / 2 + half * nodes
        weight = half * weights * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        q = interpolated(self.tables, self.row[i], z)
        value = across(q, b)
        # The first is not above its partner of the second; or the second not below its partner of the first.
        wrong_side = cdf if second == upwards else above
        inside = (wrong_side(outer[0][:, None], outer[1][:, None], value) * weight).sum(1)
        return np.asarray(inside + (ndtr(-high) if second == upwards else ndtr(low)))


def pair_limit(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: ArrayLike, contrast: Contrast,
    *, upwards: ArrayLike,
) -> Floats:  # fmt: skip
    """`pair_lower` where ``upwards``, else `pair_upper`; all arguments broadcast."""
    given = floats(x1, n1, x2, n2, level, upwards)
    rows, place = distinct(np.stack([v.ravel() for v in given], axis=1))
    found = [
        _roots(one, many, two, more, at, contrast, up > 0) for one, many, two, more, at, up in _parts(rows)
    ]
    return np.concatenate([*found, np.zeros(0)])[place].reshape(given[0].shape)


def _parts(rows: list[Floats]) -> Iterator[list[Floats]]:
    """Columns by ``CHUNK`` rows at a time, which bounds memory."""
    for start in range(0, len(rows[0]), CHUNK):
        yield [column[start : start + CHUNK] for column in rows]


def _roots(
    x1: Floats, n1: Floats, x2: Floats, n2: Floats, level: Floats, contrast: Contrast,
    upwards: NDArray[np.bool_],
) -> Floats:  # fmt: skip
    """The bound whose p is ``level``: secant steps on normal quantiles, inside a bracket that is known."""
    from scipy.special import ndtri

    pairs = _Pairs(x1, n1, x2, n2, contrast, upwards)
    ends = [contrast.bounded(b) for b in pair_bounds(x1, n1, x2, n2, level, contrast, upwards=upwards)]
    low, high = np.minimum(*ends), np.maximum(*ends)
    target, sign = ndtri(level), np.where(upwards, 1.0, -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = contrast.bounded(contrast.value(x1 / n1, x2 / n2))
        guess = _guess(x1, n1, x2, n2, level, contrast, upwards, low, high)
        # p is nearly one half where the bound is the value: that gives the first slope.
        slope = np.abs(target / (centre - guess))
    active = np.flatnonzero(pairs.known & (high > low))
    here = guess.copy()
    before, f_before = np.full_like(here, np.nan), np.full_like(here, np.nan)
    for _ in range(60):
        if not len(active):
            break
        at = here[active]
        with np.errstate(divide="ignore"):
            z = np.clip(ndtri(pairs.p(contrast.unbounded(at), active)), -38, 38)
        f = sign[active] * (z - target[active])
        low[active] = np.where(f <= 0, at, low[active])
        high[active] = np.where(f > 0, at, high[active])
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (f - f_before[active]) / (at - before[active])
            steep = np.where(np.isfinite(secant) & (secant > 0), secant, slope[active])
            step = at - f / steep
        inside = np.isfinite(step) & (step > low[active]) & (step < high[active])
        here[active] = np.where(inside, step, (low[active] + high[active]) / 2)
        before[active], f_before[active] = at, f
        done = (np.abs(f) < 1e-7) | (high[active] - low[active] < 1e-14)
        here[active[done]] = at[done]
        active = active[~done]
    return np.where(pairs.known, contrast.unbounded(here), np.nan)


def _guess(
    x1: Floats, n1: Floats, x2: Floats, n2: Floats, level: Floats, contrast: Contrast,
    upwards: NDArray[np.bool_], low: Floats, high: Floats,
) -> Floats:  # fmt: skip
    """A first bound: both limits at the level at which two independent normal ones would meet the limit."""
    from scipy.special import ndtr, ndtri

    share = ndtr(ndtri(level) / np.sqrt(2))
    found = contrast.bounded(_of_limits(x1, n1, x2, n2, share, contrast, upwards=upwards))
    middle = (low + high) / 2
    return np.where(np.isfinite(found) & (found > low) & (found < high), found, middle)
