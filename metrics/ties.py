"""Groups of tied scores, which the order of the scores is read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codes import combined, crossed
from .intervals import Floats
from .scores import ScoreTable

Sums = Callable[[str], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Ties:
    """Groups of tied scores, slice by slice, each slice's in ascending order.

    Attributes
    ----------
    groups : int array of shape (slices,)
        Each slice's groups.
    sums : callable
        Sums by group of a column of the table (``weight``, ``count``, ``square``): those of the positive and
        those of the negative entries.
    new : int array of shape (groups,), optional
        The first entry of each group, in the order of ``order``; ``label`` of the entries in that order.
    """

    groups: NDArray[np.int64]
    sums: Sums
    new: Any = None
    label: Any = None
    order: Any = None

    def each(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value of each slice, for each of its groups."""
        return np.repeat(values, self.groups)

    def sum(self, values: Floats) -> Floats:
        """Sum of a value per group, by slice; 0 in a slice without any."""
        out, held = np.zeros(len(self.groups)), np.flatnonzero(self.groups)
        if len(held):
            out[held] = np.add.reduceat(values, (np.cumsum(self.groups) - self.groups)[held])
        return out

    @property
    def entry(self) -> NDArray[np.intp]:
        """Each entry's group."""
        return np.repeat(np.arange(len(self.new)), np.diff(np.append(self.new, len(self.label))))


def tied_rows(table: ScoreTable, slices: NDArray[np.int64], size: int) -> Ties:
    """Entries of equal slice and score, one group each.

    Parameters
    ----------
    slices : int array of shape (entries,)
        Each entry's slice, below ``size``.
    """
    label, tie = table.labels(), table.tie
    order: NDArray[np.intp] | slice = slice(None)
    if size > 1:
        # The table is sorted by score: a stable sort by slice leaves each slice's scores sorted.
        order = np.argsort(slices.astype(np.int16 if size < 2**15 else np.int64), kind="stable")
        label, tie = label[order], tie[order]
    ends = np.cumsum(np.bincount(slices, minlength=size))
    first = np.ones(len(tie), bool)
    first[1:] = tie[1:] != tie[:-1]
    first[ends[:-1][ends[:-1] < len(tie)]] = True
    new = np.flatnonzero(first)

    def sums(name: str) -> tuple[Floats, Floats]:
        if not table.weighted:
            positive = np.add.reduceat(label, new, dtype=np.int64).astype(float)
            return positive, np.diff(new, append=len(tie)) - positive
        values = getattr(table, name)[order]
        positive = np.add.reduceat(np.where(label, values, 0), new).astype(float)
        return positive, np.add.reduceat(values, new) - positive

    return Ties(np.diff(np.searchsorted(new, ends), prepend=0), sums, new, label, order)


def tied_bins(table: ScoreTable, owner: NDArray[np.int64], size: int) -> Ties:
    """Bins that hold rows of a slice.

    They are summed by the table's own slices once, and by those of this partition from these sums.

    Parameters
    ----------
    owner : int array of shape (table's slices,)
        The slice, below ``size``, of each of the table's own.
    """
    width = int(table.tie.max(initial=0)) + 1
    if len(table.keys) * width > len(table):
        return _few_of_many(table, owner, size, width)

    def held(name: str) -> Floats:
        """Sums of the positive entries and of all, by slice and bin."""
        own, out = (
            table.cached(f"bins {name}", lambda: _bin_sums(table, name, width)),
            np.zeros((2, size, width)),
        )
        for sums, whole in zip(own, owner.tolist(), strict=True):
            out[:, whole] += sums
        return out

    there = held("count")[1] > 0

    def sums(name: str) -> tuple[Floats, Floats]:
        positive, every = (part[there] for part in held(name))
        return positive, every - positive

    return Ties(there.sum(1), sums)


def _bin_sums(table: ScoreTable, name: str, width: int) -> Floats:
    """Sums of the positive entries and of all, shape (table's slices, 2, bins)."""
    cell = combined([table.codes, table.labels(), table.tie], [len(table.keys), 2, width], len(table))
    sums = np.bincount(cell, getattr(table, name), len(table.keys) * 2 * width).astype(float, copy=False)
    sums = sums.reshape(-1, 2, width)
    return np.stack([sums[:, 1], sums[:, 0] + sums[:, 1]], axis=1)


def _few_of_many(table: ScoreTable, owner: NDArray[np.int64], size: int, width: int) -> Ties:
    """`tied_bins` where most bins hold no row of most slices: those that do are numbered."""
    label, tie, codes = table.labels(), table.tie, table.codes
    # Entries of one bin and slice stand together, one of either label.
    new = table.cached("ties", lambda: np.flatnonzero(np.diff(tie * len(table.keys) + codes, prepend=-1)))
    (held, _), place = crossed([owner[codes[new]], tie[new]], [size, width])

    def sums(name: str) -> tuple[Floats, Floats]:
        values = getattr(table, name)
        positive = table.cached(
            f"tied {name}", lambda: np.add.reduceat(np.where(label, values, 0), new).astype(float)
        )
        every = table.cached(f"all tied {name}", lambda: np.add.reduceat(values, new).astype(float))
        first, both = (np.bincount(place, v, len(held)).astype(float) for v in (positive, every))
        return first, both - first

    return Ties(np.bincount(held, minlength=size), sums)
