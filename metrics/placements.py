"""Placements: where each row's score stands among the scores of the other class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats


def placements(
    score: Floats,
    label: NDArray[np.bool_],
    weight: Floats,
    slices: NDArray[np.int64],
    size: int,
    order: NDArray[np.intp] | None = None,
) -> Floats:
    """Each row's placement in its slice, by midranks; the mean over either class is the AUC.

    Of a positive row the weighted share of the slice's negative rows that score lower, of a negative row
    that of the positive rows that score higher, ties counted half. X. Sun, W. Xu 2014, IEEE Signal
    Process. Lett. 21:1389-1393.

    Parameters
    ----------
    score, weight : float arrays of shape (rows,)
    label : bool array of shape (rows,)
    slices : int array of shape (rows,)
        Each row's slice, below ``size``.
    order : int array of shape (rows,), optional
        The rows in ascending order of their scores, where it is known.

    Returns
    -------
    float array of shape (rows,)
        nan where the slice has no row of the other class.
    """
    order = np.argsort(score) if order is None else order
    if size > 1:
        # A stable sort of small numbers by counting: each slice's scores stay sorted.
        small = slices[order].astype(np.int16 if size < 2**15 else np.int64)
        order = order[np.argsort(small, kind="stable")]
    s, y, w, own = score[order], label[order], weight[order], slices[order]
    first = np.ones(len(s), bool)
    first[1:] = (s[1:] != s[:-1]) | (own[1:] != own[:-1])
    group = np.cumsum(first) - 1

    def sums(values: NDArray[Any]) -> Floats:
        return np.bincount(group, values, int(first.sum())).astype(float)

    positive, negative = sums(np.where(y, w, 0)), sums(np.where(y, 0, w))
    owner = own[first]
    total_p = np.bincount(owner, positive, size)
    total_n = np.bincount(owner, negative, size)
    before_n = np.cumsum(total_n) - total_n
    # Sums of weights that should cancel leave a last digit, which is no share of no rows.
    of_n, of_p = (np.where(total > 0, total, np.nan)[owner] for total in (total_n, total_p))
    below = (np.cumsum(negative) - negative / 2 - before_n[owner]) / of_n
    above = (np.cumsum(total_p)[owner] - np.cumsum(positive) + positive / 2) / of_p
    out = np.empty(len(s))
    out[order] = np.where(y, below[group], above[group])
    return out
