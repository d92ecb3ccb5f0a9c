"""Mean scores of groups compared in standard deviations of all scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats
from .scores import ScoreTable


@dataclass(frozen=True)
class Standardised:
    """Standardised mean differences of groups to a reference; arrays of shape (groups,), nan where undefined.

    Attributes
    ----------
    mean : float array
        Mean score of each group.
    spread : float
        Standard deviation of all scores.
    value, low, high : float arrays
        (mean - reference mean) / spread, with limits; 0 for the reference itself.
    """

    mean: Floats
    spread: float
    value: Floats
    low: Floats
    high: Floats


def standardised_differences(
    table: ScoreTable, by: Sequence[str], keys: Sequence[tuple[str, ...]], reference: int, confidence: float
) -> Standardised:
    """Compare the mean score of every group with that of the reference group.

    The standard deviation is that of all rows, the practice of fair lending (N. Gill et al. 2020, Information
    11:137; ``solas_disparity`` calls it POPULATION). The limits are those of the delta method, in
    which that standard deviation is estimated too and no distribution is assumed, with Student's t at Welch's
    degrees of freedom. Rows are counted without weights.

    Parameters
    ----------
    by, keys
        Columns of the groups, and their values in the order of the result.
    reference : int
        Position of the reference group in ``keys``.
    confidence : float
        In (0, 1).
    """
    group = table.project(by, keys)[table.codes]
    n = _sums(group, table.count, len(keys))
    rows = n.sum()
    centred = table.score - float((table.count * table.score).sum() / rows)
    first, second, third = (_sums(group, table.count * centred**k, len(keys)) for k in (1, 2, 3))
    fourth = (table.count * centred**4).sum() / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = second.sum() / (rows - 1)
        spread = np.sqrt(variance)
        mean = first / n
        within = (second - n * mean**2) / (n - 1)
        value = (mean - mean[reference]) / spread
        # Covariance of the score with its squared deviation, within each group.
        skew = third / n - mean * second / n
        parts = within / n
        error = (parts + parts[reference]) / variance
        error -= value * (skew - skew[reference]) / spread**3 / rows
        error += value**2 * (fourth / variance**2 - 1) / 4 / rows
        freedom = (parts + parts[reference]) ** 2 / (
            parts**2 / (n - 1) + parts[reference] ** 2 / (n[reference] - 1)
        )
        half = _student(confidence, freedom) * np.sqrt(np.maximum(error, 0))
    undefined = ~np.isfinite(value) | ~np.isfinite(half) | (spread == 0)
    low, high = (np.where(undefined, np.nan, value + side) for side in (-half, half))
    value = np.where(np.isfinite(value), value, np.nan)
    value[reference] = low[reference] = high[reference] = 0.0
    overall = float((table.count * table.score).sum() / rows)
    return Standardised(mean + overall, float(spread), value, low, high)


def _sums(group: NDArray[np.int64], values: NDArray[Any], size: int) -> Floats:
    return np.bincount(group, values, size).astype(float)


def _student(confidence: float, freedom: Floats) -> Floats:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, (1 + confidence) / 2))
