"""What the order of the scores gives: the area under the ROC curve with its limits, and the curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clusters import Dependence
from .intervals import Floats, Limits, wilson

ROC_POINTS = 64


@dataclass(frozen=True)
class Ranking:
    """What the order of the scores gives; one entry per slice.

    Attributes
    ----------
    area, variance : float arrays of shape (slices,)
        AUC (nan without rows of both labels) and its variance.
    positives, negatives : float arrays of shape (slices,)
        Effective rows of either label.
    roc : list of list of (false positive rate, true positive rate)
    rounding : float
        The most that counting scores in bins can move any slice's AUC; 0 for exact scores.
    dependence : Dependence or None
        How clusters pull on the areas, where rows have clusters.
    """

    area: Floats
    variance: Floats
    positives: Floats
    negatives: Floats
    roc: list[list[tuple[float, float]]]
    rounding: float
    dependence: Dependence | None = None


def roc(positive: Floats, negative: Floats, starts: NDArray[Any]) -> list[list[tuple[float, float]]]:
    """Each slice's curve from its tie groups in ascending order, thinned to ``ROC_POINTS``."""
    curves: list[list[tuple[float, float]]] = []
    for start, end in pairwise(starts.tolist()):
        up = np.concatenate([[0], np.cumsum(positive[start:end][::-1])])
        along = np.concatenate([[0], np.cumsum(negative[start:end][::-1])])
        if up[-1] <= 0 or along[-1] <= 0:
            curves.append([])
            continue
        x, y = along / along[-1], up / up[-1]
        # Points equally far along the curve keep its shape at both ends.
        length = np.searchsorted(x + y, np.linspace(0, 2, ROC_POINTS))
        chosen = np.arange(len(x)) if len(x) <= ROC_POINTS else np.unique(np.minimum(length, len(x) - 1))
        curves.append([(float(x[i]), float(y[i])) for i in chosen])
    return curves


def area_limits(area: Floats, variance: Floats, m: Floats, n: Floats, z: float) -> Limits:
    """Wilson limits on DeLong's effective rows, joined with Newcombe's method 5.

    DeLong's variance alone is too small where few of the pairs are in the wrong order (it is 0 where none
    is), Newcombe's alone where the classes spread unequally.
    """
    half = (m + n) / 2

    def spread(theta: Floats) -> Floats:
        factor = 2 * half - 1 - (3 * half - 3) / ((2 - theta) * (1 + theta))
        return np.asarray(z * np.sqrt(theta * (1 - theta) * factor / (m * n)))

    with np.errstate(divide="ignore", invalid="ignore"):
        rows = np.minimum(area * (1 - area) / variance, m + n)
        low, high = wilson(area * rows, rows, z)
        # Both ends at once: for few slices it is the number of steps that costs.
        sign, zero, one = np.array([[-1.0], [1.0]]), np.zeros_like(area), np.ones_like(area)
        below, above = _bisect(
            lambda t: area - t + sign * spread(t), np.stack([zero, area]), np.stack([area, one])
        )
    undefined = np.isnan(area)
    return np.where(undefined, np.nan, np.fmin(low, below)), np.where(undefined, np.nan, np.fmax(high, above))


def _bisect(falling: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    for _ in range(50):
        mid = (low + high) / 2
        positive = falling(mid) > 0
        low, high = np.where(positive, mid, low), np.where(positive, high, mid)
    return (low + high) / 2
