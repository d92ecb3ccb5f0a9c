"""Codes of combinations, and clusters of equal counts, which are alike in every figure of counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CODES = 2**62
"""Combinations that are numbered without looking which of them occur."""
MANY = 1 << 16
"""Fewer (slice, cluster) pairs are looked at one by one."""
SPARSE = 16
"""Up to so many possible codes for each one that is there, looking them up is quicker than sorting."""
MOST_TOGETHER = 30_000_000
"""Two pairs of one cluster that are looked at."""


@dataclass(frozen=True)
class Profiles:
    """The distinct pairs of slice and counts.

    Attributes
    ----------
    first : int array of shape (profiles,)
        A pair of each profile.
    times : int array of shape (profiles,)
        How many pairs it stands for.
    together : sparse array of shape (profiles, profiles)
        In how many clusters two profiles stand together.
    """

    first: NDArray[np.intp]
    times: NDArray[np.int64]
    together: Any


def profiles(
    owner: NDArray[np.integer[Any]], cluster: NDArray[np.integer[Any]], counts: Sequence[NDArray[Any]]
) -> Profiles | None:
    """Return the distinct counts of (slice, cluster) pairs; None where they would not spare much.

    Parameters
    ----------
    owner, cluster : int arrays of shape (pairs,)
        Slice and cluster of each pair.
    counts : sequence of arrays of shape (pairs,)
        What the figures are made of.
    """
    if len(owner) < MANY or any(values.dtype.kind == "f" for values in counts):
        return None
    shared = np.bincount(cluster).astype(float)
    if shared @ shared > MOST_TOGETHER:
        return None
    from scipy.sparse import csr_array

    columns = [owner, *counts]
    sizes = [int(values.max()) + 1 for values in columns]
    code = combined(columns, sizes, len(owner))
    found, place = numbered(code, math.prod(sizes))
    times = np.bincount(place, minlength=len(found))
    if len(times) * 8 > len(owner):
        return None
    first = np.empty(len(times), np.intp)
    first[place] = np.arange(len(place))
    ones = np.ones(len(place))
    held = csr_array((ones, (place, cluster)), (len(times), len(shared)))
    return Profiles(first, times, held @ held.T)


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


def combined(
    columns: Sequence[NDArray[np.integer[Any]]], sizes: Sequence[int], rows: int
) -> NDArray[np.integer[Any]]:
    """One code per row for the combination of its codes, in the order of the combinations.

    Parameters
    ----------
    columns : sequence of int arrays of shape (rows,)
        Each column's codes, below its size.

    Returns
    -------
    int array of shape (rows,)
        Of 32 bits where they hold every combination: half as many bytes are moved.
    """
    narrow = math.prod(sizes) <= np.iinfo(np.int32).max
    code: NDArray[Any] = np.zeros(rows, np.int32 if narrow else np.int64)
    most = 1
    for column, size in zip(columns, sizes, strict=True):
        if most * size > MOST_CODES:
            # More combinations than numbers: those that occur are numbered anew.
            found, code = np.unique(code, return_inverse=True)
            code, most = code.reshape(-1).astype(np.int64), len(found)
        # In place: the first code is ours alone.
        code *= size
        code += column
        most *= size
    return code
