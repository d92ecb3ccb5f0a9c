"""The engine of rows in memory: tables and batches of arrow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..datasets.numbers import decoded
from ..metrics.codes import SPARSE, combined, crossed, parted
from ..metrics.cube import whole
from .engine import TOLD, Joined, Keys, Order

Held: TypeAlias = "pa.Table | pa.RecordBatch"
NARROW = 256
"""Whole numbers that span at most so many values are their own codes."""
NONE = Keys(0, ())


class Arrow:
    """Groups, adds, joins and sorts tables and batches in memory."""

    def cells(self, rows: Held, axes: Sequence[str], sums: Sequence[Sequence[str]]) -> pa.Table:
        """Group rows and add: by codes where the axes have some, else by hashes."""
        if not all(_numbered(rows.column(name).type) for name in axes):
            return _hashed(rows, axes, sums)
        coded = [_coded(rows.column(name)) for name in axes]
        sizes = [len(values) for _, values in coded]
        found, place, number = _grouped([codes for codes, _ in coded], sizes, rows.num_rows)
        add, held = partial(np.bincount, place, minlength=len(number)), np.flatnonzero(number)
        columns = [
            pa.DictionaryArray.from_arrays(pa.array(code, pa.int32()), values, safe=False)
            for code, (_, values) in zip(found, coded, strict=True)
        ]
        added = [number if not names else _sum(rows, names, add) for names in sums]
        return pa.table([*columns, *(pa.array(values[held]) for values in added)], names=_titles(axes, sums))

    def joined(self, before: Held, after: Held, key: str) -> Joined[Held]:
        """Match rows by a key; as text, where the two hold it in different types."""
        keys = [decoded(rows.column(key)) for rows in (before, after)]
        if keys[0].type != keys[1].type:
            keys = [pc.cast(column, pa.string()) for column in keys]
        twice = _twice(keys[0]), _twice(keys[1])
        if keys[0].equals(keys[1]):
            return Joined(before, after, (NONE, NONE), twice)
        place = pc.index_in(keys[0], value_set=keys[1])
        strays = pc.is_null(place), pc.invert(pc.is_in(keys[1], value_set=keys[0]))
        alone = _named(keys[0].filter(strays[0])), _named(keys[1].filter(strays[1]))
        kept = before.filter(place.is_valid()) if alone[0] else before
        return Joined(kept, after.take(place.drop_null()), alone, twice)

    def ordered(self, rows: Held, order: Order) -> pa.Table:
        """The rows sorted by columns, nulls last; rows that tie keep their order."""
        return rows.take(pc.sort_indices(rows, sort_keys=list(order)))


ARROW = Arrow()


def _coded(column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[Any], pa.Array]:
    """A number for each value, and the values by their numbers, a null among them where there are some."""
    if isinstance(column, pa.ChunkedArray):
        column = whole(column)
    if pa.types.is_integer(column.type) and len(column) and not column.null_count:
        low, high = pc.min_max(column).as_py().values()
        if high - low < NARROW:
            codes = np.asarray(column.to_numpy())
            # A difference of eight bits may not fit into eight bits.
            return codes.astype(np.int64) - low if low else codes, pa.array(range(low, high + 1), column.type)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values, codes = column.dictionary, column.indices
    if codes.null_count:
        codes = codes.fill_null(len(values))
        values = pa.concat_arrays([values, pa.nulls(1, values.type)])
    return np.asarray(codes.to_numpy()), values


def _numbered(kind: pa.DataType) -> bool:
    """Whether values are numbers already, or have some."""
    return bool(pa.types.is_dictionary(kind) or pa.types.is_integer(kind))


def _titles(axes: Sequence[str], sums: Sequence[Sequence[str]]) -> list[str]:
    return [*axes, *(" * ".join(names) or "1" for names in sums)]


def _hashed(rows: Held, axes: Sequence[str], sums: Sequence[Sequence[str]]) -> pa.Table:
    """Group rows by hashes of their values, and add."""
    keys = [f"a{i}" for i in range(len(axes))]
    columns = {key: rows.column(name) for key, name in zip(keys, axes, strict=True)}
    wanted: list[tuple[str | list[str], str]] = []
    for i, names in enumerate(sums):
        if names:
            columns[f"s{i}"] = reduce(pc.multiply, (rows.column(name) for name in names))
        wanted.append((f"s{i}", "sum") if names else ([], "count_all"))
    found = pa.table(columns).unify_dictionaries().group_by(keys).aggregate(wanted)
    added = [f"s{i}_sum" if names else "count_all" for i, names in enumerate(sums)]
    return pa.table([found.column(name) for name in (*keys, *added)], names=_titles(axes, sums))


def _grouped(
    codes: Sequence[NDArray[Any]], sizes: Sequence[int], rows: int
) -> tuple[list[NDArray[Any]], NDArray[Any], NDArray[Any]]:
    """The codes of each observed combination, each row's place, and the rows of every place, some maybe 0."""
    most = math.prod(sizes)
    if most > SPARSE * rows:
        found, place = crossed(codes, sizes)
        return found, place, np.bincount(place, minlength=len(found[0]))
    # Each possible combination has a place of its own: nothing is sorted.
    code = combined(codes, sizes, rows)
    number = np.bincount(code, minlength=most)
    return parted(np.flatnonzero(number), sizes), code, number


def _sum(rows: Held, names: Sequence[str], add: Any) -> NDArray[Any]:
    """Sums of the product of some columns; those of whole numbers are whole, below 2^53."""
    first, *others = (np.asarray(rows.column(name).to_numpy()) for name in names)
    for other in others:
        first = first * other
    found = add(weights=first)
    return np.asarray(found.astype(np.int64) if first.dtype.kind in "iu" else found)


def _twice(keys: pa.Array) -> Keys:
    """The keys that occur more than once."""
    counts = keys.value_counts()
    return _named(counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1)).field("values"))


def _named(keys: pa.Array) -> Keys:
    return Keys(len(keys), tuple(str(key) for key in keys.slice(0, TOLD).to_pylist()))
