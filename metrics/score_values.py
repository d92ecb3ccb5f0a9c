"""The values of a row's score and label whose means are figures, and the range of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats
from .means import BINS
from .scores import ScoreTable


def log_loss(score: Floats, label: NDArray[np.bool_]) -> Floats:
    """Negative logarithm of the probability of the label, held 1e-15 away from 0 and 1."""
    p = np.clip(score, 1e-15, 1 - 1e-15)
    return np.asarray(-np.log(np.where(label, p, 1 - p)))


VALUES: dict[str, Callable[[Floats, NDArray[np.bool_]], Floats]] = {
    "mean_score": lambda score, label: score,
    "brier_score": lambda score, label: (score - label) ** 2,
    "log_loss": log_loss,
    "calibration_bias": lambda score, label: score - label,
}
"""The metrics that are the mean of a value of each row's score and label."""


WORST = float(-np.log(1 - (1 - 1e-15)))
"""The largest log loss: scores are held 1e-15 away from 0 and 1."""
EDGES: dict[str, Floats] = {
    "mean_score": np.linspace(0, 1, BINS + 1),
    "brier_score": np.linspace(0, 1, BINS + 1),
    "calibration_bias": np.linspace(-1, 1, BINS + 1),
    "log_loss": np.concatenate([np.linspace(0, 8, BINS // 2 + 1), np.linspace(8, WORST, BINS // 2 + 1)[1:]]),
}
"""Bins over the values that each of these can have where scores are probabilities."""


def bins_of(value: Floats, edges: Floats) -> NDArray[np.int64]:
    """Each value's bin; the two halves of the bins are evenly wide."""
    half = BINS // 2
    lower, upper = edges[1] - edges[0], edges[-1] - edges[-2]
    place = (value - edges[0]) / lower
    if not np.isclose(lower, upper):
        place = np.where(value < edges[half], place, half + (value - edges[half]) / upper)
    return np.asarray(np.clip(place.astype(np.int64), 0, BINS - 1))


def values_of(table: ScoreTable, name: str) -> Floats:
    """The value ``name`` of every entry; ValueError where it needs labels and there are none."""
    # The mean score is there without labels, too.
    label = np.zeros(len(table), bool) if name == "mean_score" else table.labels()
    if name == "log_loss":
        return table.cached("values log_loss", lambda: VALUES[name](table.score, label))
    return VALUES[name](table.score, label)
