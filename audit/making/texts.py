"""The texts that a step may teach a language model, or calibrate with; never those that are audited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from ...datasets.columns import no_column
from ...datasets.errors import InputError, number_of
from ...datasets.read import read_table, sha256_file
from ...datasets.suite import files_of, located
from ...datasets.suites import SUITES
from ...datasets.training import TrainingRows
from ...models.language.changeable import TEXT
from ...told import tell
from ..config import Config, TrainData
from .opening import evaluation_set

MOST_SHOWN = 60


def texts_of(
    config: Config, train: TrainData, columns: Sequence[str], table: pa.Table | None = None
) -> TrainingRows:
    """Read what ``model.train`` names: a column of texts, or a file of the suite with other items.

    Parameters
    ----------
    columns : sequence of str
        That the model reads of an item.
    table : pyarrow.Table, optional
        The audited rows, where they came from Python.

    Raises
    ------
    InputError
        There is no text, or an item of the file is among those that are audited.
    """
    if train.path is None:
        raise InputError("model.train: a language model learns from a file of texts; expected path")
    for key in ("label", "positive", "negative", "split", "validation"):
        if getattr(train, key) is not None:
            raise InputError(f"model.train.{key}: texts have none; leave it out")
    if train.text is not None:
        return _of_column(Path(train.path), train.text, train)
    if config.suite is None:
        raise InputError("model.train.text: expected the column of the texts, got none")
    return _of_suite(config, Path(train.path), columns, table)


def _of_column(path: Path, column: str, train: TrainData) -> TrainingRows:
    table = read_table(path, categorical=[column], text=train.form("model.train"))
    if column not in table.column_names:
        raise no_column(column, table.column_names, str(path), "model.train")
    texts = table.column(column).cast(pa.string()).combine_chunks()
    empty = sum(not (text or "").strip() for text in texts.to_pylist())
    if empty or not len(texts):
        what = f"{number_of(empty, 'empty text')}" if empty else "no rows"
        raise InputError(f"model.train: expected texts in column {column!r} of {path}, got {what}")
    about = tell("{n} texts of {where}", n=f"{len(texts):,}", where=path.name)
    return _rows(pa.record_batch({TEXT: texts}), about, path)


def _of_suite(config: Config, path: Path, columns: Sequence[str], table: pa.Table | None) -> TrainingRows:
    """Items of a suite that are not audited, as a model is asked them."""
    suite = SUITES[str(config.suite)]
    place = located(path, suite.name)
    items = suite.read(place).table.combine_chunks()
    audited = set(_asked(evaluation_set(config, table).batches(columns), columns))
    twice = [row for row in _asked(items.to_batches(), columns) if row in audited]
    if twice:
        raise InputError(
            f"model.train: {number_of(len(twice), 'item')} of {path} are audited too, such as "
            f"{twice[0][0][:MOST_SHOWN]!r}; expected others"
        )
    about = tell("{n} items of {where}", n=f"{items.num_rows:,}", where=path.name)
    return _rows(items.to_batches()[0], about, files_of(place)[0] if not place.is_dir() else None)


def _asked(batches: Iterable[pa.RecordBatch], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """What a model is asked, row by row: of two files the same item may have another id."""
    for batch in batches:
        read = [batch.column(name).cast(pa.string()).to_pylist() for name in columns]
        yield from zip(*read, strict=True)


def _rows(batch: pa.RecordBatch, about: str, path: Path | None) -> TrainingRows:
    origin = {
        "name": path.name if path else None,
        "split": None,
        "sha256": sha256_file(path) if path else None,
    }
    return TrainingRows(batch, None, None, about, origin=origin)
