"""The cube: counts per observed cell of slice columns and outcomes.

It is counted once from the rows (or read from aggregated counts); everything else reads it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from ..bands import UNKNOWN
from .codes import combined, crossed
from .counts import DECISION, LABEL, Clusters, Counts, Tally

MERGE_CELLS = 100_000
"""Cells of batches that wait at least before they are added."""

MOST_PLACES = 1 << 24
"""Possible cells up to which each has a place of its own in a batch's counts."""

NO_NAMES = pa.array([], pa.string())


@dataclass(frozen=True)
class Cube:
    """Counts per observed cell of (slice columns, outcomes).

    Attributes
    ----------
    axes : tuple of str
        Names of the columns, such as ``("sex", "race", "y_true", "y_pred")``; a second decision
        column of another variant is one more axis.
    levels : tuple of tuple of str
        Sorted values of each axis; outcome levels are "0" and "1".
    codes : int array of shape (cells, axes)
        Position of each cell's value in ``levels``; cells (with their clusters) are distinct.
    counts : int array of shape (cells,)
    weights, squares : float arrays of shape (cells,) or None
    cluster : int array of shape (cells,) or None
        Position of each cell's cluster in ``clusters``. A cluster is no axis: there may be as many as rows.
    clusters : pyarrow.StringArray
        The clusters' names; empty without clusters.
    """

    axes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None
    squares: NDArray[np.float64] | None = None
    cluster: NDArray[np.int64] | None = None
    clusters: pa.StringArray = field(default_factory=lambda: NO_NAMES)

    @classmethod
    def from_counts(
        cls,
        columns: Sequence[pa.ChunkedArray | pa.Array],
        axes: Sequence[str],
        counts: NDArray[np.int64],
        weights: NDArray[np.float64] | None = None,
        squares: NDArray[np.float64] | None = None,
        cluster: NDArray[np.int64] | None = None,
        clusters: pa.StringArray = NO_NAMES,
    ) -> Cube:
        """Build a cube from aggregated cells (equal cells are added)."""
        levels, codes = [], []
        for column in columns:
            values, indices = _encoded(column)
            # Values of a dictionary that no cell has are none of the cube's.
            held = np.flatnonzero(np.bincount(indices, minlength=len(values)))
            found = [values[i] for i in held.tolist()]
            names = sorted(set(found))
            position = {name: i for i, name in enumerate(names)}
            place = np.zeros(len(values), np.int64)
            place[held] = [position[name] for name in found]
            levels.append(tuple(names))
            codes.append(place[indices])
        matrix = np.stack(codes, axis=1) if codes else np.zeros((len(counts), 0), np.int64)
        cube = cls(
            tuple(axes), tuple(levels), matrix, counts.astype(np.int64), weights, squares, cluster, clusters
        )
        return cube._merged()

    def _merged(self) -> Cube:
        """The same cube with equal cells added and all in sorted order."""
        if not len(self.counts):
            return self
        columns = list(self.codes.T)
        sizes = [len(level) for level in self.levels]
        if self.cluster is not None:
            columns.append(self.cluster)
            sizes.append(len(self.clusters))
        _, first, place = np.unique(
            combined(columns, sizes, len(self.counts)), return_index=True, return_inverse=True
        )

        def add(values: NDArray[Any] | None) -> NDArray[Any] | None:
            if values is None:
                return None
            out = np.zeros(len(first), values.dtype)
            np.add.at(out, place.reshape(-1), values)
            return out

        counts = add(self.counts)
        assert counts is not None
        return replace(
            self,
            codes=self.codes[first],
            counts=counts,
            weights=add(self.weights),
            squares=add(self.squares),
            cluster=None if self.cluster is None else self.cluster[first],
        )

    def __add__(self, other: Cube) -> Cube:
        """The cube of both sets of rows; levels may differ, axes and weightedness may not."""
        return self.total([self, other])

    @classmethod
    def total(cls, cubes: Sequence[Cube]) -> Cube:
        """The cube of all sets of rows together; levels may differ, axes and weightedness may not."""
        first = cubes[0]
        if len(cubes) == 1:
            return first
        for cube in cubes:
            alike = [(a is None) == (b is None) for a, b in zip(first._sums, cube._sums, strict=True)]
            if cube.axes != first.axes or not all(alike):
                raise ValueError(f"cubes of the same axes and weights add, got {first.axes} and {cube.axes}")
        levels = tuple(
            tuple(sorted(set().union(*same))) for same in zip(*(c.levels for c in cubes), strict=True)
        )
        places = [{name: i for i, name in enumerate(level)} for level in levels]

        def recode(cube: Cube) -> NDArray[np.int64]:
            out = np.empty_like(cube.codes)
            for i, (old, place) in enumerate(zip(cube.levels, places, strict=True)):
                out[:, i] = np.array([place[name] for name in old], np.int64)[cube.codes[:, i]]
            return out

        def join(*parts: Any) -> NDArray[Any] | None:
            return None if parts[0] is None else np.concatenate(parts)

        names, cluster = NO_NAMES, None
        if first.cluster is not None:
            encoded = pa.chunked_array([c.clusters for c in cubes]).dictionary_encode().combine_chunks()
            names, ends = encoded.dictionary, np.cumsum([len(c.clusters) for c in cubes])
            moved = np.split(encoded.indices.to_numpy(), ends[:-1])
            cluster = np.concatenate([m[c.cluster] for m, c in zip(moved, cubes, strict=True)]).astype(
                np.int64
            )
        counts = join(*(c.counts for c in cubes))
        assert counts is not None
        return cls(
            first.axes,
            levels,
            np.concatenate([recode(cube) for cube in cubes]),
            counts,
            join(*(c.weights for c in cubes)),
            join(*(c.squares for c in cubes)),
            cluster,
            names,
        )._merged()

    @property
    def _sums(self) -> tuple[Any, ...]:
        return self.weights, self.squares, self.cluster

    def axis(self, name: str) -> int:
        """Position of an axis; ValueError when the cube has none of that name."""
        if name not in self.axes:
            raise ValueError(f"axis must be one of {self.axes}, got {name!r}")
        return self.axes.index(name)

    def slice_codes(self, by: Sequence[str]) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
        """Each cell's slice of the columns ``by``, and the observed slices' values in sorted order."""
        if not by:
            return np.zeros(len(self.counts), np.int64), [()]
        positions = [self.axis(b) for b in by]
        columns = [self.codes[:, p] for p in positions]
        joined = combined(columns, [len(self.levels[p]) for p in positions], len(self.counts))
        _, first, inverse = np.unique(joined, return_index=True, return_inverse=True)
        named = [[self.levels[p][c] for c in self.codes[first, p].tolist()] for p in positions]
        return inverse.reshape(-1).astype(np.int64), list(zip(*named, strict=True))

    def outcome(self, name: str, level: str) -> NDArray[np.bool_]:
        """Whether each cell has a level on an axis."""
        i = self.axis(name)
        return np.array([other == level for other in self.levels[i]], bool)[self.codes[:, i]]

    def positions(self, name: str, classes: Sequence[str]) -> NDArray[np.int64]:
        """Each cell's level on an axis, as a position in ``classes``; ValueError where it is none of them."""
        i = self.axis(name)
        place = {level: k for k, level in enumerate(classes)}
        if unknown := [level for level in self.levels[i] if level not in place]:
            raise ValueError(
                f"levels of {name!r} must be of the classes {tuple(classes)}, got {unknown[0]!r}"
            )
        return np.array([place[level] for level in self.levels[i]], np.int64)[self.codes[:, i]]

    def seen_as(self, by: Sequence[str], outcomes: Mapping[str, NDArray[np.bool_]]) -> Cube:
        """The cube of the columns ``by`` and of outcomes of two classes, equal cells added.

        Parameters
        ----------
        outcomes : mapping of str to bool arrays of shape (cells,)
            Whether each cell is of the class 1, by axis.
        """
        positions = [self.axis(b) for b in by]
        flags = [np.asarray(flag, np.int64) for flag in outcomes.values()]
        return replace(
            self,
            axes=(*by, *outcomes),
            levels=(*(self.levels[p] for p in positions), *(("0", "1") for _ in flags)),
            codes=np.stack([*(self.codes[:, p] for p in positions), *flags], axis=1)
            if positions or flags
            else np.zeros((len(self.counts), 0), np.int64),
        )._merged()

    def confusion(
        self, codes: NDArray[np.integer[Any]], size: int, axes: Sequence[str], classes: Sequence[str],
        values: NDArray[Any],
    ) -> NDArray[Any]:  # fmt: skip
        """Sums of the cells' ``values`` by class on some axes, array of shape (size, classes, ...).

        ``codes`` says to which of ``size`` places each cell belongs.
        """
        k = len(classes)
        columns = [codes, *(self.positions(name, classes) for name in axes)]
        sizes = [size, *(k for _ in axes)]
        found = np.bincount(combined(columns, sizes, len(values)), values, math.prod(sizes))
        return found.astype(values.dtype).reshape(size, *(k for _ in axes))

    def pairs(
        self, codes: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]] | None:
        """The observed (slice, cluster) pairs of cells whose slices are ``codes``; None without clusters.

        Returns
        -------
        owner, cluster : int arrays of shape (pairs,)
            In the order of the slices.
        place : int array of shape (cells,)
            Each cell's pair.
        """
        if self.cluster is None:
            return None
        most = int(codes.max(initial=0)) + 1
        (owner, cluster), place = crossed([codes, self.cluster], [most, len(self.clusters)])
        return owner.astype(np.intp), cluster.astype(np.intp), place

    def tally(self, by: Sequence[str] = (), decision: str = DECISION) -> Tally:
        """Counts of every observed slice of the columns ``by``.

        Parameters
        ----------
        by : sequence of str
            Slice columns; none for the whole set.
        decision : str
            The decision axis to read (a cube may hold one per variant).
        """
        codes, keys = self.slice_codes(by)
        size = len(keys)
        counts = self._counts(codes, size, self.counts, decision)
        weights = squares = clusters = None
        if self.weights is not None and self.squares is not None:
            weights = self._counts(codes, size, self.weights, decision)
            squares = self._counts(codes, size, self.squares, decision)
        if (found := self.pairs(codes)) is not None:
            owner, cluster, place = found
            sums = self.counts if self.weights is None else self.weights
            clusters = Clusters(owner, cluster, self._counts(place, len(owner), sums, decision))
        return Tally(tuple(by), keys, counts, weights, squares, clusters)

    def _counts(self, codes: NDArray[Any], size: int, values: NDArray[Any], decision: str) -> Counts:
        def outcome(axis: str) -> NDArray[np.bool_] | None:
            if axis not in self.axes:
                return None
            return self.outcome(axis, "1")

        def add(mask: NDArray[np.bool_] | None) -> NDArray[Any]:
            chosen = values if mask is None else np.where(mask, values, 0)
            return np.bincount(codes, chosen, size).astype(values.dtype)

        y, d = outcome(LABEL), outcome(decision)
        positives = None if y is None else add(y)
        selected = None if d is None else add(d)
        if y is None or d is None:
            return Counts(add(None), positives, selected)
        if values.dtype.kind == "f":
            return Counts(add(None), positives, selected, add(y & d), add(~y & d), add(y & ~d), add(~y & ~d))
        # Whole numbers leave exact differences.
        n, tp = add(None), add(y & d)
        return Counts(
            n, positives, selected, tp, selected - tp, positives - tp, n - positives - selected + tp
        )


@dataclass
class Cubes:
    """Cubes of many batches, added now and then: at a cost that stays linear in their cells."""

    _waiting: list[Cube] = field(default_factory=list)
    _cells: int = 0
    """Cells after the last addition."""

    def add(self, cube: Cube) -> None:
        """Take the cube of a batch."""
        self._waiting.append(cube)
        if sum(len(c.counts) for c in self._waiting) > 2 * self._cells + MERGE_CELLS:
            self._cells = len(self.whole.counts)

    @property
    def whole(self) -> Cube:
        """The cube of all batches; ValueError before the first one."""
        if not self._waiting:
            raise ValueError("no predictions were added")
        self._waiting = [Cube.total(self._waiting)]
        return self._waiting[0]

    def __bool__(self) -> bool:
        return bool(self._waiting)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.unify_dictionaries().combine_chunks()


def _encoded(column: pa.Array | pa.ChunkedArray) -> tuple[list[str], NDArray[Any]]:
    """The values of a column in words, and each row's position among them."""
    if isinstance(column, pa.ChunkedArray):
        column = whole(column)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values, indices = column.dictionary.to_pylist(), column.indices
    if indices.null_count:
        indices = indices.fill_null(len(values))
        values.append(None)
    return [UNKNOWN if v is None else str(v) for v in values], indices.to_numpy()


def cluster_names(column: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of clusters as encoded text, each name once; those of no name are one cluster."""
    if isinstance(column, pa.ChunkedArray):
        column = whole(column)
    encoded = column.dictionary_encode()
    names = pa.concat_arrays([encoded.dictionary.cast(pa.string()).fill_null(UNKNOWN), pa.array([UNKNOWN])])
    indices = encoded.indices.fill_null(len(names) - 1)
    once = names.dictionary_encode()
    return pa.DictionaryArray.from_arrays(once.indices.take(indices), once.dictionary)
