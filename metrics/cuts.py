"""Every cut of a slice's scores that makes a difference, with the counts of what it decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .counts import Counts
from .intervals import Floats


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
    return Candidates(
        distinct, thresholds_between(distinct), Counts(p + n, p, tp + fp, tp, fp, p - tp, n - fp)
    )


def thresholds_between(score: Floats) -> Floats:
    """Thresholds around and between descending distinct scores."""
    upper, lower = score[:-1], score[1:]
    middle = upper / 2 + lower / 2
    between = (middle > lower) & (middle <= upper)
    return np.concatenate([[np.inf], np.where(between, middle, upper), [-np.inf]])
