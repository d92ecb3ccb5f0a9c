"""A table of predictions: the evaluation table itself, or one joined to it by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..datasets.binary import Binary
from ..datasets.columns import Scalar, check_unique, no_column, plain
from ..datasets.dialect import TextForm
from ..datasets.entities import Entities
from ..datasets.errors import InputError, number_of
from ..datasets.evaluation import EvaluationSet
from ..datasets.missing import BLANK
from ..datasets.numbers import CellError, MissingError, missing_in
from ..datasets.ranking import check_pairs, pairs
from ..datasets.read import column_names, found_in, place_of, read_table, sha256_file
from ..datasets.roles import as_words
from ..datasets.spelling import as_ids
from ..datasets.trec import is_run, read_run
from .answers import Refusals
from .base import ModelKind, Scored
from .forms import FORMS, TASK_OF_LISTS
from .table_answers import OfAnswers
from .table_entities import OfEntities
from .table_generated import OfGenerated
from .table_ids import alike, few, in_one
from .table_lists import OfLabels, OfRanks, OfRun
from .table_outcomes import OfMany, OfNumbers, OfTwo, Predicted
from .table_pairs import OfPairs


@dataclass
class PredictionTable(ModelKind):
    """What a model said of each row, as it stands in a table.

    Parameters
    ----------
    data : EvaluationSet
        Its task says which of the columns below are read.
    score, decision : str, optional
        Columns. Binary: at least one; without ``decision`` it is ``score >= threshold``. Multiclass:
        ``decision`` holds the class. Ranking: ``score``, higher is earlier.
    positive, negative : value or sequence of values, optional
        Binary and multilabel: the positive and the negative decisions; one of them is needed unless the
        column holds 1/0 or true/false.
    path : Path, optional
        File of the columns, joined by ``id``, or, of a ranking without one, by query and item; default the
        evaluation table itself. A run in TREC form has columns of its own.
    id : str, optional
        Id column of ``path``; default that of the data.
    threshold : float, optional
        Scores at or above it are selected.
    probability : bool
    beside : callable
        Gives further sets of rows whose predictions may stand in ``path``: other splits of the data.
    text : TextForm, optional
        How the file is written, as far as that is known.
    probabilities, decisions : mapping of str to str
        Multiclass and multilabel: by class, or label, the column of its probability, or decision.
    prediction : str, optional
        Regression: the column of the predicted number.
    rank : str, optional
        Ranking: the column of the rank in the list of a query; default it follows from ``score``.
    answer : str, optional
        Choice and generation: the column of the text of the answer.
    more, less, unrelated : str, optional
        Pairs: columns of the scores of their sentences.
    reader : callable, optional
        Reads ``path`` where it is in a layout of its own, such as a suite's.
    tags : str, optional
        Entities: the column of the tags of each row's tokens.
    spans : str, optional
        Entities: the column of the entities themselves.
    types : mapping of str to str
        Entities: the data's type for each predicted one; others are left out.
    refused, second : str, optional
        Generation: the columns that say whether an answer is a refusal, and what a second judge decides.
    refusals : Refusals, optional
        Generation: what finds refusals in the text of answers.

    Attributes
    ----------
    texts, verbatim : list of str
        Columns that a text file gives as they are written; of the latter no word means a missing value.
    """

    data: EvaluationSet
    score_column: str | None = None
    decision: str | None = None
    positive: Scalar | Sequence[Scalar] | None = None
    path: Path | None = None
    id: str | None = None
    threshold: float | None = None
    probability: bool = True
    beside: Callable[[], Sequence[EvaluationSet]] = tuple
    negative: Scalar | Sequence[Scalar] | None = None
    text: TextForm | None = None
    probabilities: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, str] = field(default_factory=dict)
    prediction: str | None = None
    rank: str | None = None
    answer: str | None = None
    more: str | None = None
    less: str | None = None
    unrelated: str | None = None
    reader: Callable[[Path], pa.Table] | None = None
    tags: str | None = None
    spans: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None
    second: str | None = None
    refusals: Refusals = field(default_factory=Refusals)
    columns: list[str] = field(init=False)
    whole: bool = field(init=False)

    family = "scores"
    bound = True

    def __post_init__(self) -> None:
        self._table: pa.Table | None = None
        self._strays: pa.Array | None = None
        self.says = self._of_task()
        if not is_run(self.path) and self.reader is None:
            names = self.data.names if self.path is None else column_names(self.path, text=self.text)
            self._check_columns(names, self.data.where if self.path is None else str(self.path))
        # Ranks are of whole lists.
        self.whole = self.path is not None or FORMS[self.task].lists
        self.columns = self.says.columns if self.path is None else []
        self.texts = self.says.texts if self.path is None and self.says.exact else []
        self.verbatim = self._verbatim if self.path is None else []
        if self.path is not None:
            self._table, key = self._loaded(self.path)
            self._ids = self._named(self._table, key)
            if len(key) > 1:
                check_pairs([self._ids], key[0], key[1], str(self.path))
            else:
                check_unique(lambda: iter([self._ids]), len(self._ids), key[0], str(self.path))

    def _loaded(self, path: Path) -> tuple[pa.Table, list[str]]:
        """The file of the predictions, and its columns that name the rows of the data."""
        if is_run(path):
            return read_run(path), ["query", "item"]
        if self.reader is not None:
            return self.reader(path), [str(self.data.id)]
        key = [self.id or self.data.id] if self.data.id else self._pair
        if not key:
            asked = "cells of data.count have none" if self.data.count else "set data.id to its column"
            raise InputError(f"model.path: predictions are joined by id; {asked}")
        names = column_names(path, text=self.text)
        for name in key:
            if name not in names:
                raise no_column(name, names, str(path), "model.id" if self.data.id else "model.path")
        table = read_table(
            path,
            columns=list(dict.fromkeys([*key, *self.says.columns])),
            categorical=self.says.texts,
            verbatim=[*key, *self._verbatim],
            missing=self.data.words,
            text=self.text,
        )
        self.data.notes += found_in(path, self.text)
        for name in key:
            if blank := as_ids(table.column(name)).null_count:
                raise self._at_its_row(path, missing_in(f"id column '{name}'", name, blank, ""))
        return table, key

    @property
    def _verbatim(self) -> list[str]:
        return list(getattr(self.says, "verbatim", ()))

    @property
    def _pair(self) -> list[str]:
        """The data's columns of query and item; empty for a task without."""
        return [name for name in (self.data.query, self.data.item) if name]

    @property
    def _key(self) -> list[str]:
        """Columns of the data that name a row."""
        return [self.data.id] if self.data.id and not is_run(self.path) else self._pair

    def _named(self, rows: pa.RecordBatch | pa.Table, key: list[str]) -> pa.Array:
        """The names of some rows, by their id or their query and item."""
        for name in key:
            plain(rows.column(name), name)
        return in_one(as_ids(rows.column(key[0])) if len(key) == 1 else pairs(rows, *key))

    def _of_task(self) -> Predicted:
        """How the predictions of the data's task are read; InputError for keys of another one."""
        given = {key for key in KEYS if getattr(self, _FIELDS.get(key, key))}
        if is_run(self.path) and not FORMS[self.data.task].lists:
            held = f"{self.path} holds a run in TREC form, which belongs to task: {TASK_OF_LISTS}"
            raise InputError(f"model.path: {held}, the task is {self.data.task}")
        make, known = TASKS[self.data.task]
        if strange := sorted(given - known):
            others = [name for name, (_, keys) in TASKS.items() if strange[0] in keys]
            raise InputError(
                f"model.{strange[0]}: belongs to task: {' or '.join(others)}, the task is {self.data.task}"
            )
        return make(self)

    def _check_columns(self, names: Sequence[str], where: str) -> None:
        """InputError for a column that is not there, or that is the label."""
        for key in KEYS:
            held = getattr(self, _FIELDS.get(key, key)) or {}
            for name in [held] if isinstance(held, str) else held.values():
                if name not in names:
                    raise no_column(name, names, where, f"model.{key}")
                if self.path is None and name in self.data.truths and key != "score":
                    role = next((r for r in ("prompt", "sample") if getattr(self.data, r) == name), "label")
                    raise InputError(f"model.{key}: column '{name}' is data.{role} already")

    @property
    def task(self) -> str:
        """What is predicted."""
        return self.says.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes, or labels, of the predictions; those of the data come first."""
        return self.says.classes

    @property
    def outcome(self) -> Binary | None:
        """The two classes of the decisions, where they stand in a column."""
        return self.says.outcome if isinstance(self.says, OfTwo) else None

    def parts_of(self, name: str) -> Sequence[pa.Array]:
        """Return a column of every prediction, in parts."""
        if self._table is not None:
            return list(self._table.column(name).chunks)
        return [batch.column(name) for batch in self.data.again([name])]

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Read, or join, the predictions of a batch; without ``ids`` by the batch's own id column."""
        table: Any = batch
        if ids is None and self.data.id in batch.schema.names:
            ids = as_ids(batch.column(self.data.id))
        if self._table is not None:
            by_id = self._key == [self.data.id]
            table = self._joined(ids if by_id and ids is not None else self._named(batch, self._key))

        def placed(read: Callable[[pa.Array], NDArray[Any]], name: str) -> NDArray[Any]:
            return self._placed(read, in_one(table.column(name)))

        # Where rows are left out, their numbers are not those of the file.
        among = " of those audited" if self.data.split_column or self.data.drop_missing else ""

        def row(number: int) -> str:
            if ids is not None and self.data.id:
                return f"the row of id {ids[number].as_py()!r}"
            return f"row {(number if ids is None else ids[number].as_py()) + 1:,}{among}"

        # A rank is read against the list of its query, an answer against those of its question, tags against
        # the true ones.
        of_task = (getattr(self.data.outcome, key, None) for key in ("beside", "against"))
        column = self.data.query or next(filter(None, of_task), None)
        return self.says.read(placed, row, batch.column(column) if column else None)

    def _placed(self, read: Callable[[pa.Array], NDArray[Any]], column: pa.Array) -> NDArray[Any]:
        """Read a column; what it may not hold is told with its row of the file of predictions."""
        try:
            return read(column)
        except CellError as error:
            if self.path is None:
                raise
            if isinstance(error, MissingError):
                error.rest = "; every row of the data needs a prediction"
            raise self._at_its_row(self.path, error, self.data.words.in_numbers) from None

    def _at_its_row(self, path: Path, error: CellError, missing: Sequence[str] = BLANK) -> CellError:
        """The error with the row of the file of predictions, or the file alone where the row is not found."""
        return error.at(place_of(path, error.column, error.value, self.text, missing) or str(path))

    def _joined(self, ids: pa.Array) -> pa.Table:
        assert self._table is not None
        mine, key = alike(ids, self._ids)
        position = pc.index_in(mine, value_set=key)
        lacking = mine.filter(pc.is_null(position))
        strays = self._without_row(mine, key)
        if len(lacking) or len(strays):
            named = "ids do" if len(self._key) == 1 else "its pairs of query and item do"
            raise InputError(
                f"{self.path}: {named} not match {self.data.where}: "
                f"{number_of(len(lacking), 'row of the data has', 'rows of the data have')} no prediction "
                f"({few(lacking)}), {number_of(len(strays), 'prediction has', 'predictions have')} no row "
                f"({few(strays)})"
            )
        return self._table.take(position)

    def _without_row(self, mine: pa.Array, key: pa.Array) -> pa.Array:
        """Ids of predictions that no row of the data has, those not asked for now included.

        Predictions of rows of another split, set aside for rules or left out for a missing value have a row.
        """
        surplus = key.filter(pc.invert(pc.is_in(key, value_set=mine)))
        if len(surplus) and self._strays is None:
            for rows in (self.data, *self.beside()):
                every = [self._named(batch, self._key) for batch in rows.every(self._key)]
                others, surplus = alike(pa.chunked_array(every or [surplus[:0]]), surplus)
                surplus = surplus.filter(pc.invert(pc.is_in(surplus, value_set=others)))
            self._strays = surplus
        return surplus if self._strays is None else self._strays

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the table."""
        told: dict[str, Any] = {"kind": "predictions"}
        if self.path is not None:
            told |= {"path": str(self.path), "sha256": sha256_file(self.path)}
        self.data.notes += self.says.notes()
        return told | self.says.describe()


KEYS = (
    "score", "decision", "probabilities", "decisions", "prediction", "rank", "answer", "more", "less",
    "unrelated", "tags", "spans", "refused", "second",
)  # fmt: skip
"""Keys of ``model:`` that name columns of predictions."""
_FIELDS = {"score": "score_column"}


def _two(table: PredictionTable) -> Predicted:
    return OfTwo(
        table.score_column, table.decision, as_words(table.positive), as_words(table.negative),
        lambda: table.threshold, table.probability,
    )  # fmt: skip


def _many(table: PredictionTable) -> Predicted:
    if not table.probability:
        raise InputError("model.scale: several classes are told by their probabilities; expected probability")
    return OfMany(table.decision, table.probabilities, table.data.class_names(), table.parts_of)


def _labels(table: PredictionTable) -> Predicted:
    return OfLabels(
        table.decisions, table.probabilities, table.data.class_names(), as_words(table.positive),
        as_words(table.negative), lambda: table.threshold, table.probability,
    )  # fmt: skip


def _ranks(table: PredictionTable) -> Predicted:
    if not is_run(table.path):
        return OfRanks(table.rank, table.score_column)
    if table.rank or table.score_column or table.id or table.text:
        raise InputError(
            f"model: {table.path} is a run in TREC form, whose columns are known; leave out rank, score, id "
            "and how a text file is written"
        )
    return OfRun()


def _generated(table: PredictionTable) -> Predicted:
    return OfGenerated(
        table.answer, table.decision, table.score_column, table.refused, as_words(table.positive),
        as_words(table.negative), lambda: table.threshold, table.probability, table.refusals,
        table.second,
    )  # fmt: skip


def _entities(table: PredictionTable) -> Predicted:
    assert isinstance(table.data.outcome, Entities)
    return OfEntities(table.tags, table.data.outcome, table.spans, table.types)


TASKS: dict[str, tuple[Callable[[PredictionTable], Predicted], set[str]]] = {
    "binary": (_two, {"score", "decision"}),
    "multiclass": (_many, {"decision", "probabilities"}),
    "multilabel": (_labels, {"decisions", "probabilities"}),
    "regression": (lambda table: OfNumbers(table.prediction), {"prediction"}),
    "ranking": (_ranks, {"rank", "score"}),
    "choice": (lambda table: OfAnswers(table.answer), {"answer"}),
    "pairs": (lambda table: OfPairs(table.more, table.less, table.unrelated), {"more", "less", "unrelated"}),
    "ner": (_entities, {"tags", "spans"}),
    "generation": (_generated, {"answer", "decision", "score", "refused", "second"}),
}
"""By task: how the predictions are read, and the keys that name their columns."""
