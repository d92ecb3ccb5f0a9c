"""The values of a row's score and label whose means are figures, and the range of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats
from .means import BINS
from .scores import ScoreTable

LEAST = 1e-15
"""Scores are held so far away from 0 and 1 where a logarithm is taken."""


@dataclass(frozen=True)
class Value:
    """A number of each row's score and label whose mean is a figure.

    Attributes
    ----------
    name : str
        Under which sums of it are kept.
    of : callable
        From scores and labels to values.
    edges : float array of shape (BINS + 1,)
        Bins over the values that it can have where scores are probabilities.
    labelled : bool
        Whether it needs labels.
    free : bool
        Whether scores that are no probabilities have it too, in whatever range.
    grows : bool
        Whether it can be as large as the scores of a slice allow, and no larger.
    rare : bool
        Whether it changes most in rows of the rarer label, of which a small slice may hold none.
    """

    name: str
    of: Callable[[Floats, NDArray[np.bool_]], Floats]
    edges: Floats
    labelled: bool = True
    free: bool = False
    grows: bool = False
    rare: bool = False

    @property
    def most(self) -> float:
        """The largest change of it, of probabilities."""
        return float(max(abs(self.edges[0]), abs(self.edges[-1])))

    def across(self, table: ScoreTable) -> Floats:
        """The value of every entry; ValueError where it needs labels and there are none."""
        label = table.labels() if self.labelled else np.zeros(len(table), bool)
        if not self.grows:
            return self.of(table.score, label)
        # A logarithm of every entry is worth keeping.
        return table.cached(f"values {self.name}", lambda: self.of(table.score, label))

    def bins(self, value: Floats) -> NDArray[np.int64]:
        """Each value's bin; the two halves of the bins are evenly wide."""
        half = BINS // 2
        lower, upper = self.edges[1] - self.edges[0], self.edges[-1] - self.edges[-2]
        place = (value - self.edges[0]) / lower
        if not np.isclose(lower, upper):
            place = np.where(value < self.edges[half], place, half + (value - self.edges[half]) / upper)
        return np.asarray(np.clip(place.astype(np.int64), 0, BINS - 1))


def _log_loss(score: Floats, label: NDArray[np.bool_]) -> Floats:
    """Negative logarithm of the probability of the label."""
    p = np.clip(score, LEAST, 1 - LEAST)
    return np.asarray(-np.log(np.where(label, p, 1 - p)))


WORST = float(-np.log(1 - (1 - LEAST)))
"""The largest logarithmic loss."""
SCORE = Value("score", lambda score, label: score, np.linspace(0, 1, BINS + 1), labelled=False, free=True)
SQUARED_ERROR = Value(
    "squared error", lambda score, label: (score - label) ** 2, np.linspace(0, 1, BINS + 1), rare=True
)
EXCESS = Value("excess", lambda score, label: score - label, np.linspace(-1, 1, BINS + 1))
SURPRISE = Value(
    "surprise",
    _log_loss,
    np.concatenate([np.linspace(0, 8, BINS // 2 + 1), np.linspace(8, WORST, BINS // 2 + 1)[1:]]),
    grows=True,
    rare=True,
)
