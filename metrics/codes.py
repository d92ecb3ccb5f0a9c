"""Numbers for combinations of values and for names: what is grouped is numbered first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.integer[Any]] | NDArray[np.bool_]

MOST_CODES = 2**62
"""Combinations that are numbered without looking which of them occur."""
SPARSE = 16
"""Up to so many possible codes for each one that is there, looking them up is quicker than sorting."""


def numbered(code: NDArray[np.integer[Any]], size: int) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The distinct codes, all below ``size``, in ascending order, and each code's position among them."""
    if size > SPARSE * len(code):
        found, place = np.unique(code, return_inverse=True)
        return found.astype(np.int64), place.reshape(-1)
    # Where few of the possible codes are missing, each has a place of its own, and nothing is sorted.
    there = np.zeros(size, bool)
    there[code] = True
    found = np.flatnonzero(there)
    position = np.empty(size, np.intp if len(found) > np.iinfo(np.int32).max else np.int32)
    position[found] = np.arange(len(found))
    return found, position[code].astype(np.intp, copy=False)


def combined(columns: Sequence[Codes], sizes: Sequence[int], rows: int) -> NDArray[np.integer[Any]]:
    """One code per row for the combination of its codes, in the order of the combinations.

    Parameters
    ----------
    columns : sequence of int or bool arrays of shape (rows,)
        Each column's codes, below its size.

    Returns
    -------
    int array of shape (rows,)
        Of 32 bits where they hold every combination: half as many bytes are moved.
    """
    narrow = math.prod(sizes) <= np.iinfo(np.int32).max
    kind = np.int32 if narrow else np.int64
    if not columns:
        return np.zeros(rows, kind)
    code: NDArray[Any] = columns[0].astype(kind)
    most = sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        if most * size > MOST_CODES:
            # More combinations than numbers: those that occur are numbered anew.
            found, code = np.unique(code, return_inverse=True)
            code, most = code.reshape(-1).astype(np.int64), len(found)
        # In place: the first code is ours alone.
        code *= size
        code += column
        most *= size
    return code


def parted(code: NDArray[np.integer[Any]], sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """The codes that each code of `combined` was made of, where no combinations were numbered anew."""
    return [part.astype(np.int64, copy=False) for part in np.unravel_index(code, sizes)] if sizes else []


def crossed(
    columns: Sequence[Codes], sizes: Sequence[int]
) -> tuple[list[NDArray[np.int64]], NDArray[np.intp]]:
    """The observed combinations of codes, such as pairs of slice and cluster, in ascending order.

    Parameters
    ----------
    columns : sequence of int or bool arrays of shape (rows,)
        At least one; each column's codes, below its size.

    Returns
    -------
    columns : list of int arrays of shape (combinations,)
    place : int array of shape (rows,)
        Each row's combination.
    """
    code, most = combined(columns, sizes, len(columns[0])), math.prod(sizes)
    if most > MOST_CODES:
        _, first, place = np.unique(code, return_index=True, return_inverse=True)
        return [column[first].astype(np.int64) for column in columns], place.reshape(-1)
    found, place = numbered(code, most)
    return parted(found, sizes), place
