"""The predictions of a finished run, before anything is computed from them: are they what an audit writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..datasets.columns import Ascending, check_unique
from ..datasets.errors import InputError
from ..datasets.read import iter_batches
from ..datasets.roles import RESERVED
from ..metrics.counts import DECISION, LABEL
from ..plain import shown

_CLASSES = (LABEL, DECISION)
_AMOUNTS = ("score", "weight", "count")


def check_predictions(paths: Iterable[Path], sensitive: Sequence[str]) -> None:
    """InputError where a file of predictions holds what no audit writes.

    Classes and decisions are 0 or 1 in every row, scores finite numbers, weights and counts finite and at
    least 0, sensitive features words, ids all different.
    """
    for path in paths:
        order = Ascending("id")
        rows = 0
        for batch in iter_batches(path, categorical=sensitive):
            rows += batch.num_rows
            _check(batch, path, sensitive)
            if "id" in batch.schema.names:
                order.add(batch.column("id"))
        if not rows:
            raise InputError(f"{path}: no predictions")
        if not order.strict:
            check_unique(partial(_ids, path), rows, "id", str(path))


def _ids(path: Path) -> Iterator[pa.Array]:
    return (batch.column("id") for batch in iter_batches(path, columns=["id"]))


def _check(batch: pa.RecordBatch, path: Path, sensitive: Sequence[str]) -> None:
    names = batch.schema.names
    unknown = [name for name in names if name not in (*RESERVED, *sensitive)]
    if unknown:
        raise InputError(f"{path}: expected the columns that an audit writes, got also {shown(unknown[0])}")
    for name in sensitive:
        if name not in names or not _words(batch.schema.field(name).type):
            raise InputError(f"{path}: expected the column {name!r} with words, got {_type(batch, name)}")
    if not {*_CLASSES, "score"} & set(names):
        raise InputError(f"{path}: expected a column y_true, y_pred or score, got none")
    for name in (*_CLASSES, *_AMOUNTS):
        if name in names and not _fits(batch.column(name), name):
            what = "0 or 1" if name in _CLASSES else "finite numbers"
            raise InputError(f"{path}: column {name}: expected {what} in every row, got something else")


def _words(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type)) or bool(
        pa.types.is_string(kind)
    )


def _type(batch: pa.RecordBatch, name: str) -> str:
    return str(batch.schema.field(name).type) if name in batch.schema.names else "none"


def _fits(column: pa.Array, name: str) -> bool:
    numeric = pa.types.is_integer(column.type) or (name in _AMOUNTS and pa.types.is_floating(column.type))
    if not numeric or column.null_count:
        return False
    if not len(column):
        return True
    if pa.types.is_floating(column.type) and not pc.all(pc.is_finite(column)).as_py():
        return False
    ends = pc.min_max(column).as_py()
    return (name == "score" or ends["min"] >= 0) and (name in _AMOUNTS or ends["max"] <= 1)
