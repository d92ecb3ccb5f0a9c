"""Scoring: a model over the evaluation rows into a file of predictions, counted on the way.

A neural model is scored shard by shard; each shard's scores are kept until the run is whole, so that an
audit that was killed goes on where it was, to the same bytes.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...datasets.alike import warn_alike
from ...datasets.classes import check_free
from ...datasets.columns import check_unique, plain, words
from ...datasets.entity_attributes import whole_ids
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.numbers import CellError
from ...datasets.read import iter_batches, joined, resized, row_count
from ...datasets.training import VALIDATION, hashed_share
from ...models.base import Model, Scored, decide
from ...models.rules import unruled
from ...tasks import BINARY, Task
from ..figures.held import TASK_KEY, check_said
from ..figures.measure import Measurement
from ..progress import Progress
from .judging import Judging

SEPARATOR, MARK, BLANK = "\x1f", "\x1e", "\x1e0"
"""Between the values of several columns that say who is whose twin; before either of the two signs where a
value holds it; and in place of a missing value."""


WHOLE = ("id", "y_true", "y_pred", "score", "rank", "weight", "count")
"""Columns of predictions that have a value in every row; whole numbers among them lie close together."""
OF_A_CLASS = ("y_true:", "y_pred:", "score:")
"""Columns of a class or label begin so, and have a value in every row too."""


def in_every_row(name: str) -> bool:
    """Whether a column of predictions has a value in every row."""
    return name in WHOLE or name.startswith(OF_A_CLASS)


@dataclass
class Shards:
    """Scores of finished shards, kept beside the run until it is whole.

    Parameters
    ----------
    folder : Path
        Made when the first shard is kept.
    threshold : float, optional
        Of the model; kept decisions are those of a model that has none.
    """

    folder: Path
    threshold: float | None

    def score(self, number: int, model: Model, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Scores of a shard: those that are kept, else the model's, which are kept then."""
        path = self.folder / f"{number:06d}.npz"
        found = self._read(path, batch.num_rows)
        if found is None:
            found = model.score(batch, ids)
            if found.score is not None or found.decision is not None:
                self._keep(path, found)
        return found

    def _read(self, path: Path, rows: int) -> Scored | None:
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as kept:
                score, decision, text = (kept.get(name) for name in ("score", "decision", "text"))
                truncated = int(kept["truncated"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            # A machine that went down while a shard was written leaves half of it: it is scored again.
            return None
        if score is not None and (len(score) != rows or score.dtype != np.float64):
            return None
        if (score is None and decision is None) or (decision is not None and len(decision) != rows):
            return None
        if self.threshold is not None and score is not None:
            decision = decide(score, self.threshold)
        return Scored(decision, score, truncated, text=text)

    def _keep(self, path: Path, found: Scored) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part.npz")
        held = {"score": found.score, "decision": found.decision, "text": found.text}
        arrays: dict[str, Any] = {name: array for name, array in held.items() if array is not None}
        np.savez(beside, truncated=found.truncated, **arrays)
        beside.replace(path)


@dataclass
class Twins:
    """Gives rows that agree in some columns one code; a missing value is a value of its own beside others."""

    columns: Sequence[str]
    codes: dict[str, int] = field(default_factory=dict)

    def words(self, batch: pa.RecordBatch) -> pa.Array:
        """What the rows of a batch are in these columns; null where all of them are missing."""
        for name in self.columns:
            plain(batch.column(name), name)
        texts = [words(batch.column(name)) for name in self.columns]
        joined = pc.binary_join_element_wise(*map(_marked, texts), SEPARATOR)
        blank = functools.reduce(pc.and_, (pc.is_null(text.indices) for text in texts))
        return pc.if_else(blank, pa.scalar(None, pa.string()), joined)

    @property
    def seen(self) -> list[str]:
        """The groups as a reader sees them."""
        return [text.replace(SEPARATOR, " | ") for text in self.codes]

    def read(self, batch: pa.RecordBatch) -> pa.Array:
        """Codes of the rows of a batch; null where all of the columns are missing."""
        joined = self.words(batch).dictionary_encode()
        place = [self.codes.setdefault(t, len(self.codes)) for t in joined.dictionary.to_pylist()]
        return pa.array(place, pa.int32()).take(joined.indices)


def _marked(texts: pa.DictionaryArray) -> pa.Array:
    """Texts that can be joined and told apart again."""
    marked = pc.replace_substring_regex(texts.dictionary, f"([{MARK}{SEPARATOR}])", f"{MARK}\\1")
    return marked.take(texts.indices).fill_null(BLANK)


def kept_together(rows: Mapping[str, pa.Array], raw: pa.RecordBatch, twins: Twins | None) -> list[Any]:
    """What keeps rows that depend on each other on one side of a share: cluster, else twins, else the id."""
    ids: list[Any] = rows["id"].to_pylist()
    if "cluster" in rows:
        keys = rows["cluster"].to_pylist()
    elif twins is not None:
        keys = twins.words(raw).to_pylist()
    else:
        return ids
    return [i if key is None else key for key, i in zip(keys, ids, strict=True)]


def in_share(rows: pa.RecordBatch, raw: pa.RecordBatch, job: Job) -> NDArray[np.bool_]:
    """Whether each row falls into the share that goes aside, as a hash decides."""
    assert job.share is not None
    named = dict(zip(rows.schema.names, rows.columns, strict=True))
    return hashed_share(kept_together(named, raw, job.twins), job.share, "selection")


@dataclass(frozen=True)
class Job:
    """How a set of rows is scored.

    Attributes
    ----------
    path : Path
        Where the predictions are written.
    stage : str
        What the progress is called.
    shards : Shards, optional
        Where scores are kept on the way.
    twins : Twins, optional
    share : float, optional
        Share of the rows that go to ``aside`` instead.
    held_out : float, optional
        Share of the rows that decision rules are fitted on: they are not scored.
    task : Task
        What the model's decisions and scores are.
    judging : Judging, optional
        What is made of answers in words.
    """

    path: Path
    stage: str = "scoring"
    shards: Shards | None = None
    twins: Twins | None = None
    share: float | None = None
    aside: Path | None = None
    held_out: float | None = None
    task: Task = BINARY
    judging: Judging | None = None


def score(
    data: EvaluationSet, model: Model | None, job: Job, measured: Measurement | None, progress: Progress
) -> int:
    """Score every batch, write it and count it, in one pass; returns how many texts were cut."""
    total = row_count(data.source) if isinstance(data.source, Path) else len(data.source)
    if data.split_column is not None or data.drop_missing:
        total = None
    truncated = 0
    # Writing a batch and counting it do not wait for each other.
    with ExitStack() as closing, ThreadPoolExecutor(1) as pool:
        file = closing.enter_context(_File(job.path, data.sensitive, job.task))
        aside = closing.enter_context(_File(job.aside, data.sensitive, job.task)) if job.aside else None
        for number, raw in enumerate(_batches(data, model, job)):
            rows = data.read(raw)
            if job.held_out is not None:
                keys = kept_together(rows, raw, job.twins)
                kept = pa.array(~hashed_share(keys, job.held_out, VALIDATION))
                raw, rows = raw.filter(kept), {name: column.filter(kept) for name, column in rows.items()}
            if job.twins is not None:
                rows["twin"] = job.twins.read(raw)
            if model is not None and model.whole and data.outcome is not None:
                # What is wrong with the rows themselves is told before what is wrong of their predictions.
                data.outcome.check_whole(functools.partial(iter, [raw]), data.where)
            if model is not None:
                try:
                    truncated += _add_scores(rows, raw, number, model, job)
                except CellError as error:
                    if error.where:  # In a file of predictions, whose columns the data need not have.
                        raise
                    raise error.at(data.place_of(error.column, error.value)) from None
            batch = pa.record_batch(rows)
            if aside is not None:
                chosen = in_share(batch, raw, job)
                aside.write(data.apart(batch.filter(pa.array(chosen)), raw.filter(pa.array(chosen))))
                batch, raw = batch.filter(pa.array(~chosen)), raw.filter(pa.array(~chosen))
            batch = data.apart(batch, raw)
            writing = pool.submit(file.write, batch)
            if measured is not None:
                measured.add(batch)
            writing.result()
            progress(job.stage, data.rows, total)
    data.check_whole()
    if job.twins is not None:
        data.notes += warn_alike(", ".join(job.twins.columns), job.twins.seen)
    if measured is not None:
        _check(data, measured, job)
    return truncated


def _add_scores(rows: dict[str, Any], raw: pa.RecordBatch, number: int, model: Model, job: Job) -> int:
    ids = rows.get("id")
    if job.shards is None:
        scored = model.score(raw, ids)
    else:
        # Scores are kept as the model gives them; what a rule makes of them is quickly done again.
        scored = model.ruled(raw, job.shards.score(number, unruled(model), raw, ids))
    unruled(model).seen(scored)
    if job.judging is not None:
        scored = job.judging.reading.judged(scored)
        rows |= job.judging.beside(raw.num_rows)
    if job.task.of_class is not None:
        check_free(model.classes, "model: the classes of its predictions")
    said = job.task.columns(scored, model.classes)
    check_said(said, job.task, model.probability)
    rows |= said
    return scored.truncated


class _File:
    """A predictions file that is made with the first batch, and says which task it is of."""

    def __init__(self, path: Path, sensitive: Sequence[str], task: Task) -> None:
        self.path, self.sensitive, self.task = path, sensitive, task
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *how: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        if self._writer is None:
            self.path.parent.mkdir(exist_ok=True)
            schema = pa.schema([f.with_nullable(not in_every_row(f.name)) for f in batch.schema])
            schema = schema.with_metadata({TASK_KEY: self.task.name.encode()})
            self._writer = pq.ParquetWriter(self.path, schema, **_encoded(schema, self.sensitive))
        self._writer.write_batch(batch.cast(self._writer.schema))


def _encoded(schema: pa.Schema, sensitive: Sequence[str]) -> dict[str, Any]:
    """How columns are written: what is nearly all distinct gains nothing by a dictionary or compression."""
    classes = [f.name for f in schema if f.name in WHOLE and pa.types.is_dictionary(f.type)]
    packed = [f.name for f in schema if pa.types.is_integer(f.type) and in_every_row(f.name)]
    dense = {*packed, *(f.name for f in schema if pa.types.is_floating(f.type))}
    return {
        "use_dictionary": [n for n in schema.names if n in sensitive or n in classes],
        "column_encoding": dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        "compression": {n: "none" if n in dense else "snappy" for n in schema.names},
        "write_statistics": False,
    }


def _batches(data: EvaluationSet, model: Model | None, job: Job) -> Iterator[pa.RecordBatch]:
    """The batches of the data; in shards of one size where the model asks for it."""
    features, twins = (model.columns if model else []), (job.twins.columns if job.twins else [])
    texts = [name for name in twins if name not in features] + list(getattr(unruled(model), "texts", ()))
    exact = list(getattr(unruled(model), "verbatim", ()))
    whole = model is not None and model.whole
    source = data.batches([*features, *twins], texts=texts, whole=whole, verbatim=exact)
    size = getattr(unruled(model), "shard_rows", None)
    return source if size is None else resized(source, size)


def _check(data: EvaluationSet, measured: Measurement, job: Job) -> None:
    if not data.order.strict and data.id:
        paths = [p for p in (job.path, job.aside) if p is not None and p.is_file()]

        def ids() -> Iterator[pa.Array]:
            found = (b.column(0) for p in paths for b in iter_batches(p, columns=["id"]))
            return found if data.attributes is None else map(whole_ids, found)

        check_unique(ids, data.rows, data.id, data.where)
    if not measured.rows:
        why = f"every count in column '{data.count}' is 0" if data.count else "all fell into data.selection"
        raise InputError(f"{data.where}: no rows to audit: {why}")
    weights = measured.tally(()).weights
    if weights is not None and not np.sum(weights.n) > 0:
        raise InputError(f"{data.where}: every weight in column '{data.weight}' is 0")
    if not measured.gives:
        raise InputError(f"{data.where}: nothing to audit: expected a label, a decision or a score")


def sample(data: EvaluationSet, columns: Sequence[str], rows: int) -> pa.RecordBatch:
    """Rows spread evenly over the data, as the model reads them."""
    whole = joined([batch.select(list(dict.fromkeys(columns))) for batch in data.batches(columns)])
    chosen = np.linspace(0, whole.num_rows - 1, min(rows, whole.num_rows)).astype(np.intp)
    return whole.take(pa.array(np.unique(chosen)))
