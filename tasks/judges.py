"""How judges of answers decided labelled ones: counts by slice and cluster, as predictions carry them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.clusters import effective
from ..metrics.intervals import Floats
from ..metrics.prevalence import Errors
from .cases import By
from .ratios import Keys

JUDGE = "judge"
"""The column of predictions that says how the judges did: the same text in every row, or none."""
Counts = tuple[int, int, int, int]
"""Positive rows found, and all; other rows found positive, and all."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """Labelled rows of one slice and cluster.

    Attributes
    ----------
    values : tuple of str
        Of the features.
    cluster : int
        A number of what depends on each other; 0 everywhere where rows do not.
    counts : tuple of int
        Found positives, positives, false positives, negatives.
    """

    values: tuple[str, ...]
    cluster: int
    counts: Counts


@dataclass(frozen=True)
class Audited:
    """How one judge decided labelled rows.

    Attributes
    ----------
    name : str
    features : tuple of str
        The sensitive features that the labelled rows have.
    cells : sequence of Cell
    clustered : bool
        Whether rows depend on each other, as those of one template do.
    """

    name: str
    features: tuple[str, ...]
    cells: Sequence[Cell]
    clustered: bool = False

    def errors(self, by: By, keys: Keys) -> Errors:
        """The judge's errors in some slices: on labelled rows with the same values of what these have.

        A feature that the labelled rows do not have tells none apart: then those of all values count. Where
        rows depend on each other, counts are those of effective rows.
        """
        owner, number, wanted = self._placed(by, keys)
        counts = self._summed(owner, len(number))
        if self.clustered:
            sides = [self._effective(owner, counts, side) for side in (0, 2)]
            counts = np.stack([column for side in sides for column in side], axis=-1)
        place = np.array([number.get(key, -1) for key in wanted], np.int64)
        # What no labelled row is of has none.
        table = np.concatenate([counts, np.zeros((1, 4))])[place]
        of = np.where(place >= 0, place, -1 - np.arange(len(place)))
        return Errors(table[:, 0], table[:, 1], table[:, 2], table[:, 3], of)

    def counted(self, by: By, keys: Keys) -> Ints:
        """Labelled rows of some slices as they are, array of shape (slices, 4), as `Counts`."""
        owner, number, wanted = self._placed(by, keys)
        counts = self._summed(owner, len(number))
        return np.array([counts[number[key]] for key in wanted], np.int64).reshape(-1, 4)

    def keys(self, by: By) -> list[tuple[str, ...]]:
        """The slices of some of its features that have labelled rows."""
        places = [self.features.index(name) for name in by]
        return list(dict.fromkeys(tuple(cell.values[place] for place in places) for cell in self.cells))

    def _placed(self, by: By, keys: Keys) -> tuple[Ints, dict[tuple[str, ...], int], list[tuple[str, ...]]]:
        """Each cell's slice, a number of each, and which of them each key is."""
        held = [name for name in by if name in self.features]
        places = [self.features.index(name) for name in held]
        number: dict[tuple[str, ...], int] = {}
        owner = [
            number.setdefault(tuple(cell.values[place] for place in places), len(number))
            for cell in self.cells
        ]
        return np.array(owner, np.int64), number, [tuple(key[by.index(n)] for n in held) for key in keys]

    @property
    def _counts(self) -> Ints:
        return np.array([cell.counts for cell in self.cells], np.int64).reshape(-1, 4)

    def _summed(self, owner: Ints, size: int) -> Floats:
        return np.stack([np.bincount(owner, column, size) for column in self._counts.T], axis=-1).astype(
            float
        )

    def _effective(self, owner: Ints, sums: Floats, side: int) -> tuple[Floats, Floats]:
        """Found and all rows of one kind, as so many effective ones."""
        found, rows = sums[:, side], sums[:, side + 1]
        x, n = self._counts[:, side].astype(float), self._counts[:, side + 1].astype(float)
        width = max((cell.cluster for cell in self.cells), default=0) + 1
        cluster = np.array([cell.cluster for cell in self.cells], np.int64)
        pair, place = np.unique(owner * width + cluster, return_inverse=True)
        x, n = (np.bincount(place, part, len(pair)).astype(float) for part in (x, n))
        whose = (pair // width).astype(np.intp)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(rows > 0, found / np.maximum(rows, 1), 0.0)
            some, _ = effective(
                whose,
                (pair % width).astype(np.intp),
                x - share[whose] * n,
                n,
                share * (1 - share),
                rows,
                rows,
            )
        some = np.nan_to_num(some)
        return share * some, some


def written(judges: Sequence[Audited]) -> str:
    """Write what `read` reads."""
    return json.dumps(
        [
            {
                "name": judge.name,
                "features": list(judge.features),
                "clustered": judge.clustered,
                "cells": [[list(cell.values), cell.cluster, *cell.counts] for cell in judge.cells],
            }
            for judge in judges
        ],
        ensure_ascii=False,
    )


def read(text: str) -> list[Audited]:
    """Read the counts of judges; ValueError where the text is none that `written` wrote."""
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError(f"expected a list of judges, got {type(found).__name__}")
    return [_judge(one) for one in found]


def _judge(one: Any) -> Audited:
    cells = []
    for values, cluster, *counts in one["cells"]:
        found, positives, false, negatives = (int(count) for count in counts)
        fits = 0 <= found <= positives and 0 <= false <= negatives and len(values) == len(one["features"])
        if not fits or not 0 <= int(cluster) < 1 << 32:
            raise ValueError(f"expected counts of labelled answers, got {counts}")
        cells.append(Cell(tuple(map(str, values)), int(cluster), (found, positives, false, negatives)))
    return Audited(str(one["name"]), tuple(map(str, one["features"])), cells, bool(one["clustered"]))
