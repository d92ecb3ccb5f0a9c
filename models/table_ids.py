"""Ids of rows and of predictions, compared in one type."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..datasets.columns import listed
from ..datasets.ranking import shown_pair


def in_one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column in one part."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def alike(one: pa.Array | pa.ChunkedArray, other: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Two arrays of ids in one type: text, where one is text and the other numbers.

    Ids of one side that all end in ``.0`` were whole numbers in a column of floats before they became text.
    """
    one = in_one(one)
    if one.type == other.type and not pa.types.is_string(one.type):
        return one, other
    one, other = one.cast(pa.string()), other.cast(pa.string())
    return _without_point(one, other), _without_point(other, one)


def _without_point(ids: pa.Array, others: pa.Array) -> pa.Array:
    pointed, plain = (pc.ends_with(column, ".0") for column in (ids, others))
    if not len(ids) or not pc.all(pointed).as_py() or pc.any(plain).as_py():
        return ids
    return pc.utf8_slice_codeunits(ids, 0, -2)


def few(ids: pa.Array) -> str:
    """Return the first few, for a message."""
    return (
        "such as " + listed([shown_pair(str(v)) for v in ids.slice(0, 3).to_pylist()]) if len(ids) else "none"
    )
