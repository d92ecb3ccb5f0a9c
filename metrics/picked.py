"""Slices against a reference that was picked for its value: the question, and the pairs that decide it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import exact
from .compare import Form, pair_evidence
from .evidence import Evidence, Index, Pairs
from .extremes import Side
from .figures import Figure
from .intervals import Floats, Limits
from .lockstep import Ask, Search, above, beside, run
from .questions import Each
from .requirement import Requirement

EVERY_PAIR = 100
"""Up to so many slices each is compared with every other where the reference is picked."""
BEST = 8
"""Of more slices each is compared with those of the highest limits, which are what could be the reference."""


@dataclass(frozen=True)
class Picked:
    """Each item is a slice against a reference that was picked for its value, the best of all.

    A slice keeps the limit where it does so against every other slice, whichever is truly the best.

    Attributes
    ----------
    figure : Figure
    slices : int array
        The items.
    candidates : int array
        The slices of which the reference is the best.
    reference : int
        The one that was picked.
    form : {"difference", "ratio"}
    highest : bool
        The best is the highest, else the lowest.
    limit : float
        Of the difference from above; of the worse to the better from below, where that is a ratio.
    level : float
        At which it will be decided.
    together : int
        Claims among which a failure has to stand out, where these are more than its own.
    """

    figure: Figure
    slices: Index
    candidates: Index
    reference: int
    form: Form
    highest: bool
    limit: float
    level: float
    together: int = 0

    @property
    def requirement(self) -> Requirement:
        """The limit of higher against lower."""
        return Requirement(1 / self.limit if self.form == "ratio" else self.limit, upper=True)

    @property
    def value(self) -> Floats:
        """Each slice against the reference, slice - reference or slice / reference."""
        one, other = self.figure.value[self.slices], self.figure.value[self.reference]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(one == other, 1.0, one / other)
        return np.asarray(ratio if self.form == "ratio" else one - other)

    @property
    def claims(self) -> int:
        """Ordered pairs of slices."""
        return max(len(self.candidates) * (len(self.candidates) - 1), self.together, 1)

    def among(self, claims: int) -> Picked:
        """The same, its failure to stand out among so many claims."""
        return replace(self, together=claims)

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether what was measured keeps the limit."""
        return self.requirement.holds(self.shown(self.value))

    @property
    def exact(self) -> bool:
        """Whether the level of the p-values is more than approximate."""
        return self.figure.binomial is not None and self.figure.plain

    def shown(self, value: Floats) -> Floats:
        """From slice against reference to higher against lower, and back."""
        if not self.highest:
            return value
        with np.errstate(divide="ignore"):
            return 1 / value if self.form == "ratio" else -value

    @cached_property
    def _against(self) -> Index:
        """The slices that each is compared with."""
        if len(self.candidates) <= EVERY_PAIR:
            return self.candidates
        low, high = self.figure.limits(0.5, 1.0)
        order = np.argsort(-high[self.candidates] if self.highest else low[self.candidates])[:BEST]
        return np.union1d(self.candidates[order], [self.reference])

    @cached_property
    def _pairs(self) -> tuple[Evidence, Index]:
        """Every item against every slice that may be the best, and the item of each pair."""
        item, j = (p.ravel() for p in np.meshgrid(np.arange(len(self.slices)), self._against, indexing="ij"))
        i = self.slices[item]
        item, i, j = item[i != j], i[i != j], j[i != j]
        high, low = (j, i) if self.highest else (i, j)
        levels = (self.level, self.level / self.claims)
        return pair_evidence(self.figure, high, low, self.form, levels), item

    def _per_item(self, values: Floats, best: Callable[..., Floats], start: ArrayLike) -> Floats:
        out = np.broadcast_to(np.asarray(start, float), len(self.slices)).copy()
        item = self._pairs[1]
        best.at(out, item, np.where(np.isnan(values), out[item], values))  # type: ignore[attr-defined]
        return np.where(np.isnan(self.figure.value[self.slices]), np.nan, out)

    @cached_property
    def p_fail(self) -> Floats:
        """The smallest p of failing against any slice."""
        return self._per_item(self.requirement.p_fail(self._pairs[0]), np.fmin, 1.0)

    @cached_property
    def p_pass(self) -> Floats:
        """The largest p of passing against any slice."""
        return self._per_item(self.requirement.p_pass(self._pairs[0]), np.fmax, 0.0)

    def limits(self, level: float) -> Limits:
        """Return the limits that decide each item."""
        return run(self._between(level / self.claims, level))

    def interval(self, level: float) -> Limits:
        """Return two-sided limits of each item, adjusted for the choice of the reference."""
        return run(self.search(level))

    def search(self, level: float) -> Search[Limits]:
        """`interval`, as a search."""
        return self._between(level / 2 / self.claims, level / 2)

    def _between(self, low_level: float, high_level: float) -> Search[Limits]:
        low, high = yield from beside(
            [self._farthest(low_level, "lower"), self._farthest(high_level, "upper")]
        )
        return (self.shown(high), self.shown(low)) if self.highest else (low, high)

    def p_apart(self) -> Floats:
        """Two-sided p of a slice that is no worse than any other, adjusted for the choice of reference."""
        neutral = 1.0 if self.form == "ratio" else 0.0
        p = self._per_item(self._pairs[0].above(neutral), np.fmin, 1.0)
        return np.minimum(2 * p * self.claims, 1.0)

    def _farthest(self, level: float, side: Side) -> Search[Floats]:
        """The largest limit of each item over its pairs, of those that can be the largest."""
        pairs, item = self._pairs
        if isinstance(pairs, Pairs):
            limits = yield from self._largest(pairs, item, level, upwards=side == "lower")
        else:
            limits = pairs.lower(level) if side == "lower" else pairs.upper(level)
        # One that the reference was picked from is not better than the best; any other may be.
        neutral = np.where(
            np.isin(self.slices, self.candidates), 1.0 if self.form == "ratio" else 0.0, -np.inf
        )
        return self._per_item(limits, np.fmax, neutral)

    def _largest(self, pairs: Pairs, item: Index, level: float, *, upwards: bool) -> Search[Floats]:
        """The limits of those pairs that can have the largest of their item; nan or less of others."""
        rows, place = np.unique(
            np.stack([pairs.x1, pairs.n1, pairs.x2, pairs.n2], axis=1), axis=0, return_inverse=True
        )
        x1, n1, x2, n2 = rows.T
        at = np.full(len(rows), level)
        ends = exact.pair_bounds(x1, n1, x2, n2, at, pairs.contrast, upwards=upwards)
        inner, outer = (end[place.reshape(-1)] for end in (np.fmin(*ends), np.fmax(*ends)))
        least = self._per_item(inner, np.fmax, -np.inf)
        hopeful = np.flatnonzero(~(outer < least[item]))
        # The most hopeful pair of each item says which others can be above it.
        order = hopeful[np.lexsort((-outer[hopeful], item[hopeful]))]
        leads = np.diff(item[order], prepend=-1) != 0
        first, others = order[leads], order[~leads]
        limits = np.full(len(item), np.nan)
        (limits[first],) = yield [Ask(pairs.take(first), level, upwards)]
        if len(others):
            best = self._per_item(limits, np.fmax, -np.inf)[item[others]]
            limits[others] = yield from above(pairs.take(others), level, best, upwards)
        return limits

    @property
    def inverse(self) -> NDArray[np.bool_]:
        """The limit is on reference / slice where the best is the lowest."""
        return np.full(len(self.slices), self.form == "ratio" and not self.highest)

    @property
    def each(self) -> Each:
        """The pair that decides each item: the hardest to pass, or beyond the limit the surest to fail."""
        pairs, item = self._pairs
        passing, failing = self.requirement.p_pass(pairs), self.requirement.p_fail(pairs)
        worst = np.where(self.holds[item], -passing, failing)
        order = np.lexsort((worst, item))
        first = order[np.searchsorted(item[order], np.arange(len(self.slices)))]
        return Each(pairs.take(first), self.requirement, self.claims)

    def nearest(self) -> list[Evidence]:
        """Return the evidence on the pairs nearest to the limit."""
        return Each(self._pairs[0], self.requirement, self.claims).nearest()
