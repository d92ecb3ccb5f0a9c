"""The same rows in two sets of predictions: matched by id, and checked to be the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...datasets.columns import listed
from ...datasets.errors import InputError, number_of
from ...datasets.numbers import decoded
from ...datasets.ranking import APART
from ...engines import ARROW
from ...engines.engine import Joined, Keys
from ...tasks import BINARY, Task
from ...tasks.task import ID, Key

Rows: TypeAlias = "pa.Table | pa.RecordBatch"
KEY = "\0key"
"""Column of what names a row, where that is the values of several columns; no feature is called so."""


def check_same_rows(
    before: pa.RecordBatch,
    after: pa.RecordBatch,
    sensitive: Sequence[str],
    names: tuple[str, str],
    *,
    cells: bool = False,
    task: Task = BINARY,
) -> None:
    """InputError unless two batches hold the same rows, with the same outcomes, slices and weights.

    ``cells`` says that rows of counts are the same cells, in the same order; ``task`` says what names a row
    and what its outcome is.
    """
    one, other = names
    key = task.named_by
    if not cells and ("count" in before.schema.names or "count" in after.schema.names):
        raise InputError(f"{one} and {other}: aggregated counts hold no rows that could be paired")
    if before.num_rows != after.num_rows:
        raise InputError(
            f"{one} has {number_of(before.num_rows, 'row')}, {other} {after.num_rows:,}; expected the same "
            "rows"
        )
    rows = pa.array(np.arange(1, before.num_rows + 1))
    ids, others = (rows, rows) if cells else (key_of(before, key), key_of(after, key))
    moved = unequal(ids, others)
    if len(moved):
        stand = number_of(len(moved), f"{key.one} stands", f"{key.many} stand")
        raise InputError(
            f"{one} and {other}: {stand} in another order, such as "
            f"{listed([_words(ids[i]) for i in moved[:5]], 5)}; expected the same rows"
        )
    more = {name: name for name in ("weight", "count", "cluster")}
    more |= {name: f"value of '{name}'" for name in sensitive}
    for name, kind in held_by_both(before, after, task, more, names):
        differ = unequal(before.column(name), after.column(name))
        if len(differ):
            told = listed([_words(ids[i]) for i in differ[:5]], 5)
            raise InputError(
                f"{one} and {other}: {number_of(len(differ), 'row differs', 'rows differ')} in the {kind}, "
                f"such as {key.one} {told}; expected the same rows"
            )


def held_by_both(
    before: Rows, after: Rows, task: Task, more: Mapping[str, str], names: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    """Columns of both in which the same rows agree, with what each is called: outcomes, then ``more``.

    Raises
    ------
    InputError
        One of the two alone has such a column.
    """
    columns = dict.fromkeys([*before.schema.names, *after.schema.names])
    outcomes = {name: told for name in columns if (told := task.outcome(name)) is not None}
    for name, kind in {**outcomes, **more}.items():
        held = name in before.schema.names, name in after.schema.names
        if held[0] != held[1]:
            article = "an" if kind[0] in "aeiou" else "a"
            raise InputError(
                f"{names[0] if held[0] else names[1]} alone has {article} {kind}; expected the same rows"
            )
        if held[0]:
            yield name, kind


def unequal(one: pa.Array | pa.ChunkedArray, other: pa.Array | pa.ChunkedArray) -> NDArray[np.intp]:
    """Positions at which two columns differ; null equals null."""
    a, b = decoded(one), decoded(other)
    if a.type != b.type:
        a, b = pc.cast(a, pa.string()), pc.cast(b, pa.string())
    equal = pc.fill_null(pc.equal(a, b), False)
    both = pc.and_(pc.is_null(a), pc.is_null(b))
    return np.flatnonzero(~np.asarray(pc.or_(equal, both).to_numpy(zero_copy_only=False), bool))


def key_of(rows: Rows, key: Key) -> pa.Array:
    """What names each row: its id, or the values of several columns as one text."""
    parts = [decoded(rows.column(name)) for name in key.columns]
    if len(parts) == 1:
        return parts[0]
    return pc.binary_join_element_wise(*(pc.cast(part, pa.string()) for part in parts), APART)


def _words(named: object) -> str:
    return str(named).replace(APART, " / ")


def joined(before: pa.Table, after: pa.Table, key: Key) -> Joined[pa.Table]:
    """Match rows by what names them."""
    if len(key.columns) == 1:
        return ARROW.joined(before, after, key.columns[0])
    one, other = (table.append_column(KEY, key_of(table, key)) for table in (before, after))
    found = ARROW.joined(one, other, KEY)
    return replace(
        found,
        before=found.before.drop_columns(KEY),
        after=found.after.drop_columns(KEY),
        alone=_in_words(found.alone),
        twice=_in_words(found.twice),
    )


def _in_words(sides: tuple[Keys, Keys]) -> tuple[Keys, Keys]:
    one, other = (Keys(side.number, tuple(map(_words, side.first))) for side in sides)
    return one, other


def matched(before: pa.Table, after: pa.Table, names: tuple[str, str], key: Key = ID) -> pa.Table:
    """Return the rows of ``after`` in the order of ``before``, matched by what names them.

    Raises
    ------
    InputError
        An id occurs twice, or is in one of the two alone; the line counts and names them.
    """
    found = joined(before, after, key)
    found.refuse_twice(names, key.words)
    found.refuse_strays(names, key.words)
    return found.after
