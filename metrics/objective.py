"""Metrics as ratios of counts: what a search of thresholds needs to know of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .counts import Counts
from .cuts import Candidates
from .entry import Metric
from .intervals import Floats
from .ratio import Ratio

CELLS = Counts(np.ones(4), *np.array([[1, 0, 1, 0], [1, 1, 0, 0], *np.eye(4).tolist()]))
"""One row of each outcome (tp, fp, fn, tn): what a linear formula makes of them are its coefficients."""


def value_of(metric: Metric, counts: Counts) -> Floats:
    """A metric of counts; nan where undefined or infinite.

    Raises
    ------
    ValueError
        If the metric is no ratio of counts, nor a mean of such.
    """
    values = [_value(ratio, counts) for ratio in ratios_of(metric)]
    return values[0] if len(values) == 1 else np.asarray(np.mean(values, axis=0))


def _value(ratio: Ratio, counts: Counts) -> Floats:
    top, bottom = _halves(ratio, counts)
    share = np.divide(top, bottom, out=np.full_like(bottom, np.nan), where=bottom > 0)
    value = share if ratio.scale is None else ratio.scale.of(share)
    return np.where(np.isfinite(value), value, np.nan)


def fraction(objective: Metric, slices: Sequence[Candidates]) -> tuple[list[Floats], list[Floats]]:
    """Numerator and denominator of an objective at each slice's cuts, the larger their ratio the better.

    A mean of ratios becomes one over the product of their denominators: whole numbers stay whole.
    """
    if objective.better is None:
        raise ValueError(f"{objective.name} is no objective: neither more nor less of it is better")
    parts = ratios_of(objective)
    if len(parts) > 1 and not all(map(is_fixed, parts)):
        raise ValueError(
            f"{objective.name} is no objective of a search: decisions change a denominator of it"
        )
    ratios = [[_halves(p, s.counts) for p in parts] for s in slices]
    whole = np.sum([[below.max() for _, below in ratio] for ratio in ratios], axis=0)
    if not whole.all():
        raise ValueError(f"{objective.name} is undefined on these rows")
    others = [np.prod(np.delete(whole, i)) for i in range(len(parts))]
    sign = sign_of(objective)
    above = [
        sign * sum(top * other for (top, _), other in zip(ratio, others, strict=True)) for ratio in ratios
    ]
    return above, [len(parts) * others[0] * ratio[0][1] for ratio in ratios]


def ratios_of(metric: Metric) -> tuple[Ratio, ...]:
    """The ratio that a metric is, or those whose mean it is."""
    if not metric.estimator.ratios:
        raise ValueError(f"{metric.name} is no ratio of counts, and thresholds are searched for those alone")
    return metric.estimator.ratios


def _halves(ratio: Ratio, counts: Counts) -> tuple[Floats, Floats]:
    """Numerator and denominator."""
    return np.asarray(ratio.numerator(counts), float), np.asarray(ratio.denominator(counts), float)


def is_fixed(ratio: Ratio) -> bool:
    """Whether no decision changes the denominator."""
    _, (tp, fp, fn, tn) = _halves(ratio, CELLS)
    return bool(tp == fn and fp == tn)


def direction(metric: Metric) -> int:
    """1 where the metric rises as the threshold falls, -1 where it falls."""
    first, *others = ratios_of(metric)
    if not others and is_fixed(first):
        (tp, fp, fn, tn), _ = _halves(first, CELLS)
        if tp >= fn and fp >= tn:
            return 1
        if tp <= fn and fp <= tn:
            return -1
    raise ValueError(
        "several metrics are limited together only where each rises or falls with the threshold, "
        f"and {metric.name} does neither"
    )


def share_for(metric: Metric, value: float) -> float:
    """The least proportion whose transform is at least ``value``; past 1 where none is."""
    scale = metric.estimator.ratios[0].scale
    if scale is None:
        return value
    low, high = 0.0, 2.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if scale.of(np.array(middle)) >= value else (middle, high)
    return high


def sign_of(objective: Metric) -> int:
    """1 where more of the objective is better, else -1."""
    return 1 if objective.better == "higher" else -1
