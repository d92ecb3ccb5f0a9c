"""Exact search of decision thresholds per slice, under a limit on a disparity.

A decision is ``score >= threshold``. The counts of every cut of a slice come from one sort; of all the
combinations of cuts that keep the limit, the one of the best performance is found by branch and bound.
Equal performance is settled by the smaller disparity, and then by the order of the search, which is
fixed: the same rows give the same thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from .constraint import Constraint, disparity_of, values_of, windows_of
from .counts import Counts
from .cuts import Candidates, thresholds_between
from .entry import Metric
from .intervals import Floats
from .objective import fraction, is_fixed, ratios_of, share_for, sign_of, value_of
from .table import METRICS, PERFORMANCE
from .windows import TOLERANCE, Index, pick, slack, total


@dataclass(frozen=True)
class Found:
    """One choice of thresholds.

    Attributes
    ----------
    thresholds : float array of shape (slices,)
    chosen : int array of shape (slices,)
        Position of each slice's candidate.
    performance : float
        Objective of all rows together.
    disparity : float
        What the constraint limits; nan without one.
    """

    thresholds: Floats
    chosen: Index
    performance: float
    disparity: float


class Infeasible(ValueError):  # noqa: N818 - the field's word
    """No choice of thresholds will do; ``nearest`` is the nearest value that one reaches (nan: none)."""

    def __init__(self, message: str, nearest: float) -> None:
        super().__init__(message)
        self.nearest = nearest


def search(slices: Sequence[Candidates], objective: Metric, constraint: Constraint | None) -> Found:
    """The thresholds of the best performance that keep the constraint.

    Raises
    ------
    ValueError
        If the metrics cannot be searched, or are undefined on these rows.
    Infeasible
        If no choice keeps the limit; ``nearest`` is the disparity that comes nearest.
    """
    problem = _Problem(slices, objective, constraint)
    if constraint is None:
        return problem.optimum(np.inf)
    try:
        return problem.optimum(problem.reach(constraint.limit))
    except Infeasible:
        raise _missed(constraint, problem.optimum(problem.least(None)).disparity) from None


def search_common(slices: Sequence[Candidates], objective: Metric, constraint: Constraint | None) -> Found:
    """The one threshold for all slices of the best performance that keeps the constraint.

    Raises as `search` does.
    """
    threshold = thresholds_between(np.unique(np.concatenate([s.score for s in slices]))[::-1])
    return search_paths(slices, objective, constraint, np.tile(threshold, (len(slices), 1)))


def search_paths(
    slices: Sequence[Candidates], objective: Metric, constraint: Constraint | None, thresholds: Floats
) -> Found:
    """The best of some given choices of thresholds that keeps the constraint; of equals the first.

    Parameters
    ----------
    slices : sequence of Candidates
    objective : Metric
    constraint : Constraint or None
    thresholds : float array of shape (slices, choices)

    Raises as `search` does.
    """
    fraction(objective, slices)  # refuses what is no objective
    pairs = zip(slices, thresholds, strict=True)
    chosen = np.stack([np.searchsorted(-s.score, -t, side="right") for s, t in pairs])
    performance = value_of(objective, _together(slices, chosen))
    disparity = disparity_of(constraint, pick(values_of(constraint, slices), chosen))
    sign = 1 if constraint is None or constraint.upper else -1
    excess = np.zeros_like(performance) if constraint is None else sign * (disparity - constraint.limit)
    excess = np.where(np.isnan(performance) | np.isnan(excess), np.inf, excess)
    kept = excess <= TOLERANCE
    if not kept.any():
        nearest = int(np.argmin(excess))
        raise _missed(constraint, float(disparity[nearest]) if excess[nearest] < np.inf else np.nan)
    good = np.where(kept, sign_of(objective) * performance, -np.inf)
    best = int(np.argmin(np.where(good >= good.max() - TOLERANCE, excess, np.inf)))
    return Found(thresholds[:, best], chosen[:, best], float(performance[best]), float(disparity[best]))


def least_disparity(
    slices: Sequence[Candidates], objective: Metric, constraint: Constraint, floor: float
) -> Found:
    """The thresholds of the least disparity whose performance is at least ``floor``.

    At most ``floor`` for an objective of which less is better. The constraint's own limit is not read.
    Among equals the best performance is taken.

    Raises
    ------
    ValueError
        As `search` does.
    Infeasible
        If no choice performs so well; ``nearest`` is the best performance there is.
    """
    problem = _Problem(slices, objective, constraint)
    found = problem.optimum(problem.least(floor))
    best = found.performance
    if sign_of(objective) * (floor - best) > 10 * TOLERANCE:
        raise Infeasible(f"no thresholds bring {objective.name} to {floor:.6g}, the best is {best:.6g}", best)
    return found


def curve(
    slices: Sequence[Candidates], objective: Metric, constraint: Constraint, points: int = 50
) -> list[Found]:
    """The trade-off from the unconstrained optimum down to the least disparity.

    Each point is the optimum at one of ``points`` evenly spaced limits (the constraint's own limit is not
    read), so that none is beaten in performance and disparity at once.

    Raises
    ------
    ValueError
        As `search` does.
    """
    problem = _Problem(slices, objective, constraint)
    found, least = [problem.optimum(np.inf)], problem.optimum(problem.least(None)).disparity
    sign = 1 if constraint.upper else -1
    for limit in np.linspace(found[0].disparity, least, points)[1:].tolist():
        if sign * (found[-1].disparity - limit) > TOLERANCE:
            found.append(problem.optimum(problem.reach(limit)))
    return found


def nearest_rates(slices: Sequence[Candidates], metric: Metric, target: Floats) -> Found:
    """Per slice the threshold whose ``metric`` is nearest to the slice's target.

    Of equals the more accurate one is taken, then the higher threshold. The performance given is the
    accuracy of all rows together, the disparity the largest distance from a target.

    Parameters
    ----------
    slices : sequence of Candidates
    metric : Metric
    target : float array of shape (slices,)

    Raises
    ------
    ValueError
        If the metric is undefined at every threshold of a slice, or a target is.
    """
    accuracy = METRICS[PERFORMANCE[0]]
    chosen, distances = [], []
    for i, (s, wanted) in enumerate(zip(slices, target, strict=True)):
        distance = np.abs(value_of(metric, s.counts) - wanted)
        if np.isnan(distance).all():
            raise ValueError(f"{metric.name} or its target is undefined in slice {i}")
        near = distance <= np.nanmin(distance) + TOLERANCE
        right = np.where(near, value_of(accuracy, s.counts), -1.0)
        chosen.append(int(np.argmax(right >= right.max() - TOLERANCE)))
        distances.append(distance[chosen[-1]])
    return _found(slices, accuracy, np.array(chosen), float(max(distances)))


class _Problem:
    """An objective and a constraint over the candidates of some slices."""

    def __init__(
        self, slices: Sequence[Candidates], objective: Metric, constraint: Constraint | None
    ) -> None:
        self.slices, self.objective, self.constraint = slices, objective, constraint
        self.above, self.below = fraction(objective, slices)
        self.values = values_of(constraint, slices)
        self.ideal = 0.0
        if constraint is not None and constraint.compare == "value" and not constraint.upper:
            self.ideal = max(float(np.nanmax(v)) for v in self.values)
        self.windows = windows_of(constraint, self.values, self.ideal)

    def reach(self, limit: float) -> float:
        """A limit on the scale of the windows."""
        assert self.constraint is not None
        if self.constraint.compare == "ratio":
            return -math.log(limit - TOLERANCE) if limit > TOLERANCE else np.inf
        return (limit - self.ideal) * (1 if self.constraint.upper else -1) + TOLERANCE

    def optimum(self, reach: float) -> Found:
        """The best performance within ``reach``, by W. Dinkelbach 1967, Manage. Sci. 13:492-498.

        above / below is at its largest once no choice makes above - ratio * below positive; until then
        the choice that makes that largest has a larger ratio. The closest of equals is asked for at the end.
        """
        last = all(map(is_fixed, ratios_of(self.objective)))
        above, below = min(0.0, sign_of(self.objective)), 1.0
        while True:
            gains = [below * a - above * b for a, b in zip(self.above, self.below, strict=True)]
            chosen = self._defined(self.windows.best(gains, reach, last), gains, -slack(gains), reach)
            if chosen is None:
                raise Infeasible(f"no thresholds within reach define {self.objective.name}", np.nan)
            if last:
                disparity = float(disparity_of(self.constraint, pick(self.values, chosen)))
                return _found(self.slices, self.objective, chosen, disparity)
            a, b = total(self.above, chosen), total(self.below, chosen)
            last = a * below - above * b <= TOLERANCE * below * b
            above, below = a, b

    def least(self, floor: float | None) -> float:
        """The least reach within which the performance can be ``floor``, or defined; inf if it never is."""
        gains = [np.zeros_like(a) for a in self.above]
        if floor is not None:
            ratio = sign_of(self.objective) * share_for(self.objective, floor) - TOLERANCE
            gains = [a - ratio * b for a, b in zip(self.above, self.below, strict=True)]
        chosen = self._defined(self.windows.least(gains, 0.0, np.inf), gains, 0.0, np.inf)
        if chosen is None or self.windows.spread(chosen) == self.windows.widest:
            return np.inf
        return self.windows.spread(chosen) + self.windows.margin

    def _defined(self, chosen: Index | None, gains: list[Floats], floor: float, reach: float) -> Index | None:
        """The same choice or, where it leaves the objective undefined, the closest that does not."""
        if chosen is None or total(self.below, chosen) > 0:
            return chosen
        # 0/0 gains nothing, so it may tie: one slice after the other is made to have a denominator.
        options = []
        for i, below in enumerate(self.below):
            forced = [np.where(below > 0, g, -np.inf) if j == i else g for j, g in enumerate(gains)]
            options.append(self.windows.least(forced, floor, reach))
        return min((c for c in options if c is not None), key=self.windows.spread, default=None)


def _together(slices: Sequence[Candidates], chosen: Index) -> Counts:
    """Counts of all rows at the chosen candidates."""
    return Counts(*(pick([getattr(s.counts, f.name) for s in slices], chosen).sum(0) for f in fields(Counts)))


def _found(slices: Sequence[Candidates], objective: Metric, chosen: Index, disparity: float) -> Found:
    performance = float(value_of(objective, _together(slices, chosen)))
    return Found(pick([s.threshold for s in slices], chosen), chosen, performance, disparity)


def _missed(constraint: Constraint | None, nearest: float) -> Infeasible:
    asked = "define the objective"
    if constraint is not None:
        metrics, sign = " and ".join(constraint.metrics), "<=" if constraint.upper else ">="
        asked = f"keep {metrics} at a {constraint.compare} {sign} {constraint.limit:.6g}"
    return Infeasible(f"no thresholds {asked}; the nearest value is {nearest:.6g}", nearest)
