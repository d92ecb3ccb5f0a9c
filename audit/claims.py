"""What a gate says of each slice: a signed figure with limits at any confidence and number of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import word
from ..datasets.errors import InputError
from ..metrics import compare, gap_growth
from ..metrics.figures import Figure
from ..metrics.intervals import pairwise_quantile, sidak_quantile
from ..metrics.table import METRICS
from ..told import tell
from .config import AGGREGATES, Gate
from .measure import Measurement, Slices
from .pairs import Paired, depends_on_model
from .unpaired import Unpaired
from .variant import Plan, undefined_because

Interval = tuple[float, float, float]
"""Signed value, lower and upper limit."""


@dataclass(frozen=True)
class Claim:
    """What a gate says of one slice.

    ``interval(confidence, scale)`` gives the signed value with limits that hold for all claims of the
    gate together, had there been ``scale`` times the rows; ``folded`` brings them to the scale of the
    limit (an absolute difference, the smaller of a ratio and its inverse).
    """

    slice: dict[str, str]
    reference: dict[str, str] | None
    n: int
    interval: Callable[[float, float], Interval]
    fold: Callable[[Interval], Interval]
    undefined: str | None


def claims(
    gate: Gate, position: int, measured: Measurement, plan: Plan, paired: Paired | Unpaired | None = None
) -> tuple[list[Claim], list[dict[str, str]]]:
    """What a gate says of each slice, and the slices that it leaves out as small or unknown.

    Raises
    ------
    InputError
        The gate names a feature or slice that the data lack, or a metric that they cannot give.
    """
    where = f"gates[{position}]"
    by = gate.features
    for feature in by:
        if feature not in measured.features:
            raise InputError(
                f"{where}.by: {feature!r} is not an audited sensitive feature; there are "
                f"{', '.join(measured.features)}"
            )
    by = tuple(f for f in measured.features if f in by)
    names = AGGREGATES[gate.metric].metrics if gate.metric in AGGREGATES else (gate.metric,)
    for name in names:
        lacking = (measured if paired is None or gate.compare != "change" else paired).lacks(METRICS[name])
        if lacking:
            raise InputError(
                f"{where}.metric: {name} needs a {' and a '.join(lacking)}, which the run has not"
            )
        if gate.compare == "change" and not depends_on_model(METRICS[name]):
            raise InputError(
                f"{where}.metric: {name} is of the labels alone, it does not change with a model"
            )
    slices = measured.slices(by)
    use, left_out = _gated(gate, where, slices, plan)
    if gate.compare == "change":
        assert paired is not None
        if isinstance(paired, Unpaired) and gate.by is not None:
            left_out = [*left_out, *paired.gone(by)]
        moved = _growths if gate.by is not None else _changes
        return moved(gate, where, paired, slices, use, plan), left_out
    if gate.metric in AGGREGATES:
        return [_aggregate(gate, measured, slices, use, plan)], left_out
    figure = measured.figure(gate.metric, by)
    if gate.compare == "value":
        return _values(gate, figure, slices, use), left_out
    return _pairs(gate, where, figure, slices, use, plan), left_out


def _gated(gate: Gate, where: str, slices: Slices, plan: Plan) -> tuple[list[int], list[dict[str, str]]]:
    """The slices that a gate speaks of, and those left out as small or unknown."""
    if gate.slice is not None:
        wanted = {k: word(v) for k, v in gate.slice.items()}
        found = slices.find(wanted)
        if found is None:
            known = ", ".join(slices.words(i) for i in slices.shown[:12])
            raise InputError(f"{where}.slice: no slice {wanted} in the data; there are {known}")
        return [found], []
    if not slices.by:
        return [0], []
    use = [
        i
        for i in slices.shown
        if (gate.include_unknown or not slices.unknown[i])
        and (gate.include_small or slices.n[i] >= plan.min_size)
    ]
    return use, [slices.name(i) for i in slices.shown if i not in use]


def _values(gate: Gate, figure: Figure, slices: Slices, use: list[int]) -> list[Claim]:
    """Each slice's own value against the limit."""

    def claim(i: int) -> Claim:
        def interval(confidence: float, scale: float) -> Interval:
            low, high = figure.limits(sidak_quantile(confidence, len(use)), scale)
            return float(figure.value[i]), float(low[i]), float(high[i])

        n = int(figure.n[i])
        why = None if figure.defined[i] else undefined_because(gate.metric, n)
        return Claim(slices.name(i), None, n, interval, lambda v: v, why)

    return [claim(i) for i in use]


def _pairs(gate: Gate, where: str, figure: Figure, slices: Slices, use: list[int], plan: Plan) -> list[Claim]:
    """Each slice against the reference."""
    reference, picked = _reference(gate, where, figure, slices, plan)
    others = [i for i in use if i != reference]
    compared = compare.difference if gate.compare == "difference" else compare.ratio
    favoured = gate.compare == "ratio" and (gate.reference is not None or picked)
    fold = _absolute if gate.compare == "difference" else ((lambda v: v) if favoured else _smaller_ratio)
    known = int((~slices.unknown).sum())

    def claim(i: int) -> Claim:
        def interval(confidence: float, scale: float) -> Interval:
            z = _together(confidence, len(others), known, picked)
            value, (low, high) = compared(figure, np.array([i]), np.array([reference]), z, scale)
            return float(value[0]), float(low[0]), float(high[0])

        lacking = [j for j in (i, reference) if not figure.defined[j]]
        why = None
        if lacking:
            because = undefined_because(gate.metric, int(figure.n[lacking[0]]))
            why = tell("{slice}: {why}", slice=slices.words(lacking[0]), why=because)
        elif gate.compare == "ratio" and figure.value[reference] == 0:
            why = tell("the reference {slice} is 0", slice=slices.words(reference))
        return Claim(slices.name(i), slices.name(reference), int(figure.n[i]), interval, fold, why)

    return [claim(i) for i in others]


def _reference(gate: Gate, where: str, figure: Figure, slices: Slices, plan: Plan) -> tuple[int, bool]:
    """The reference slice, and whether it was picked for its value."""
    wanted = gate.reference
    if wanted is None:
        wanted = "highest" if gate.metric == "selection_rate" and gate.compare == "ratio" else None
    if wanted is None:
        return slices.reference(plan.reference), False
    if wanted == "highest":
        highest = slices.highest(figure.value, 0 if gate.include_small else plan.min_size)
        if highest is None:
            raise InputError(f"{where}: no slice of at least {plan.min_size} rows has {gate.metric}")
        return highest, True
    if wanted == "largest":
        return slices.reference({}), False
    if not isinstance(wanted, dict):
        if len(slices.by) > 1:
            raise InputError(f"{where}.reference: expected a value for each of {', '.join(slices.by)}")
        wanted = {slices.by[0]: wanted}
    named = {k: word(v) for k, v in wanted.items()}
    found = slices.find(named)
    if found is None:
        known = ", ".join(slices.words(i) for i in slices.shown[:12])
        raise InputError(f"{where}.reference: no slice {named} in the data; there are {known}")
    return found, False


def _changes(
    gate: Gate, where: str, paired: Paired | Unpaired, slices: Slices, use: list[int], plan: Plan
) -> list[Claim]:
    """After - before of the metric itself, in one slice or overall."""

    def claim(i: int) -> Claim:
        figure = paired.figure_of(gate.metric, slices.by, [i])

        def interval(confidence: float, scale: float) -> Interval:
            low, high = figure.limits(sidak_quantile(confidence, len(use)), scale)
            return float(figure.value[0]), float(low[0]), float(high[0])

        n = int(figure.n[0])
        why = None if figure.defined[0] else undefined_because(gate.metric, n)
        return Claim(slices.name(i), None, n, interval, lambda v: v, why)

    return [claim(i) for i in use]


def _growths(
    gate: Gate, where: str, paired: Paired | Unpaired, slices: Slices, use: list[int], plan: Plan
) -> list[Claim]:
    """Growth of the absolute gap of each slice to the reference, |after| - |before|."""
    before = paired.before(gate.metric, slices.by)
    reference, picked = _reference(gate, where, before, slices, plan)
    others = [i for i in use if i != reference]
    known = int((~slices.unknown).sum())
    one, other = np.array([0]), np.array([1])

    def claim(i: int) -> Claim:
        gap = before.take([i, reference])
        change = paired.figure_of(gate.metric, slices.by, [i, reference])

        def interval(confidence: float, scale: float) -> Interval:
            z = _together(confidence, len(others), known, picked)
            value, (low, high) = gap_growth.growth(gap, change, one, other, z, scale)
            return float(value[0]), float(low[0]), float(high[0])

        lacking = [j for k, j in enumerate((i, reference)) if not (change.defined[k] and gap.defined[k])]
        why = None
        if lacking:
            because = undefined_because(gate.metric, int(before.n[lacking[0]]))
            why = tell("{slice}: {why}", slice=slices.words(lacking[0]), why=because)
        return Claim(slices.name(i), slices.name(reference), int(change.n[0]), interval, lambda v: v, why)

    return [claim(i) for i in others]


def _together(confidence: float, others: int, known: int, picked: bool) -> float:
    """Quantile for limits that hold for all slices; a reference picked for its value is one of all pairs."""
    return pairwise_quantile(confidence, max(known, 2)) if picked else sidak_quantile(confidence, others)


def _aggregate(gate: Gate, measured: Measurement, slices: Slices, use: list[int], plan: Plan) -> Claim:
    """A named disparity over all slices."""
    row = AGGREGATES[gate.metric]
    form = "difference" if gate.metric.endswith("_difference") else "ratio"
    figures = {m: measured.figure(m, slices.by) for m in row.metrics}
    chosen: NDArray[np.intp] = np.array(use, np.intp)
    point = compare.between(figures, chosen, form, plan.confidence)  # type: ignore[arg-type]
    undefined = [slices.words(i) for i in use if not all(f.defined[i] for f in figures.values())]

    def interval(confidence: float, scale: float) -> Interval:
        found = compare.between(figures, chosen, form, confidence, scale)  # type: ignore[arg-type]
        return (found.value, found.low, found.high) if found else (math.nan,) * 3

    why = None
    if point is None:
        why = tell("fewer than two slices have {what}", what=" and ".join(row.metrics))
    elif undefined:
        why = tell(
            "{what} not defined in {slices}", what=" and ".join(row.metrics), slices=", ".join(undefined)
        )
    one, other = (point.slice, point.reference) if point else (0, 0)
    n = int(slices.n[one]) if point else 0
    return Claim(
        slices.name(one) if point else {},
        slices.name(other) if point else None,
        n,
        interval,
        lambda v: v,
        why,
    )


def _absolute(v: Interval) -> Interval:
    value, low, high = v
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return abs(value), nearest, max(abs(low), abs(high))


def _smaller_ratio(v: Interval) -> Interval:
    value, low, high = v
    fold = [min(x, 1 / x) if x > 0 else 0.0 for x in (value, low, high)]
    return fold[0], min(fold[1], fold[2]), 1.0 if low <= 1 <= high else max(fold[1], fold[2])
