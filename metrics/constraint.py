"""A limit on a disparity of slices, or on every slice's own value, as a search of thresholds takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .cuts import Candidates
from .intervals import Floats
from .objective import direction, value_of
from .table import METRICS
from .windows import Windows

LOG_ZERO, LOG_APART = -1000.0, 250.0
"""Stand for the logarithm of a rate of 0, and for its distance from that of any other rate (above -745)."""


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


def windows_of(constraint: Constraint | None, values: list[Floats], ideal: float) -> Windows:
    """Windows over values, logarithms of values (for a ratio) or distances from the ideal (for a limit)."""
    if constraint is None or constraint.compare == "value":
        return Windows([np.abs(v - ideal).max(1, initial=0.0, keepdims=True) for v in values], centre=0.0)
    signs = [direction(METRICS[m]) for m in constraint.metrics] if len(constraint.metrics) > 1 else [1]
    if constraint.compare == "difference":
        return Windows([v * signs for v in values], constraint.reference)
    logs = [np.log(v, out=np.full_like(v, LOG_ZERO), where=v != 0) for v in values]
    return Windows([v * signs for v in logs], constraint.reference, widest=LOG_APART)


def values_of(constraint: Constraint | None, slices: Sequence[Candidates]) -> list[Floats]:
    """The constrained metrics at each slice's cuts, (candidates, metrics) each; nan where undefined."""
    if constraint is None:
        return [np.zeros((len(s.threshold), 0)) for s in slices]
    values = [np.stack([value_of(METRICS[m], s.counts) for m in constraint.metrics]).T for s in slices]
    for i, v in enumerate(values):
        if np.isnan(v).any(1).all():
            raise ValueError(f"{' and '.join(constraint.metrics)} cannot be limited: undefined in slice {i}")
    return values


def disparity_of(constraint: Constraint | None, values: Floats) -> Floats:
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
