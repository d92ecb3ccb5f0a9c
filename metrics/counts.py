"""Outcome counts of slices, and the cube they are drawn from.

The cube is counted once from the rows (or read from aggregated counts); everything else reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

UNKNOWN = "(unknown)"
"""Level of a missing value."""

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
    """

    owner: NDArray[np.intp]
    cluster: NDArray[np.intp]
    counts: Counts


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
        Position of each cell's value in ``levels``; cells are distinct.
    counts : int array of shape (cells,)
    weights, squares : float arrays of shape (cells,) or None
    """

    axes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None
    squares: NDArray[np.float64] | None = None

    @classmethod
    def count(
        cls,
        table: pa.Table | pa.RecordBatch,
        axes: Sequence[str],
        weight: str | None = None,
        count: str | None = None,
    ) -> Cube:
        """Count the rows of ``table`` per distinct combination of the columns ``axes``.

        Nulls are counted under ``(unknown)``. ``weight`` names a float column, ``count`` a column of
        counts, for a table that holds one cell per row already.
        """
        names = [f"a{i}" for i in range(len(axes))]
        columns = [table.column(a) for a in axes]
        sums: list[Any] = [([], "count_all")]
        if weight is not None:
            w = table.column(weight)
            columns += [w, pa.compute.multiply(w, w)]
            sums += [("w", "sum"), ("ww", "sum")]
        if count is not None:
            columns.append(table.column(count))
            sums.append(("n", "sum"))
        names += [*(["w", "ww"] if weight is not None else []), *(["n"] if count is not None else [])]
        selected = pa.table(columns, names=names).unify_dictionaries()
        grouped = selected.group_by(names[: len(axes)], use_threads=True).aggregate(sums)

        def values(name: str) -> NDArray[Any]:
            return np.asarray(grouped.column(name).to_numpy())

        return cls.from_counts(
            [grouped.column(f"a{i}") for i in range(len(axes))],
            axes,
            values("count_all" if count is None else "n_sum"),
            values("w_sum") if weight is not None else None,
            values("ww_sum") if weight is not None else None,
        )

    @classmethod
    def from_counts(
        cls,
        columns: Sequence[pa.ChunkedArray | pa.Array],
        axes: Sequence[str],
        counts: NDArray[np.int64],
        weights: NDArray[np.float64] | None = None,
        squares: NDArray[np.float64] | None = None,
    ) -> Cube:
        """Build a cube from aggregated cells (equal cells are added)."""
        levels, codes = [], []
        for column in columns:
            encoded = pa.chunked_array([column]) if isinstance(column, pa.Array) else column
            if pa.types.is_dictionary(encoded.type):
                # A dictionary's own nulls stand outside it; decoding lets them be encoded as a level.
                encoded = encoded.cast(encoded.type.value_type)
            encoded = encoded.dictionary_encode(null_encoding="encode").combine_chunks()
            found = [UNKNOWN if v is None else str(v) for v in encoded.dictionary.to_pylist()]
            names, position = np.unique(np.array(found, dtype=object), return_inverse=True)
            levels.append(tuple(names.tolist()))
            codes.append(position[encoded.indices.to_numpy()].astype(np.int64))
        matrix = np.stack(codes, axis=1) if codes else np.zeros((len(counts), 0), np.int64)
        return cls(tuple(axes), tuple(levels), matrix, counts.astype(np.int64), weights, squares)._merged()

    def _merged(self) -> Cube:
        """The same cube with equal cells added and all in sorted order."""
        if not len(self.counts):
            return self
        cells, inverse = np.unique(self.codes, axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)

        def add(values: NDArray[Any] | None) -> NDArray[Any] | None:
            if values is None:
                return None
            out = np.zeros(len(cells), values.dtype)
            np.add.at(out, inverse, values)
            return out

        counts = add(self.counts)
        assert counts is not None
        return Cube(self.axes, self.levels, cells, counts, add(self.weights), add(self.squares))

    def __add__(self, other: Cube) -> Cube:
        """The cube of both sets of rows; levels may differ, axes and weightedness may not."""
        if self.axes != other.axes or (self.weights is None) != (other.weights is None):
            raise ValueError(f"cubes of the same axes and weights add, got {self.axes} and {other.axes}")
        levels = tuple(tuple(sorted(set(a) | set(b))) for a, b in zip(self.levels, other.levels, strict=True))

        def recode(cube: Cube) -> NDArray[np.int64]:
            maps = [
                np.array([new.index(v) for v in old], np.int64)
                for old, new in zip(cube.levels, levels, strict=True)
            ]
            return np.stack([m[cube.codes[:, i]] for i, m in enumerate(maps)], axis=1)

        def both(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if a is None or b is None else np.concatenate([a, b])

        return Cube(
            self.axes,
            levels,
            np.concatenate([recode(self), recode(other)]),
            np.concatenate([self.counts, other.counts]),
            both(self.weights, other.weights),
            both(self.squares, other.squares),
        )._merged()

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
        found, inverse = np.unique(self.codes[:, positions], axis=0, return_inverse=True)
        keys = [
            tuple(self.levels[p][c] for p, c in zip(positions, row, strict=True)) for row in found.tolist()
        ]
        return inverse.reshape(-1).astype(np.int64), keys

    def tally(self, by: Sequence[str] = (), decision: str = DECISION, cluster: str | None = None) -> Tally:
        """Counts of every observed slice of the columns ``by``.

        Parameters
        ----------
        by : sequence of str
            Slice columns; none for the whole set.
        decision : str
            The decision axis to read (a cube may hold one per variant).
        cluster : str, optional
            Axis whose values are clusters of dependent rows.
        """
        codes, keys = self.slice_codes(by)
        size = len(keys)
        counts = self._counts(codes, size, self.counts, decision)
        weights = squares = clusters = None
        if self.weights is not None and self.squares is not None:
            weights = self._counts(codes, size, self.weights, decision)
            squares = self._counts(codes, size, self.squares, decision)
        if cluster is not None:
            place = self.axis(cluster)
            width = len(self.levels[place])
            pairs, inverse = np.unique(codes * width + self.codes[:, place], return_inverse=True)
            sums = self.counts if self.weights is None else self.weights
            owner, code = (part.astype(np.intp) for part in np.divmod(pairs, width))
            clusters = Clusters(owner, code, self._counts(inverse.reshape(-1), len(pairs), sums, decision))
        return Tally(tuple(by), keys, counts, weights, squares, clusters)

    def _counts(self, codes: NDArray[Any], size: int, values: NDArray[Any], decision: str) -> Counts:
        def outcome(axis: str) -> NDArray[np.bool_] | None:
            if axis not in self.axes:
                return None
            i = self.axes.index(axis)
            return np.array([level == "1" for level in self.levels[i]])[self.codes[:, i]]

        def add(mask: NDArray[np.bool_] | None) -> NDArray[Any]:
            chosen = values if mask is None else np.where(mask, values, 0)
            return np.bincount(codes, chosen, size).astype(values.dtype)

        y, d = outcome(LABEL), outcome(decision)
        positives = None if y is None else add(y)
        selected = None if d is None else add(d)
        if y is None or d is None:
            return Counts(add(None), positives, selected)
        return Counts(add(None), positives, selected, add(y & d), add(~y & d), add(y & ~d), add(~y & ~d))


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
