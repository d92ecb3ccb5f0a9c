"""How many rows would decide a question: what expected evidence of more of them would say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence, Index
from .intervals import Floats
from .questions import Each, Question
from .requirement import Requirement

MOST_TIMES = 1000.0
"""More than so many times the rows is no realistic number."""
POWER = 0.8
LEAST_P, FINEST_P = 1e-300, 1e-12
"""The least p-value that is looked at, and one whose rounding errors do not yet count."""

TIMES = np.array([1.0, 3.0, 10.0, 30.0, 100.0, 300.0, MOST_TIMES])
"""Multiples of the rows at which expected evidence is weighed; between them it grows about as the root."""


@dataclass(frozen=True)
class Needed:
    """How many times the rows would decide with 80 % power; nan at no realistic number.

    Attributes
    ----------
    times : float array
        Were the truth as measured.
    halfway : float array
        Were the truth half-way between what was measured and the limit.
    """

    times: Floats
    halfway: Floats


def needed(question: Question, level: float) -> Needed:
    """Find how many times the rows would decide a whole question; arrays of shape (1,).

    Passing it where all that was measured is within the limit, else failing it.
    """
    passing, nearest = bool(np.all(question.holds)), question.nearest()
    found = [_strength(question.requirement, e, passing, together=True) for e in nearest]
    strength = np.concatenate(found, axis=1)[:, None, :]
    loading = None
    if isinstance(question, Each):
        loading = np.concatenate([_loading(question.requirement, e, passing) for e in nearest])
    return _solved(strength, level if passing else level / question.claims, np.array([passing]), loading)


def needed_each(question: Each, items: Index, level: float) -> Needed:
    """Find how many times the rows would decide each of some items, arrays of shape (items,)."""
    evidence, holds = question.evidence.take(items), question.holds[items]
    out = Needed(np.full(len(items), np.nan), np.full(len(items), np.nan))
    for passing in (True, False):
        here = np.flatnonzero(holds == passing)
        if len(here):
            strength = _strength(question.requirement, evidence.take(here), passing, together=False)
            parts = strength.reshape(len(TIMES), -1, len(here)).transpose(0, 2, 1)
            at = level if passing else level / question.claims
            found = _solved(parts, at, np.full(len(here), passing))
            out.times[here], out.halfway[here] = found.times, found.halfway
    return out


def _strength(requirement: Requirement, evidence: Evidence, passing: bool, *, together: bool) -> Floats:
    """Normal quantiles of expected p-values over their root's growth, shape (times, parts x claims)."""
    from scipy.special import ndtri

    # A count that is smoothed to the other side of the limit would say that no rows are enough.
    same = requirement.holds(evidence.expected(1.0).value) == requirement.holds(evidence.value)
    smooth = bool(np.all(same)) if together else same
    rows = []
    for times in TIMES:
        expected = evidence.expected(times, smooth)
        p = requirement.parts(expected) if passing else [requirement.p_fail(expected)]
        rows.append(-ndtri(np.clip(np.concatenate(p), 1e-300, 1 - 1e-15)) / np.sqrt(times))
    return np.stack(rows)


def _loading(requirement: Requirement, evidence: Evidence, passing: bool) -> Floats:
    """How the reference that all claims share moves each one's p together, shape (parts x claims).

    The root of its share of the variance; negative where a higher reference makes the evidence stronger.
    """
    share = np.sqrt(evidence.shared())
    if passing:
        return np.concatenate([sign * share for sign in requirement.directions])
    if requirement.fold == "none":
        return -requirement.directions[0] * share
    neutral = 1.0 if requirement.fold == "ratio" else 0.0
    return np.where(evidence.value >= neutral, share, -share)


def _solved(
    strength: Floats, level: float, passing: NDArray[np.bool_], loading: Floats | None = None
) -> Needed:
    """Solve for the times at which strengths of shape (times, items, parts) have the power.

    Claims are independent but for the reference that they share: given that, they are, and the chance is its
    mean over where the reference may fall.
    """
    from scipy.special import ndtr, ndtri

    grid = np.log(TIMES)
    falls, weights = np.polynomial.hermite_e.hermegauss(24) if loading is not None else ([0.0], [1.0])
    weights = np.asarray(weights) / np.sum(weights)
    moved = np.zeros(strength.shape[2]) if loading is None else np.clip(loading, -0.999, 0.999)

    def chance(times: Floats, reach: float) -> Floats:
        at = np.log(times)
        after = np.clip(np.searchsorted(grid, at), 1, len(grid) - 1)
        share = ((at - grid[after - 1]) / (grid[after] - grid[after - 1]))[:, None]
        items = np.arange(strength.shape[1])
        z = (1 - share) * strength[after - 1, items] + share * strength[after, items]
        middle = z * np.sqrt(times)[:, None] * reach + ndtri(level)
        found = np.zeros(len(times))
        for fall, weight in zip(falls, weights, strict=True):
            beyond = ndtr((middle + moved * fall) / np.sqrt(1 - moved**2))
            passed, failed = np.prod(beyond, axis=1), 1 - np.prod(1 - beyond, axis=1)
            found += weight * np.where(passing, passed, failed)
        return found

    def times(reach: float) -> Floats:
        low = np.ones(strength.shape[1])
        high = np.full(strength.shape[1], MOST_TIMES)
        hopeless = ~(chance(high, reach) >= POWER)
        already = chance(low, reach) >= POWER
        for _ in range(24):
            middle = np.sqrt(low * high)
            enough = chance(middle, reach) >= POWER
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.where(hopeless, np.nan, np.where(already, 1.0, high))

    return Needed(times(1.0), times(0.5))


def decided(
    requirement: Requirement,
    expected: Callable[[float], Evidence],
    rows: float,
    level: float,
    claims: int,
    *,
    passing: bool,
) -> float:
    """Chance that expected evidence of so many rows passes (or fails) a requirement, claims independent.

    The p-value of expected counts is the middle one of those that will be seen; its normal quantile then has
    a standard deviation of 1 around that.
    """
    from scipy.special import ndtr, ndtri

    def quantiles(some: float) -> Floats:
        evidence = expected(some)
        p = requirement.parts(evidence) if passing else [requirement.p_fail(evidence)]
        return np.asarray(-ndtri(np.clip(np.concatenate(p), LEAST_P, 1 - 1e-15)))

    found, some = quantiles(rows), rows
    beyond = found >= -ndtri(FINEST_P)
    while np.any(beyond) and some >= 2:
        # Where p is too small to be computed its quantile grows as the root of the rows.
        some /= 2
        fewer = quantiles(some)
        settled = beyond & (fewer < -ndtri(FINEST_P))
        found = np.where(settled, fewer * np.sqrt(rows / some), found)
        beyond &= ~settled
    at = ndtri(level if passing else level / claims)
    chances = ndtr(found + at)
    return float(np.prod(chances)) if passing else float(1 - np.prod(1 - chances))
