"""Ranks from scores: within each query the highest score is first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.spelling import as_ids


def ranks(
    query: pa.Array, score: NDArray[np.float64], then: NDArray[np.generic] | None = None
) -> tuple[NDArray[np.int64], int]:
    """Return the rank of each row in its query, and how many rows share their score with another of it.

    Parameters
    ----------
    query : pyarrow.Array
        Whose list each row stands in; all rows of a query are there.
    score : float array of shape (rows,)
        Higher is earlier; of equal ones the first row is.
    then : array of shape (rows,), optional
        Lower is earlier among equal scores.

    Returns
    -------
    rank : int array of shape (rows,)
        1 is first.
    ties : int
    """
    codes = as_ids(query).dictionary_encode().indices.to_numpy()
    keys = (np.arange(len(score)), *(() if then is None else (then,)), -score, codes)
    order = np.lexsort(keys)
    ordered = codes[order]
    opens = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, np.intp)
    lengths = np.diff(np.r_[opens, len(order)])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(opens, lengths) + 1
    alike = (ordered[1:] == ordered[:-1]) & (score[order][1:] == score[order][:-1])
    return rank, int((np.r_[False, alike] | np.r_[alike, False]).sum()) if len(order) else 0
