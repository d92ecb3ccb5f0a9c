"""The largest gap over all pairs of slices, with limits that hold whichever slices those are.

The lower limit is the largest of all ordered pairs, at a level that is shared out evenly over them: it holds
for all together. The upper one is the largest at the level itself: of all pairs only the true extremes have
to be covered. Neither leans on a normal distribution, so that both hold at rare rates and unequal sizes too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import exact
from .compare import Form, pair_evidence
from .contrast import Contrast
from .evidence import Evidence, Pairs
from .figures import Binomial, Figure
from .intervals import Floats, quantile_of_tail
from .lockstep import Ask, Search, above, beside, run

Index = NDArray[np.intp]
Side = Literal["lower", "upper"]

ALL_PAIRS = 100
"""Up to so many slices every pair is looked at; beyond, those whose own limits let them be the extreme."""
MOST_EXAMINED = 15
"""Slices at either end whose pairs say how many rows a verdict would need."""
BATCH = 512
"""Pairs that are looked at together, after the most hopeful one, which often leaves no others."""
CELLS = 1 << 17
"""Pairs of which bounds are held at once."""


@dataclass(frozen=True)
class Ends:
    """Two slices and the metric in which they differ; ``high`` has the larger value."""

    high: int
    low: int
    metric: str


@dataclass(frozen=True)
class Extremes:
    """Highest against lowest over slices, the worst of some metrics: difference, or ratio highest / lowest.

    Attributes
    ----------
    figures : mapping
        Of each metric, over the same slices.
    slices : int array
        Those compared.
    ratio : bool
    """

    figures: Mapping[str, Figure]
    slices: Index
    ratio: bool

    @cached_property
    def defined(self) -> dict[str, Index]:
        """The slices of each metric, where at least two have it and a ratio of them exists."""
        out = {}
        for name, figure in self.figures.items():
            use = self.slices[figure.defined[self.slices]]
            if len(use) > 1 and not (self.ratio and figure.value[use].max() <= 0):
                out[name] = use
        return out

    @property
    def claims(self) -> int:
        """Ordered pairs, of all metrics."""
        return sum(len(use) * (len(use) - 1) for use in self.defined.values())

    @property
    def neutral(self) -> float:
        """What equal slices have."""
        return 1.0 if self.ratio else 0.0

    @cached_property
    def ends(self) -> Ends:
        """The slices that differ most as measured; there must be a metric that two slices have."""
        measured = [self._measured(name, use) for name, use in self.defined.items()]
        return max(measured, key=lambda pair: pair[0])[1]

    @cached_property
    def value(self) -> float:
        """The largest difference or ratio as measured."""
        return max(self._measured(name, use)[0] for name, use in self.defined.items())

    def _measured(self, name: str, use: Index) -> tuple[float, Ends]:
        value = self.figures[name].value
        high = int(use[np.argmax(value[use])])
        # Of equal slices two are named all the same.
        others = use[use != high]
        low = int(others[np.argmin(value[others])])
        return self._contrast(value[high], value[low]), Ends(high, low, name)

    def _contrast(self, high: float, low: float) -> float:
        if not self.ratio:
            return float(high - low)
        return float(high / low) if low > 0 else np.inf

    def limit(self, level: float, side: Side) -> tuple[float, Ends]:
        """The lower limit (of all pairs together) or the upper one, and the pair that sets it.

        Parameters
        ----------
        level : float
            One-sided, of all pairs together.
        """
        return run(self.search(level, side))

    def limits(self, level: float) -> Search[tuple[float, float]]:
        """Both limits, each at the one-sided level, as a search."""
        low, high = yield from beside([self.search(level, "lower"), self.search(level, "upper")])
        return low[0], high[0]

    def search(self, level: float, side: Side) -> Search[tuple[float, Ends]]:
        """`limit`, as a search."""
        each = level / max(self.claims, 1) if side == "lower" else level
        best, at = _Best(self.neutral if side == "lower" else -np.inf), self.ends
        for name, use in self.defined.items():
            figure, best.pair = self.figures[name], None
            search = _search_exact if figure.binomial is not None else _search_mover
            yield from search(figure, use, self.ratio, side, each, best)
            if best.pair is not None:
                at = Ends(*best.pair, name)
        return best.limit, at

    def evidence(self, ends: Ends, levels: tuple[float, ...]) -> Evidence:
        """What the rows say of one ordered pair."""
        return self._pairs(ends.metric, np.array([ends.high]), np.array([ends.low]), levels)

    def examined(self, levels: tuple[float, ...]) -> list[Evidence]:
        """What they say of the pairs that matter most: those of the slices at either end, of each metric."""
        out = []
        for name, use in self.defined.items():
            order = use[np.argsort(self.figures[name].value[use])]
            low, high = order[:MOST_EXAMINED], order[::-1][:MOST_EXAMINED]
            i, j = (part.ravel() for part in np.meshgrid(high, low, indexing="ij"))
            out.append(self._pairs(name, i[i != j], j[i != j], levels))
        return out

    def _pairs(self, name: str, high: Index, low: Index, levels: tuple[float, ...]) -> Evidence:
        return pair_evidence(self.figures[name], high, low, _form(self.ratio), levels)


@dataclass(frozen=True)
class Between:
    """The extremes over slices: value, limits and the two slices that make it."""

    value: float
    low: float
    high: float
    slice: int
    reference: int
    metric: str


def between(
    figures: Mapping[str, Figure], slices: Index, form: Form, confidence: float
) -> Search[Between | None]:
    """Highest - lowest (or lowest / highest) over ``slices``, the worst of the given metrics.

    Returns
    -------
    search of Between or None
        None where fewer than two slices have any of the metrics.
    """
    extremes = Extremes(figures, slices, form == "ratio")
    if not extremes.defined:
        return None
    value, ends = extremes.value, extremes.ends
    low, high = yield from extremes.limits((1 - confidence) / 2)
    if form == "difference":
        return Between(value, low, high, ends.high, ends.low, ends.metric)
    return Between(1 / value, 1 / high, 1 / low, ends.low, ends.high, ends.metric)


@dataclass
class _Best:
    """The largest limit so far, and the pair that has it; no pair where none is above what it began with."""

    limit: float
    pair: tuple[int, int] | None = None


Limiting = Callable[[Index, Index], Search[Floats]]
"""Searches for the limits of ordered pairs; those that are not above the best one may be left out."""


def _search_exact(
    figure: Figure, use: Index, ratio: bool, side: Side, level: float, best: _Best
) -> Search[None]:
    """Raise ``best`` to the largest melded limit, by bounds that rest on either slice alone.

    Beyond `ALL_PAIRS` slices those of equal counts are looked at as one, and clusters that lie in several
    slices not at all.
    """
    held = figure.binomial
    assert held is not None
    contrast, form, upwards = Contrast(ratio, held.scale), _form(ratio), side == "lower"

    def limits(i: Index, j: Index) -> Search[Floats]:
        pairs = pair_evidence(figure, i, j, form, ())
        assert isinstance(pairs, Pairs)
        if len(i) > 1:
            return (yield from above(pairs, level, best.limit, upwards))
        (limit,) = yield [Ask(pairs, level, upwards)]
        return limit

    # A limit is not above that of the limits of each slice alone, at this level (see `exact.pair_bounds`).
    at = np.sqrt(level) if upwards else level / 2
    near, far = (exact.lower, exact.upper) if upwards else (exact.upper, exact.lower)
    if len(use) <= ALL_PAIRS:
        i, j = _ordered_pairs(use)
        if figure.dependence is None:
            ups, downs = near(held.x, held.n, at)[i], far(held.x, held.n, at)[j]
        else:
            pairs = pair_evidence(figure, i, j, form, ())
            assert isinstance(pairs, Pairs)
            ups, downs = near(pairs.x1, pairs.n1, at), far(pairs.x2, pairs.n2, at)
        yield from _raise(best, i, j, contrast.value(ups, downs), limits)
        return
    # Two slices of each pair of counts are enough for all of them.
    counts = np.stack([held.x[use], held.n[use]], axis=1)
    _, place = np.unique(counts, axis=0, return_inverse=True)
    kept = use[_first_two(place.reshape(-1))]
    x, n = held.x[kept], held.n[kept]
    yield from _scan(best, kept, near(x, n, at), far(x, n, at), contrast.value, limits)


def _form(ratio: bool) -> Form:
    return "ratio" if ratio else "difference"


def _ordered_pairs(use: Index) -> tuple[Index, Index]:
    i, j = (part.ravel() for part in np.meshgrid(use, use, indexing="ij"))
    return i[i != j], j[i != j]


def _first_two(place: Index) -> Index:
    """Positions of the first two members of each group, of fewer where it has one."""
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return order[rank < 2]


def _scan(
    best: _Best, use: Index, ups: Floats, downs: Floats, contrast: Callable[[Floats, Floats], Floats],
    limits: Limiting,
) -> Search[None]:  # fmt: skip
    """Raise ``best`` over all ordered pairs; no limit is above the contrast of ``ups`` and ``downs``."""
    up, down = np.argsort(-ups), np.argsort(downs)
    yield from _raise(best, use[up[:1]], use[down[down != up[0]][:1]], np.array([np.inf]), limits)
    up = up[~(contrast(ups[up], downs[down[0]]) <= best.limit)]
    down = down[~(contrast(ups[np.argmax(ups)], downs[down]) <= best.limit)]
    rows = max(1, CELLS // max(len(down), 1))
    for start in range(0, len(up), rows):
        part = up[start : start + rows]
        bound = contrast(ups[part, None], downs[down])
        bound = np.where(part[:, None] == down, -np.inf, np.where(np.isnan(bound), np.inf, bound))
        a, b = np.nonzero(bound > best.limit)
        yield from _raise(best, use[part[a]], use[down[b]], bound[a, b], limits)


def _raise(best: _Best, i: Index, j: Index, bound: Floats, limits: Limiting) -> Search[None]:
    """Raise ``best`` to the largest limit of some pairs, the most hopeful first."""
    order = np.argsort(-np.where(np.isnan(bound), np.inf, bound))
    start, end = 0, 1
    while start < len(order):
        part = order[start:end]
        start, end = end, end + BATCH
        part = part[~(bound[part] <= best.limit)]
        if not len(part):
            return
        limit = yield from limits(i[part], j[part])
        limit = np.nan_to_num(limit, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        top = int(np.argmax(limit))
        if limit[top] > best.limit:
            best.limit, best.pair = float(limit[top]), (int(i[part[top]]), int(j[part[top]]))


def _search_mover(
    figure: Figure, use: Index, ratio: bool, side: Side, level: float, best: _Best
) -> Search[None]:
    """Raise ``best`` to the largest MOVER limit of all ordered pairs; a ratio's is taken on logarithms.

    With a and b the arms of two intervals, hypot(a, b) is at most a + b and at least (a + b) / sqrt 2, which
    bounds the limit of a pair by a term of each slice.
    """
    low, high = figure.limits(quantile_of_tail(level), 1.0)
    value, low, high = figure.value, low, high
    if ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            value, low, high = np.log(value), np.log(np.maximum(low, 0)), np.log(high)
        best.limit = float(np.log(best.limit)) if best.limit > 0 else -np.inf

    def limits(i: Index, j: Index) -> Search[Floats]:
        yield from ()
        with np.errstate(invalid="ignore"):
            if side == "lower":
                limit = value[i] - value[j] - np.hypot((value - low)[i], (high - value)[j])
            else:
                limit = value[i] - value[j] + np.hypot((high - value)[i], (value - low)[j])
        # A slice at 0 has no logarithm: nothing bounds its ratio from above.
        return np.where(np.isnan(limit), -np.inf if side == "lower" else np.inf, limit)

    half = np.sqrt(0.5)
    with np.errstate(invalid="ignore"):
        if side == "lower":
            ups, downs = value - (value - low) * half, value + (high - value) * half
        else:
            ups, downs = high, low
    yield from _scan(best, use, ups[use], downs[use], np.subtract, limits)
    if ratio:
        best.limit = float(np.exp(best.limit))


def differential_fairness(
    figure: Figure, selected: Floats, n: Floats, use: Index, confidence: float
) -> Search[tuple[float, float, float, int, int]]:
    """Differential fairness epsilon of the decisions: the largest |ln ratio| of either decision's rate.

    The value is smoothed with a Dirichlet prior of concentration 1, as AIF360's ``smoothed_edf`` does
    (J. R. Foulds et al. 2020, ICDE, eq. 8); the limits are those of the largest ratio over all pairs and both
    decisions.

    Returns
    -------
    search of value, low, high, slice, reference
        The two slices whose rates make the value.
    """
    smooth = (selected[use] + 0.5) / (n[use] + 1)
    logs = np.stack([np.log(smooth), np.log1p(-smooth)])
    spans = logs.max(1) - logs.min(1)
    outcome = int(np.argmax(spans))
    held = figure.binomial
    assert held is not None
    against = replace(figure, value=1 - figure.value, binomial=Binomial(held.n - held.x, held.n, held.scale))
    both = Extremes({"selected": figure, "not selected": against}, use, ratio=True)
    low, high = (yield from both.limits((1 - confidence) / 2)) if both.defined else (1.0, np.inf)
    # Where all slices have the same decision alone, nothing bounds the ratio of the other's rates.
    high = high if len(both.defined) == 2 else np.inf
    return (
        float(spans[outcome]), float(np.log(low)), float(np.log(high)),
        int(use[np.argmin(logs[outcome])]), int(use[np.argmax(logs[outcome])]),
    )  # fmt: skip
