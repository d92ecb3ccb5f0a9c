"""Windows over the candidates of several slices: the choice of most gain within a reach, or of least reach.

One choice is made of each slice, all within one window; branch and bound finds the best of all of them.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats

Index = NDArray[np.intp]

TOLERANCE = 1e-12
"""A limit may be missed by so much: rounding decides nothing."""

BATCH = 512
"""Boxes of the search that are looked at together."""


class Windows:
    """The candidates of every slice along rising coordinates, and the search for one of each.

    A choice keeps a limit where a window holds it: one that starts at the least coordinate chosen or,
    with centres, one that reaches equally far to both sides of a centre. Of each slice a window takes in a
    contiguous range of candidates, whose largest gain a sparse table gives (M. A. Bender, M. Farach-Colton
    2000, LATIN). The places of windows are searched by branch and bound (A. H. Land, A. G. Doig 1960,
    Econometrica 28:497-520): the union of the windows of a box of places bounds what each of them gains.

    Parameters
    ----------
    points : list of float arrays of shape (candidates, coordinates)
        Per slice; rising along the candidates in every coordinate, or of one coordinate in any order;
        nan where a candidate is not allowed.
    reference : int, optional
        The slice whose candidates are the centres.
    centre : float, optional
        The only centre, in the only coordinate.
    widest : float
        All distances from here on count as equal.
    """

    def __init__(
        self,
        points: list[Floats],
        reference: int | None = None,
        centre: float | None = None,
        widest: float = np.inf,
    ) -> None:
        self.points, self.reference, self.centre, self.widest = points, reference, centre, widest
        self.centred = reference is not None or centre is not None
        self.order = [np.flatnonzero(~np.isnan(p).any(1)) for p in points]
        if points[0].shape[1] == 1:
            self.order = [
                o[np.argsort(p[o, 0], kind="stable")] for p, o in zip(points, self.order, strict=True)
            ]
        ordered = [p[o] for p, o in zip(points, self.order, strict=True)]
        self.offset = np.concatenate([[0], np.cumsum([len(o) for o in self.order])])
        flat = np.concatenate(ordered)
        self.axes = [self._axis(coordinate) for coordinate in flat.T]
        # No window is told from another by less: sums of large coordinates are rounded by more.
        self.margin = max(TOLERANCE, 16 * float(np.finfo(np.float64).eps * np.abs(flat).max()))
        # A window starts at one value of each coordinate, or lies around one centre.
        self.places, self.sides = [values for values, _ in self.axes], list(range(len(self.axes)))
        if self.centred:
            centres = ordered[reference] if reference is not None else np.array([[centre]])
            self.places, self.sides = list(centres.T), [0] * len(self.axes)
        self.sizes = np.array([len(self.places[side]) for side in range(max(self.sides) + 1)])

    def _axis(self, flat: Floats) -> tuple[Floats, NDArray[np.int32]]:
        """The distinct values of a coordinate, and where each of them starts in every slice."""
        values, rank = np.unique(flat, return_inverse=True)
        starts = np.zeros((len(self.order), len(values) + 1), np.int32)
        for row, (first, past) in zip(starts, itertools.pairwise(self.offset), strict=True):
            np.cumsum(np.bincount(rank[first:past], minlength=len(values)), out=row[1:])
            row += first
        return values, starts

    def best(self, gains: list[Floats], reach: float) -> Index | None:
        """Candidates of the largest total gain within ``reach``; of equals the closest."""
        table, step = self._table(gains), slack(gains)
        found = self._explore(table, -np.finfo(np.float64).max, reach, step)
        if found is None:
            return None
        floor = total(gains, found) - step
        closer = self._explore(table, floor, self.spread(found) - self.margin, None)
        return found if closer is None else closer

    def least(self, gains: list[Floats], floor: float, reach: float) -> Index | None:
        """The closest candidates within ``reach`` of a total gain of at least ``floor``."""
        return self._explore(self._table(gains), floor, reach, None)

    def spread(self, chosen: Index) -> float:
        """The least reach of a window that holds these candidates."""
        points = pick(self.points, chosen)
        if self.centred:
            distances = np.abs(points - (self.centre if self.reference is None else points[self.reference]))
        else:
            distances = np.ptp(points, axis=0)
        return min(float(distances.max()), self.widest)

    def _table(self, gains: list[Floats]) -> Floats:
        """Row ``j`` holds the largest of ``2**j`` neighbouring gains from every position on."""
        levels = max(len(o) for o in self.order).bit_length()
        table = np.empty((levels, self.offset[-1]))
        table[0] = np.concatenate([g[o] for g, o in zip(gains, self.order, strict=True)])
        for j in range(levels - 1):
            ahead = 1 << j
            np.maximum(table[j, :-ahead], table[j, ahead:], out=table[j + 1, :-ahead])
            table[j + 1, -ahead:] = table[j, -ahead:]
        return table

    def _explore(self, table: Floats, floor: float, reach: float, step: float | None) -> Index | None:
        """Candidates within ``reach`` that gain ``floor`` in total: the closest or, by steps, the most.

        Boxes are int arrays of shape (2, boxes, sides): the first and the last place of each side.
        """
        boxes = np.stack([np.zeros_like(self.sizes), self.sizes - 1])[:, None]
        waiting, bounds = boxes[:, :0], np.zeros(0)
        found = None
        while boxes.shape[1]:
            middle = np.stack([boxes.sum(0) // 2] * 2)
            bound, gain = np.split(self._bound(table, np.concatenate([boxes, middle], axis=1), reach), 2)
            while gain.max() >= floor:
                place = middle[:, [np.argmax(gain)]]
                if step is None:
                    found = self._inside(table, place, self._least_reach(table, place, floor, reach))
                    reach = self.spread(found) - self.margin
                else:
                    found = self._inside(table, place, reach)
                    floor = np.nextafter(gain.max() + step, np.inf)
                gain = self._bound(table, middle, reach)
            inner = (boxes[0] < boxes[1]).any(1)
            waiting = np.concatenate([waiting, boxes[:, inner]], axis=1)
            bounds = np.concatenate([bounds, bound[inner]])
            order = np.argsort(-bounds, kind="stable")[: np.count_nonzero(bounds >= floor)]
            boxes = _halves(waiting[:, order[:BATCH]], self.sizes)
            # In four rather than in two: half as many rounds, which cost more than the boxes of one.
            wide = (boxes[0] < boxes[1]).any(1)
            boxes = np.concatenate([boxes[:, ~wide], _halves(boxes[:, wide], self.sizes)], axis=1)
            waiting, bounds = waiting[:, order[BATCH:]], bounds[order[BATCH:]]
        return found

    def _bound(self, table: Floats, boxes: Index, reach: float) -> Floats:
        """Total of each slice's largest gain in the union of the windows of each box; -inf for none."""
        start, stop = self._ranges(boxes, reach)
        held = np.flatnonzero((stop > start).all(0))
        start, stop = start[:, held], stop[:, held]
        level = np.frexp(stop - start)[1] - 1
        most = np.full(boxes.shape[1], -np.inf)
        most[held] = np.maximum(table[level, start], table[level, stop - (1 << level)]).sum(0)
        return most

    def _ranges(self, boxes: Index, reach: float) -> tuple[Index, Index]:
        """First and past-the-last candidate of every slice in each box's windows, (slices, boxes) each."""
        start, stop = self.offset[:-1, None], self.offset[1:, None]
        for (values, starts), places, side in zip(self.axes, self.places, self.sides, strict=True):
            low, high = places[boxes[..., side]]
            first = np.searchsorted(values, low - reach if self.centred else low)
            past = np.searchsorted(values, high + reach, side="right")
            start, stop = np.maximum(start, starts[:, first]), np.minimum(stop, starts[:, past])
        if self.reference is not None:
            r = self.reference
            start[r] = np.maximum(start[r], self.offset[r] + boxes[0, :, 0])
            stop[r] = np.minimum(stop[r], self.offset[r] + boxes[1, :, 0] + 1)
        return start, stop

    def _inside(self, table: Floats, place: Index, reach: float) -> Index:
        """Each slice's candidate of the largest gain in one window; of equals the first."""
        start, stop = self._ranges(place, reach)
        best = [
            first + np.argmax(table[0, first:past])
            for first, past in zip(start[:, 0], stop[:, 0], strict=True)
        ]
        return np.concatenate(self.order)[best]

    def _least_reach(self, table: Floats, place: Index, floor: float, reach: float) -> float:
        """The least reach, up to ``reach``, at which the window at ``place`` gains ``floor``."""
        axes = zip(self.axes, self.places, self.sides, strict=True)
        distance = np.concatenate([np.abs(v - p[place[0, 0, side]]) for (v, _), p, side in axes])
        more = self.margin / 4
        reaches = np.unique(distance[distance <= reach + more]) + more

        def enough(reach: float) -> bool:
            return bool(self._bound(table, place, reach)[0] >= floor)

        return float(reaches[bisect_left(reaches, True, key=enough)])


def _halves(boxes: Index, sizes: Index) -> Index:
    """Boxes cut in two across their longest side."""
    at = np.arange(boxes.shape[1]), np.argmax((boxes[1] - boxes[0]) / sizes, axis=1)
    left, right = boxes.copy(), boxes.copy()
    left[1][at] = boxes.sum(0)[at] // 2
    right[0][at] = left[1][at] + 1
    return np.concatenate([left, right], axis=1)


def slack(gains: list[Floats]) -> float:
    """How far apart two totals may be to count as equal."""
    return TOLERANCE * sum(float(np.abs(g).max()) for g in gains)


def pick(arrays: Sequence[NDArray[Any]], chosen: NDArray[Any]) -> NDArray[Any]:
    """The chosen entries of each slice's array."""
    return np.stack([a[c] for a, c in zip(arrays, chosen, strict=True)])


def total(parts: list[Floats], chosen: Index) -> float:
    """Sum of the chosen entries."""
    return float(pick(parts, chosen).sum())
