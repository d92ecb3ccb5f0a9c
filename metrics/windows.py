"""Windows over the candidates of several slices: the choice of most gain within a reach, or of least reach.

One choice is made of each slice, all within one window; branch and bound finds the best of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import Floats

Index = NDArray[np.intp]

TOLERANCE = 1e-12
"""A limit may be missed by so much: rounding decides nothing."""

BATCH, FEWEST = 128, 16
"""About how many boxes of the search are looked at together, and how many of the best those are cut from."""


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
        ordered = [p.T.take(o, axis=1) for p, o in zip(points, self.order, strict=True)]
        sizes = [len(o) for o in self.order]
        self.offset = np.concatenate([[0], np.cumsum(sizes)])
        self.owner = np.repeat(np.arange(len(sizes)), sizes)
        flat = np.concatenate(ordered, axis=1)
        self.axes = [self._axis(coordinate) for coordinate in flat]
        # No window is told from another by less: sums of large coordinates are rounded by more.
        self.margin = max(TOLERANCE, 16 * float(np.finfo(np.float64).eps * np.abs(flat).max()))
        # A window starts at one value of each coordinate, or lies around one centre.
        self.places, self.sides = [values for values, _ in self.axes], list(range(len(self.axes)))
        if self.centred:
            centres = ordered[reference] if reference is not None else np.array([[centre]])
            self.places, self.sides = list(centres), [0] * len(self.axes)
        self.sizes = np.array([len(self.places[side]) for side in range(max(self.sides) + 1)])

    def _axis(self, flat: Floats) -> tuple[Floats, NDArray[np.int32]]:
        """The distinct values of a coordinate, and where each of them starts in every slice."""
        order = np.argsort(flat, kind="stable")  # what merges runs that rise: each slice is one
        ordered = flat[order]
        new = np.append(True, ordered[1:] != ordered[:-1])
        values, rank = ordered[new], np.empty_like(order)
        rank[order] = np.cumsum(new) - 1
        # Of the table of slices by values, one row after the other: the cell that each candidate lies in.
        slices, across = len(self.order), len(values) + 1
        gaps = np.diff(self.owner * across + rank, prepend=-1, append=slices * across - 1)
        return values, np.repeat(np.arange(len(flat) + 1, dtype=np.int32), gaps).reshape(slices, across)

    def best(self, gains: list[Floats], reach: float, closest: bool = True) -> Index | None:
        """Candidates of the largest total gain within ``reach``; of equals the closest, or any."""
        return self._explore(self._table(gains), -np.finfo(np.float64).max, reach, slack(gains), closest)

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

    def _explore(
        self, table: Floats, floor: float, reach: float, step: float | None, closest: bool = True
    ) -> Index | None:
        """Candidates within ``reach`` that gain ``floor`` in total: the closest or, by steps, the most.

        The closest of those that gain the most, within a step, lie in the boxes that are kept until then.
        Boxes are int arrays of shape (2, boxes, sides): the first and the last place of each side.
        """
        waiting, bounds = np.stack([np.zeros_like(self.sizes), self.sizes - 1])[:, None], np.array([np.inf])
        found, kept, together = None, floor, FEWEST
        while True:
            if step is not None and found is not None and not (bounds >= floor).any():
                floor, reach, step = kept, self.spread(found) - self.margin, None
            order = np.argsort(-bounds, kind="stable")[: np.count_nonzero(bounds >= kept)]
            most = min(together, int(np.count_nonzero(bounds >= floor)))
            if not most:
                return found
            boxes = _cut(waiting[:, order[:most]], self.sizes, max(2, BATCH // most))
            places = np.stack([boxes.sum(0) // 2] * 2)
            bound, gain = np.split(self._bound(table, np.concatenate([boxes, places], axis=1), reach), 2)
            # The best boxes alone soon lead to a good choice; once that is as good as any, many are due.
            together = FEWEST if gain.max() >= floor else min(2 * together, BATCH)
            while gain.max() >= floor:
                place = places[:, [np.argmax(gain)]]
                if step is None:
                    found = self._inside(table, place, self._least_reach(table, place, floor, reach))
                    reach = self.spread(found) - self.margin
                    gain = self._bound(table, places, reach)
                else:
                    found = self._inside(table, place, reach)
                    floor = np.nextafter(gain.max() + step, np.inf)
                    kept = gain.max() - step if closest else floor
            waiting = np.concatenate([waiting[:, order[most:]], boxes], axis=1)
            bounds = np.concatenate([bounds[order[most:]], bound])

    def _bound(self, table: Floats, boxes: Index, reach: float | Floats) -> Floats:
        """Total of each slice's largest gain in the union of the windows of each box; -inf for none."""
        start, stop = self._ranges(boxes, reach)
        held = np.flatnonzero((stop > start).all(0))
        start, stop = start[:, held], stop[:, held]
        level = np.frexp(stop - start)[1] - 1
        most = np.full(boxes.shape[1], -np.inf)
        most[held] = np.maximum(table[level, start], table[level, stop - (1 << level)]).sum(0)
        return most

    def _ranges(self, boxes: Index, reach: float | Floats) -> tuple[Index, Index]:
        """First and past-the-last candidate of every slice in each box's windows, (slices, boxes) each."""
        start, stop = self.offset[:-1, None], self.offset[1:, None]
        for (values, starts), places, side in zip(self.axes, self.places, self.sides, strict=True):
            first, last = boxes[..., side]
            past = np.searchsorted(values, places[last] + reach, side="right")
            if self.centred:
                first = np.searchsorted(values, places[first] - reach)
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
        while len(reaches) > 1:
            tried = np.arange(0, len(reaches) - 1, 1 + len(reaches) // BATCH)
            gain = self._bound(table, np.repeat(place, len(tried), axis=1), reaches[tried])
            short, edges = np.count_nonzero(gain < floor), np.concatenate([[-1], tried, [len(reaches) - 1]])
            reaches = reaches[edges[short] + 1 : edges[short + 1] + 1]
        return float(reaches[0])


def _cut(boxes: Index, sizes: Index, parts: int) -> Index:
    """Boxes cut into up to so many parts across their longest side."""
    length = boxes[1] - boxes[0]
    row, side = np.arange(boxes.shape[1]), np.argmax(length / sizes, axis=1)
    edges = boxes[0, row, side, None] + (length[row, side, None] + 1) * np.arange(parts + 1) // parts
    cut = np.repeat(boxes[:, :, None], parts, axis=2)
    cut[0, row, :, side], cut[1, row, :, side] = edges[:, :-1], edges[:, 1:] - 1
    cut = cut.reshape(2, -1, len(sizes))
    return cut[:, (cut[0] <= cut[1]).all(1)]


def slack(gains: list[Floats]) -> float:
    """How far apart two totals may be to count as equal."""
    return TOLERANCE * sum(float(np.abs(g).max()) for g in gains)


def pick(arrays: Sequence[NDArray[Any]], chosen: NDArray[Any]) -> NDArray[Any]:
    """The chosen entries of each slice's array."""
    return np.stack([a[c] for a, c in zip(arrays, chosen, strict=True)])


def total(parts: list[Floats], chosen: Index) -> float:
    """Sum of the chosen entries."""
    return float(pick(parts, chosen).sum())
