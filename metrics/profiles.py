"""Clusters of equal counts, which are alike in every figure of counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codes import combined, numbered

MANY = 1 << 16
"""Fewer (slice, cluster) pairs are looked at one by one."""
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
