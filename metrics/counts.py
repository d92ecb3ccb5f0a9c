"""Outcome counts of slices: what the figures are made of. They are drawn from a cube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .profiles import profiles

LABEL, DECISION = "y_true", "y_pred"


@dataclass(frozen=True)
class Counts:
    """Counts (or weight sums) per slice; arrays of shape (slices,), or None where not available.

    ``tp, fp, fn, tn`` need labels and decisions, ``positives`` labels, ``selected`` decisions.
    """

    # Any rather than an array or None: formulas are only asked for what the table's needs allow.
    n: NDArray[Any]
    positives: Any = None
    selected: Any = None
    tp: Any = None
    fp: Any = None
    fn: Any = None
    tn: Any = None


@dataclass(frozen=True)
class Clusters:
    """Weight sums of each observed (slice, cluster) pair; a cluster may lie in several slices.

    Attributes
    ----------
    owner, cluster : int arrays of shape (pairs,)
        The pair's slice, a position in the tally's ``keys``, and its cluster, a code below the number of
        clusters.
    counts : Counts
    times : int array of shape (pairs,) or None
        How many pairs each stands for, where those of equal counts are held once.
    together : sparse array of shape (pairs, pairs) or None
        In how many clusters two of these stand together.
    """

    owner: NDArray[np.intp]
    cluster: NDArray[np.intp]
    counts: Counts
    times: NDArray[np.int64] | None = None
    together: Any = None

    @cached_property
    def once(self) -> Clusters:
        """The pairs with those of equal slice and counts held once, where that leaves far fewer of many."""
        counts = {name: value for name, value in vars(self.counts).items() if value is not None}
        # The others are differences of these.
        telling = [counts[name] for name in ("n", "positives", "selected", "tp") if name in counts]
        found = profiles(self.owner, self.cluster, telling)
        if found is None:
            return self
        first = {name: value[found.first] for name, value in counts.items()}
        places = np.arange(len(found.first))
        return Clusters(self.owner[found.first], places, Counts(**first), found.times, found.together)


@dataclass(frozen=True)
class Tally:
    """The counts of every slice of some columns.

    Attributes
    ----------
    by : tuple of str
        The slice columns.
    keys : list of tuple of str
        One value per column for each slice.
    counts : Counts
        Integer row counts, arrays of shape (slices,).
    weights, squares : Counts or None
        Sums of the rows' weights and squared weights, where rows carry weights.
    clusters : Clusters or None
        Weight sums of each observed (slice, cluster) pair.
    """

    by: tuple[str, ...]
    keys: list[tuple[str, ...]]
    counts: Counts
    weights: Counts | None = None
    squares: Counts | None = None
    clusters: Clusters | None = None

    def __len__(self) -> int:
        return len(self.keys)


def features_by(sensitive: Sequence[str], depth: int) -> list[tuple[str, ...]]:
    """Each feature alone, then every combination of up to ``depth`` features, in the given order."""
    sets: list[tuple[str, ...]] = [(s,) for s in sensitive]
    start = 0
    for _ in range(2, depth + 1):
        size = len(sets)
        for combination in sets[start:size]:
            after = sensitive.index(combination[-1]) + 1
            sets += [(*combination, s) for s in sensitive[after:]]
        start = size
    return sets
