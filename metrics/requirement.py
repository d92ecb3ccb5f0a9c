"""A limit that figures are asked to keep: p-values of failing and passing it, and the limits that decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .evidence import Evidence
from .intervals import Floats, Limits

Flags = NDArray[np.bool_]

Fold = Literal["none", "difference", "ratio"]


@dataclass(frozen=True)
class Requirement:
    """A limit, and what of the figure it is on.

    Attributes
    ----------
    limit : float
    upper : bool
        The figure is to be at most the limit, else at least.
    fold : {"none", "difference", "ratio"}
        The limit is on the figure itself; on a difference in either direction (an upper limit, at least 0);
        or on a ratio or its inverse, whichever is smaller (a lower limit, in (0, 1]).
    """

    limit: float
    upper: bool
    fold: Fold = "none"

    def folded(self, value: ArrayLike) -> Floats:
        """Figures on the scale of the limit."""
        value = np.asarray(value, float)
        if self.fold == "difference":
            return np.asarray(np.abs(value))
        with np.errstate(divide="ignore"):
            return np.asarray(np.fmin(value, 1 / value)) if self.fold == "ratio" else value

    def holds(self, value: ArrayLike) -> Flags:
        """Whether figures keep the limit; nan does not."""
        found = self.folded(value)
        return found <= self.limit if self.upper else found >= self.limit

    @property
    def _ends(self) -> tuple[float, float]:
        """Smallest and largest figure that a folded limit allows."""
        return (-self.limit, self.limit) if self.fold == "difference" else (self.limit, 1 / self.limit)

    def p_fail(self, evidence: Evidence) -> Floats:
        """One-sided p of a figure that keeps the limit: small where it breaks it.

        Of a folded one, the chance of as much in the direction that was measured at either end of what the
        limit allows, added up; at a limit of no difference it is a two-sided p.
        """
        if self.fold == "none":
            return evidence.above(self.limit) if self.upper else evidence.below(self.limit)
        return self._p_outside(evidence, *self._ends)

    def _p_outside(self, evidence: Evidence, low: ArrayLike, high: ArrayLike) -> Floats:
        up = evidence.value >= (1.0 if self.fold == "ratio" else 0.0)
        p = np.full(up.shape, np.nan)
        for side, ask in ((up, "above"), (~up, "below")):
            here = np.flatnonzero(side)
            if len(here):
                part = evidence.take(here)
                ends = (np.broadcast_to(end, up.shape)[here] for end in (low, high))
                p[here] = sum(getattr(part, ask)(end) for end in ends)
        return np.minimum(np.where(np.isnan(evidence.value), np.nan, p), 1.0)

    def p_pass(self, evidence: Evidence) -> Floats:
        """The p of a figure that breaks the limit: small where it keeps it, in either direction."""
        return np.asarray(np.max(self.parts(evidence), axis=0))

    def parts(self, evidence: Evidence) -> list[Floats]:
        """The one-sided p-values that must all be small to pass."""
        if self.fold == "none":
            return [evidence.below(self.limit) if self.upper else evidence.above(self.limit)]
        low, high = self._ends
        return [evidence.above(low), evidence.below(high)]

    @property
    def directions(self) -> tuple[int, ...]:
        """Of each of `parts`, 1 where it asks for more of the figure and -1 where for less."""
        if self.fold == "none":
            return (-1,) if self.upper else (1,)
        return 1, -1

    def limits(self, evidence: Evidence, fail_level: float, pass_level: float) -> Limits:
        """The two limits that decide, in the direction that was measured.

        The one that failing needs is at ``fail_level``, the one that passing needs at ``pass_level``: the
        requirement fails (or passes) where its p is at most that level, which is where the limit says so.
        """
        if self.fold == "none" and self.upper:
            return evidence.lower(fail_level), evidence.upper(pass_level)
        if self.fold == "none":
            return evidence.lower(pass_level), evidence.upper(fail_level)
        near = self._near(evidence, fail_level)
        low, high = evidence.lower(pass_level), evidence.upper(pass_level)
        if self.fold == "difference":
            far, up = np.fmax(high, -low), evidence.value >= 0
            return np.where(up, near, -far), np.where(up, far, -near)
        with np.errstate(divide="ignore"):
            far, up = np.fmax(high, 1 / low), evidence.value >= 1
            return np.where(up, near, 1 / far), np.where(up, far, 1 / near)

    def _near(self, evidence: Evidence, level: float) -> Floats:
        """Distance from no difference that is proven: the largest whose `_p_outside` is at most the level.

        As a ratio of at least 1 where ratios are folded. It lies between the plain limits at half the level
        and at the level, and is the latter but where both ends of the allowed range matter.
        """
        ratio = self.fold == "ratio"
        neutral = 1.0 if ratio else 0.0
        up = evidence.value >= neutral

        def distance(at: float) -> Floats:
            plain = np.where(up, evidence.lower(at), evidence.upper(at))
            with np.errstate(divide="ignore"):
                out = np.where(up, plain, 1 / plain if ratio else -plain)
            return np.fmax(out, neutral)

        found = distance(level)
        near = np.flatnonzero(found > neutral)
        if not len(near):
            return found
        part, high = evidence.take(near), found[near]
        least = distance(level / 2)[near]
        over = self._p_outside(part, *_allowed(high, ratio)) > level
        low, top = least[over], high[over]
        close = part.take(np.flatnonzero(over))
        for _ in range(45 if over.any() else 0):
            middle = (low + top) / 2
            proven = self._p_outside(close, *_allowed(middle, ratio)) <= level
            low, top = np.where(proven, middle, low), np.where(proven, top, middle)
        high = high.copy()
        high[over] = low
        found[near] = high
        return found


def _allowed(distance: Floats, ratio: bool) -> tuple[Floats, Floats]:
    return (1 / distance, distance) if ratio else (-distance, distance)


def as_decided(requirement: Requirement, low: Floats, high: Floats, fails: Flags, passes: Flags) -> Limits:
    """Put limits that rounding left a hair on the wrong side of the requirement onto it.

    ``low`` and ``high`` may stand in either order; so they come back.
    """
    ends = [requirement.folded(end) for end in (low, high)]
    worse = np.fmax if requirement.upper else np.fmin
    near_first = worse(*ends) != ends[0]
    out = []
    for end, value, near in ((low, ends[0], near_first), (high, ends[1], ~near_first)):
        breaks = ~requirement.holds(end) | np.isnan(value)
        # The nearer end breaks the limit where it fails, the farther one unless it passes.
        wrong = np.where(near, breaks != fails, breaks == passes) & ~np.isnan(value)
        close = np.abs(value - requirement.limit) <= 1e-6 * max(1.0, abs(requirement.limit))
        out.append(np.where(wrong & close, _onto(requirement, end), end))
    return out[0], out[1]


def _onto(requirement: Requirement, end: Floats) -> Floats:
    """The limit, on the side of no difference on which a figure lies."""
    limit = requirement.limit
    if requirement.fold == "difference":
        return np.where(end < 0, -limit, limit)
    return np.where(end > 1, 1 / limit, limit) if requirement.fold == "ratio" else np.full(end.shape, limit)
