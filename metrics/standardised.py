"""Mean scores of groups compared in standard deviations of all scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats
from .scores import ScoreTable

PSEUDO_ROWS = 2
"""Rows with the variance of all scores that are added to each group's variance."""
FEW_ROWS = 50
"""Rows of the smaller group at which half of what narrows the limits counts."""


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
    11:137; ``solas_disparity`` calls it POPULATION). The limits are those of the delta method, in which that
    standard deviation is estimated too and no distribution is assumed, with Student's t at Welch's degrees of
    freedom. Two things keep them from being too narrow in few or skewed rows: the variance of a group is that
    of its rows and of ``PSEUDO_ROWS`` with the variance of all; and where the estimated standard deviation
    narrows the limits, that counts by the share n / (n + ``FEW_ROWS``) for n rows of the smaller group. Rows
    are counted without weights.

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
        value = (mean - mean[reference]) / spread
        within = second - n * mean**2
        error = _of_pair((within + PSEUDO_ROWS * variance) / (n - 1 + PSEUDO_ROWS) / n, reference) / variance
        # Covariance of the score with its squared deviation, within each group.
        skew = third / n - mean * second / n
        spreading = value**2 * (fourth / variance**2 - 1) / 4 - value * (skew - skew[reference]) / spread**3
        parts = within / (n - 1) / n
        freedom = _of_pair(parts, reference) ** 2 / _of_pair(parts**2 / (n - 1), reference)
        half = _student(confidence, freedom) * np.sqrt(error + _trusted(spreading, n, reference) / rows)
    undefined = ~np.isfinite(value) | ~np.isfinite(half) | (spread == 0)
    low, high = (np.where(undefined, np.nan, value + side) for side in (-half, half))
    value = np.where(np.isfinite(value), value, np.nan)
    value[reference] = low[reference] = high[reference] = 0.0
    overall = float((table.count * table.score).sum() / rows)
    return Standardised(mean + overall, float(spread), value, low, high)


def _trusted(spreading: Floats, n: Floats, reference: int) -> Floats:
    """What the estimated standard deviation adds to the variance, or takes away: the less, the fewer rows."""
    fewest = np.minimum(n, n[reference])
    return np.asarray(np.where(spreading > 0, spreading, spreading * fewest / (fewest + FEW_ROWS)))


def _of_pair(values: Floats, reference: int) -> Floats:
    return np.asarray(values + values[reference])


def _sums(group: NDArray[np.int64], values: NDArray[Any], size: int) -> Floats:
    return np.bincount(group, values, size).astype(float)


def _student(confidence: float, freedom: Floats) -> Floats:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, (1 + confidence) / 2))
