"""What a gate asks: claims that are proven or refuted together.

Passing says that every claim holds: each is tested at the level itself (an intersection-union test; R. L.
Berger 1982, Technometrics 24:295-300). Failing says that some claim does not: each is tested at the level
shared out evenly over them (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .extremes import Extremes, Side
from .intervals import Floats, Limits
from .lockstep import beside, run
from .requirement import Requirement

MOST_CLAIMS = 200
"""The claims nearest to their limit, which decide how many rows are needed."""


class Question(Protocol):
    """What a gate asks of some slices; arrays of shape (items,), one item per slice (or one for all)."""

    @property
    def value(self) -> Floats:
        """What was measured, on the scale that is shown."""

    @property
    def claims(self) -> int:
        """How many claims a failure has to stand out among."""

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether what was measured keeps the limit."""

    @property
    def p_fail(self) -> Floats:
        """One-sided p of each item's failing, of its claim alone."""

    @property
    def p_pass(self) -> Floats:
        """The p of each item's passing."""

    def limits(self, level: float) -> Limits:
        """Return the limits that decide each item at a level, in the direction measured."""

    def interval(self, level: float) -> Limits:
        """Return two-sided limits of each item at the confidence 1 - ``level``."""

    def shown(self, value: Floats) -> Floats:
        """Turn figures as the requirement takes them into those that are shown, or back."""

    @property
    def inverse(self) -> NDArray[np.bool_]:
        """Whether the limit is on the inverse of an item's ratio."""

    def nearest(self) -> list[Evidence]:
        """Return what the rows say of the claims nearest to the limit."""

    def among(self, claims: int) -> Question:
        """Return the same question, its failure to stand out among so many claims, its own and others."""

    @property
    def requirement(self) -> Requirement:
        """The limit, as it stands for `nearest`."""

    @property
    def exact(self) -> bool:
        """Whether the level of the p-values is more than approximate."""


@dataclass(frozen=True)
class Each:
    """Every item is a claim of its own: a value, or a comparison with a reference that was fixed beforehand.

    Attributes
    ----------
    evidence : Evidence
    requirement : Requirement
    claims : int
        At least the number of items; more where the reference was picked by something else than its value.
    turned : bool
        The requirement is on ratios, and stands for one on their inverses.
    """

    evidence: Evidence
    requirement: Requirement
    claims: int
    turned: bool = False

    @property
    def value(self) -> Floats:
        """What was measured."""
        return self.evidence.value

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether what was measured keeps the limit."""
        return self.requirement.holds(self.value)

    @property
    def exact(self) -> bool:
        """Whether the level of the p-values is more than approximate."""
        return self.evidence.holds

    @cached_property
    def p_fail(self) -> Floats:
        """One-sided p of failing."""
        return self.requirement.p_fail(self.evidence)

    @cached_property
    def p_pass(self) -> Floats:
        """The p of passing."""
        return self.requirement.p_pass(self.evidence)

    def limits(self, level: float) -> Limits:
        """Return the limits that decide."""
        return self.requirement.limits(self.evidence, level / self.claims, level)

    def interval(self, level: float) -> Limits:
        """Return two-sided limits, as tables of slices have them."""
        return self.evidence.lower(level / 2), self.evidence.upper(level / 2)

    def shown(self, value: Floats) -> Floats:
        """Figures are shown as they are."""
        return value

    @property
    def inverse(self) -> NDArray[np.bool_]:
        """Whether the limit is on the inverse of a ratio, where that is the smaller of the two."""
        return np.asarray((self.requirement.fold == "ratio") & (self.value > 1)) | self.turned

    @property
    def each(self) -> Each:
        """The items as claims of their own."""
        return self

    def among(self, claims: int) -> Each:
        """The same, its failure to stand out among so many claims."""
        return replace(self, claims=claims)

    def nearest(self) -> list[Evidence]:
        """Return the evidence on the claims nearest to the limit."""
        wanted = self.p_pass if np.all(self.holds) else -self.p_fail
        order = np.argsort(-np.nan_to_num(wanted, nan=-np.inf))[:MOST_CLAIMS]
        return [self.evidence.take(order)]


@dataclass(frozen=True)
class Largest:
    """One item: the largest difference over all pairs of slices, or the smallest ratio.

    Attributes
    ----------
    extremes : Extremes
    limit : float
        Of the difference from above, or of the ratio lowest / highest from below.
    level : float
        At which it will be decided.
    together : int
        Claims among which a failure has to stand out, where these are more than its own.
    """

    extremes: Extremes
    limit: float
    level: float
    together: int = 0

    @property
    def requirement(self) -> Requirement:
        """The limit of highest against lowest."""
        return Requirement(1 / self.limit if self.extremes.ratio else self.limit, upper=True)

    @property
    def value(self) -> Floats:
        """What was measured."""
        return self.shown(np.array([self.extremes.value]))

    @property
    def claims(self) -> int:
        """Ordered pairs of slices, of all metrics."""
        return max(self.extremes.claims, self.together, 1)

    def among(self, claims: int) -> Largest:
        """The same, its failure to stand out among so many claims."""
        return replace(self, together=claims)

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether what was measured keeps the limit."""
        return self.requirement.holds(np.array([self.extremes.value]))

    @property
    def exact(self) -> bool:
        """Whether the level of the p-values is more than approximate."""
        return all(f.binomial is not None and f.plain for f in self.extremes.figures.values())

    @cached_property
    def _ends(self) -> list[tuple[float, Evidence]]:
        """The lower limit and the upper one, each with what the rows say of the pair that sets it."""
        sides: list[Side] = ["lower", "upper"]
        own = max(self.extremes.claims, 1)
        levels = {"lower": self.level * (own / self.claims), "upper": self.level}
        found = run(beside(self.extremes.search(levels[side], side) for side in sides))
        return [(limit, self.extremes.evidence(ends, self._levels)) for limit, ends in found]

    @property
    def _levels(self) -> tuple[float, float]:
        return self.level, self.level / self.claims

    @property
    def p_fail(self) -> Floats:
        """The p of the pair whose lower limit is the largest."""
        return self.requirement.p_fail(self._ends[0][1])

    @property
    def p_pass(self) -> Floats:
        """The p of the pair whose upper limit is the largest."""
        return self.requirement.p_pass(self._ends[1][1])

    def limits(self, level: float) -> Limits:
        """Return the limits that decide; ``level`` is the one that was given."""
        return self._in_order(*(limit for limit, _ in self._ends))

    def interval(self, level: float) -> Limits:
        """Return two-sided limits."""
        return self._in_order(*run(self.extremes.limits(level / 2)))

    def _in_order(self, low: float, high: float) -> Limits:
        ends = self.shown(np.array([low])), self.shown(np.array([high]))
        return (ends[1], ends[0]) if self.extremes.ratio else ends

    def shown(self, value: Floats) -> Floats:
        """Turn highest / lowest into lowest / highest, or back."""
        with np.errstate(divide="ignore"):
            return 1 / value if self.extremes.ratio else value

    @property
    def inverse(self) -> NDArray[np.bool_]:
        """The limit is on lowest / highest, as it is shown."""
        return np.zeros(1, bool)

    def nearest(self) -> list[Evidence]:
        """Return the evidence on the pairs of slices at either end."""
        return self.extremes.examined(self._levels)
