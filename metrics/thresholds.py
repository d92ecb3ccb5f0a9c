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
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .counts import Counts
from .entry import Metric
from .intervals import Floats
from .ratio import Ratio
from .table import METRICS, PERFORMANCE
from .windows import TOLERANCE, Index, Windows, pick, slack, total

LOG_ZERO, LOG_APART = -1000.0, 250.0
"""Stand for the logarithm of a rate of 0, and for its distance from that of any other rate (above -745)."""

CELLS = Counts(np.ones(4), *np.array([[1, 0, 1, 0], [1, 1, 0, 0], *np.eye(4).tolist()]))
"""One row of each outcome (tp, fp, fn, tn): what a linear formula makes of them are its coefficients."""


@dataclass(frozen=True)
class Candidates:
    """Every cut of a slice that makes a difference, from nobody selected to everybody.

    Attributes
    ----------
    score : float array of shape (m - 1,)
        The distinct scores, descending; cut ``i`` selects the first ``i`` of them.
    threshold : float array of shape (m,)
        From +inf down to -inf, half-way between neighbouring scores.
    counts : Counts
        Weight sums at each cut, float arrays of shape (m,).
    """

    score: Floats
    threshold: Floats
    counts: Counts


@dataclass(frozen=True)
class Constraint:
    """A limit on how far slices may be apart, or on every slice's own value; the worst metric counts.

    Attributes
    ----------
    metrics : tuple of str
        Names in the metric table.
    compare : {"difference", "ratio", "value"}
        ``difference`` is the largest less the smallest value, ``ratio`` the smallest over the largest
        (1 where both are 0), ``value`` the value itself.
    limit : float
    upper : bool
        Whether the limit is an upper one: true for a difference, false for a ratio, either for a value.
    reference : int or None
        Position of the slice that each other one is compared with; None for all pairs.
    """

    metrics: tuple[str, ...]
    compare: Literal["difference", "ratio", "value"]
    limit: float
    upper: bool
    reference: int | None = None

    def __post_init__(self) -> None:
        if self.compare != "value" and self.upper != (self.compare == "difference"):
            raise ValueError("a difference has an upper limit and a ratio a lower one")
        if self.compare == "value" and self.reference is not None:
            raise ValueError("a limit on a value has no reference slice")


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


def candidates(score: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> Candidates:
    """Count every cut of the rows of one slice.

    Parameters
    ----------
    score : finite floats of shape (rows,)
    label : bools of shape (rows,)
    weight : floats of shape (rows,), optional

    Raises
    ------
    ValueError
        If there are no rows, a score is not finite or a weight is below 0.
    """
    scores, labels = np.asarray(score, np.float64), np.asarray(label, np.bool_)
    weights = np.ones(len(scores)) if weight is None else np.asarray(weight, np.float64)
    if not len(scores) or not np.isfinite(scores).all() or not (weights >= 0).all():
        raise ValueError("a slice must have rows, finite scores and weights of at least 0")
    order = np.argsort(-scores)
    scores, labels, weights = scores[order], labels[order], weights[order]
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)

    def running(mask: NDArray[np.bool_]) -> Floats:
        return np.append(0.0, np.cumsum(np.where(mask, weights, 0.0))[last])

    tp, fp = running(labels), running(~labels)
    p, n = np.full_like(tp, tp[-1]), np.full_like(fp, fp[-1])
    distinct = scores[last]
    return Candidates(distinct, _cuts(distinct), Counts(p + n, p, tp + fp, tp, fp, p - tp, n - fp))


def _cuts(score: Floats) -> Floats:
    """Thresholds around and between descending distinct scores."""
    upper, lower = score[:-1], score[1:]
    middle = upper / 2 + lower / 2
    between = (middle > lower) & (middle <= upper)
    return np.concatenate([[np.inf], np.where(between, middle, upper), [-np.inf]])


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
    threshold = _cuts(np.unique(np.concatenate([s.score for s in slices]))[::-1])
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
    _fraction(objective, slices)  # refuses what is no objective
    pairs = zip(slices, thresholds, strict=True)
    chosen = np.stack([np.searchsorted(-s.score, -t, side="right") for s, t in pairs])
    performance = value_of(objective, _together(slices, chosen))
    disparity = _disparity(constraint, pick(_values(constraint, slices), chosen))
    sign = 1 if constraint is None or constraint.upper else -1
    excess = np.zeros_like(performance) if constraint is None else sign * (disparity - constraint.limit)
    excess = np.where(np.isnan(performance) | np.isnan(excess), np.inf, excess)
    kept = excess <= TOLERANCE
    if not kept.any():
        nearest = int(np.argmin(excess))
        raise _missed(constraint, float(disparity[nearest]) if excess[nearest] < np.inf else np.nan)
    good = np.where(kept, _sign(objective) * performance, -np.inf)
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
    if _sign(objective) * (floor - best) > 10 * TOLERANCE:
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


def value_of(metric: Metric, counts: Counts) -> Floats:
    """A metric of counts; nan where undefined or infinite.

    Raises
    ------
    ValueError
        If the metric is no ratio of counts, nor a mean of such.
    """
    values = [_value(ratio, counts) for ratio in _ratios(metric)]
    return values[0] if len(values) == 1 else np.asarray(np.mean(values, axis=0))


def _value(ratio: Ratio, counts: Counts) -> Floats:
    top, bottom = _halves(ratio, counts)
    share = np.divide(top, bottom, out=np.full_like(bottom, np.nan), where=bottom > 0)
    value = share if ratio.scale is None else ratio.scale.of(share)
    return np.where(np.isfinite(value), value, np.nan)


class _Problem:
    """An objective and a constraint over the candidates of some slices."""

    def __init__(
        self, slices: Sequence[Candidates], objective: Metric, constraint: Constraint | None
    ) -> None:
        self.slices, self.objective, self.constraint = slices, objective, constraint
        self.above, self.below = _fraction(objective, slices)
        self.values = _values(constraint, slices)
        self.ideal = 0.0
        if constraint is not None and constraint.compare == "value" and not constraint.upper:
            self.ideal = max(float(np.nanmax(v)) for v in self.values)
        self.windows = _windows(constraint, self.values, self.ideal)

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
        last = all(map(_fixed, _ratios(self.objective)))
        above, below = min(0.0, _sign(self.objective)), 1.0
        while True:
            gains = [below * a - above * b for a, b in zip(self.above, self.below, strict=True)]
            chosen = self._defined(self.windows.best(gains, reach, last), gains, -slack(gains), reach)
            if chosen is None:
                raise Infeasible(f"no thresholds within reach define {self.objective.name}", np.nan)
            if last:
                disparity = float(_disparity(self.constraint, pick(self.values, chosen)))
                return _found(self.slices, self.objective, chosen, disparity)
            a, b = total(self.above, chosen), total(self.below, chosen)
            last = a * below - above * b <= TOLERANCE * below * b
            above, below = a, b

    def least(self, floor: float | None) -> float:
        """The least reach within which the performance can be ``floor``, or defined; inf if it never is."""
        gains = [np.zeros_like(a) for a in self.above]
        if floor is not None:
            ratio = _sign(self.objective) * _share(self.objective, floor) - TOLERANCE
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


def _windows(constraint: Constraint | None, values: list[Floats], ideal: float) -> Windows:
    """Windows over values, logarithms of values (for a ratio) or distances from the ideal (for a limit)."""
    if constraint is None or constraint.compare == "value":
        return Windows([np.abs(v - ideal).max(1, initial=0.0, keepdims=True) for v in values], centre=0.0)
    signs = [_direction(METRICS[m]) for m in constraint.metrics] if len(constraint.metrics) > 1 else [1]
    if constraint.compare == "difference":
        return Windows([v * signs for v in values], constraint.reference)
    logs = [np.log(v, out=np.full_like(v, LOG_ZERO), where=v != 0) for v in values]
    return Windows([v * signs for v in logs], constraint.reference, widest=LOG_APART)


def _values(constraint: Constraint | None, slices: Sequence[Candidates]) -> list[Floats]:
    """The constrained metrics at each slice's cuts, (candidates, metrics) each; nan where undefined."""
    if constraint is None:
        return [np.zeros((len(s.threshold), 0)) for s in slices]
    values = [np.stack([value_of(METRICS[m], s.counts) for m in constraint.metrics]).T for s in slices]
    for i, v in enumerate(values):
        if np.isnan(v).any(1).all():
            raise ValueError(f"{' and '.join(constraint.metrics)} cannot be limited: undefined in slice {i}")
    return values


def _disparity(constraint: Constraint | None, values: Floats) -> Floats:
    """What the constraint limits, of values of shape (slices, ..., metrics)."""
    if constraint is None:
        return np.full(values.shape[1:-1], np.nan)
    if constraint.compare == "value":
        return np.asarray(values.max((0, -1)) if constraint.upper else values.min((0, -1)))
    if constraint.reference is None:
        low, high = values.min(0, keepdims=True), values.max(0, keepdims=True)
    else:
        reference = values[constraint.reference]
        low, high = np.minimum(values, reference), np.maximum(values, reference)
    if constraint.compare == "difference":
        return np.asarray((high - low).max((0, -1)))
    return np.asarray(np.divide(low, high, out=np.ones_like(high), where=high != 0).min((0, -1)))


def _fraction(objective: Metric, slices: Sequence[Candidates]) -> tuple[list[Floats], list[Floats]]:
    """Numerator and denominator of an objective at each slice's cuts, the larger their ratio the better.

    A mean of ratios becomes one over the product of their denominators: whole numbers stay whole.
    """
    if objective.better is None:
        raise ValueError(f"{objective.name} is no objective: neither more nor less of it is better")
    parts = _ratios(objective)
    if len(parts) > 1 and not all(map(_fixed, parts)):
        raise ValueError(
            f"{objective.name} is no objective of a search: decisions change a denominator of it"
        )
    ratios = [[_halves(p, s.counts) for p in parts] for s in slices]
    whole = np.sum([[below.max() for _, below in ratio] for ratio in ratios], axis=0)
    if not whole.all():
        raise ValueError(f"{objective.name} is undefined on these rows")
    others = [np.prod(np.delete(whole, i)) for i in range(len(parts))]
    sign = _sign(objective)
    above = [
        sign * sum(top * other for (top, _), other in zip(ratio, others, strict=True)) for ratio in ratios
    ]
    return above, [len(parts) * others[0] * ratio[0][1] for ratio in ratios]


def _ratios(metric: Metric) -> tuple[Ratio, ...]:
    """The ratio that a metric is, or those whose mean it is."""
    if not metric.estimator.ratios:
        raise ValueError(f"{metric.name} is no ratio of counts, and thresholds are searched for those alone")
    return metric.estimator.ratios


def _halves(ratio: Ratio, counts: Counts) -> tuple[Floats, Floats]:
    """Numerator and denominator."""
    return np.asarray(ratio.numerator(counts), float), np.asarray(ratio.denominator(counts), float)


def _fixed(ratio: Ratio) -> bool:
    """Whether no decision changes the denominator."""
    _, (tp, fp, fn, tn) = _halves(ratio, CELLS)
    return bool(tp == fn and fp == tn)


def _direction(metric: Metric) -> int:
    """1 where the metric rises as the threshold falls, -1 where it falls."""
    first, *others = _ratios(metric)
    if not others and _fixed(first):
        (tp, fp, fn, tn), _ = _halves(first, CELLS)
        if tp >= fn and fp >= tn:
            return 1
        if tp <= fn and fp <= tn:
            return -1
    raise ValueError(
        "several metrics are limited together only where each rises or falls with the threshold, "
        f"and {metric.name} does neither"
    )


def _share(metric: Metric, value: float) -> float:
    """The least proportion whose transform is at least ``value``; past 1 where none is."""
    scale = metric.estimator.ratios[0].scale
    if scale is None:
        return value
    low, high = 0.0, 2.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if scale.of(np.array(middle)) >= value else (middle, high)
    return high


def _sign(objective: Metric) -> int:
    return 1 if objective.better == "higher" else -1


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
