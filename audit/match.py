"""The same rows in two sets of predictions: matched by id, and checked to be the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of
from ..engines import ARROW
from ..metrics.counts import LABEL


def check_same_rows(
    before: pa.RecordBatch,
    after: pa.RecordBatch,
    sensitive: Sequence[str],
    names: tuple[str, str],
    *,
    cells: bool = False,
) -> None:
    """InputError unless two batches hold the same rows, with the same labels, slices and weights.

    ``cells`` says that rows of counts are the same cells, in the same order.
    """
    one, other = names
    if not cells and ("count" in before.schema.names or "count" in after.schema.names):
        raise InputError(f"{one} and {other}: aggregated counts hold no rows that could be paired")
    if before.num_rows != after.num_rows:
        raise InputError(
            f"{one} has {number_of(before.num_rows, 'row')}, {other} {after.num_rows:,}; expected the same "
            "rows"
        )
    rows = pa.array(np.arange(1, before.num_rows + 1))
    ids, others = (rows, rows) if cells else (before.column("id"), after.column("id"))
    moved = unequal(ids, others)
    if len(moved):
        raise InputError(
            f"{one} and {other}: {number_of(len(moved), 'id stands', 'ids stand')} in another order, such as "
            f"{listed([str(ids[i]) for i in moved[:5]], 5)}; expected the same rows"
        )
    kinds = {LABEL: "label", "weight": "weight", "count": "count", "cluster": "cluster"} | {
        name: f"value of '{name}'" for name in sensitive
    }
    for name, kind in kinds.items():
        held = name in before.schema.names, name in after.schema.names
        if held == (False, False):
            continue
        if held[0] != held[1]:
            raise InputError(f"{one if held[0] else other} alone has a {kind}; expected the same rows")
        differ = unequal(before.column(name), after.column(name))
        if len(differ):
            told = listed([str(ids[i]) for i in differ[:5]], 5)
            raise InputError(
                f"{one} and {other}: {number_of(len(differ), 'row differs', 'rows differ')} in the {kind}, "
                f"such as id {told}; expected the same rows"
            )


def unequal(one: pa.Array | pa.ChunkedArray, other: pa.Array | pa.ChunkedArray) -> NDArray[np.intp]:
    """Positions at which two columns differ; null equals null."""
    a, b = decoded(one), decoded(other)
    if a.type != b.type:
        a, b = pc.cast(a, pa.string()), pc.cast(b, pa.string())
    equal = pc.fill_null(pc.equal(a, b), False)
    both = pc.and_(pc.is_null(a), pc.is_null(b))
    return np.flatnonzero(~np.asarray(pc.or_(equal, both).to_numpy(zero_copy_only=False), bool))


def decoded(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of its own values, without a dictionary."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def matched(before: pa.Table, after: pa.Table, names: tuple[str, str]) -> pa.Table:
    """Return the rows of ``after`` in the order of ``before``, matched by id.

    Raises
    ------
    InputError
        An id occurs twice, or is in one of the two alone; the line counts and names them.
    """
    found = ARROW.joined(before, after, "id")
    found.refuse_twice(names)
    found.refuse_strays(names)
    return found.after
