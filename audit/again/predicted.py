"""The predictions of a finished run, before anything is computed from them: are they what an audit writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ...datasets.columns import Ascending, check_unique
from ...datasets.errors import InputError
from ...datasets.read import iter_batches
from ...plain import shown
from ...tasks import Task
from ...tasks.task import Kind, Known
from ..figures.held import TASK_KEY, held, is_probability, misfit, words

COMMON: dict[str, Kind] = {
    "id": "id", "cluster": "cluster", "twin": "twin", "weight": "weight", "count": "count",
}  # fmt: skip
"""Columns of predictions of every task."""


@dataclass(frozen=True)
class Wanted:
    """What an audit writes of some rows and a model.

    Attributes
    ----------
    task : Task
    known : Known
    sensitive : sequence of str
    common : frozenset of str
        Columns of `COMMON` that are written.
    maybe : frozenset of str
        Those that may be written besides.
    """

    task: Task
    known: Known
    sensitive: Sequence[str]
    common: frozenset[str]
    maybe: frozenset[str] = frozenset()

    @property
    def probability(self) -> bool:
        """Whether scores are probabilities."""
        return is_probability(self.known.model or {})

    def kind(self, name: str) -> Kind | None:
        """What stands in a column that is no sensitive feature; None for one that is not written."""
        if name in COMMON:
            return COMMON[name] if name in self.common | self.maybe else None
        return self.task.kind(name)


def check_predictions(path: Path, wanted: Wanted) -> None:
    """InputError where a file of predictions holds what no audit writes.

    It is of the task, where it says one (those of earlier states do not); every column that the audit writes
    is there and no other one; what stands in it is of its type, in its
    range and there in every row; ids, and items of a query, are all different, and ranks follow from scores.
    """
    _check_task(path, wanted.task)
    order = Ascending("id")
    rows, weight = 0, 0.0
    columns: list[str] = []
    for batch in iter_batches(path):
        columns = columns or _columns(batch, path, wanted)
        _check(batch, path, wanted, rows)
        rows += batch.num_rows
        if "id" in columns:
            order.add(batch.column("id"))
        weight += float(batch.column("weight").to_numpy().sum()) if "weight" in columns else 1
    if not rows:
        raise InputError(f"{path}: no predictions")
    if not weight:
        raise InputError(f"{path}: column weight: expected weights that are not all 0, got 0 in every row")
    if not order.strict:
        check_unique(partial(_ids, path), rows, "id", str(path))
    told = wanted.task.amiss(wanted.known, columns, lambda names: iter_batches(path, columns=names))
    if told:
        raise InputError(f"{path}: {told}")


def _check_task(path: Path, task: Task) -> None:
    said = (pq.read_schema(path).metadata or {}).get(TASK_KEY)
    if said is not None and said != task.name.encode():
        got = shown(said.decode(errors="replace"))
        raise InputError(f"{path}: expected predictions of the task {task.name}, got those of the task {got}")


def _ids(path: Path) -> Iterator[pa.Array]:
    return (batch.column("id") for batch in iter_batches(path, columns=["id"]))


def _columns(batch: pa.RecordBatch, path: Path, wanted: Wanted) -> list[str]:
    """The columns of a file; InputError where one is lacking, or is none that an audit writes."""
    names = list(batch.schema.names)
    for name in names:
        if name not in wanted.sensitive and wanted.kind(name) is None:
            raise InputError(f"{path}: expected the columns that an audit writes, got also {shown(name)}")
    for name in [*sorted(wanted.common), *wanted.task.written(wanted.known), *wanted.sensitive]:
        if name not in names:
            raise InputError(f"{path}: expected the column {name!r}, got none")
    if not any(wanted.task.kind(name) for name in names):
        raise InputError(f"{path}: expected a column y_true, y_pred or score, got none")
    return names


def _check(batch: pa.RecordBatch, path: Path, wanted: Wanted, start: int) -> None:
    for name in wanted.sensitive:
        if not words(batch.schema.field(name).type):
            kind = batch.schema.field(name).type
            raise InputError(f"{path}: expected the column {name!r} with words, got {kind}")
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = None if name in wanted.sensitive else wanted.kind(name)
        expected = None if kind is None else held(kind, wanted.probability)
        got = None if expected is None else misfit(column, expected, start)
        if expected is not None and got is not None:
            every = " in every row" if expected.whole else ""
            raise InputError(f"{path}: column {name}: expected {expected.expected}{every}, got {got}")
