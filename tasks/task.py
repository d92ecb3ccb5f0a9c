"""What a task is: its rows, its figures, and which of them come first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..metrics.counts import LABEL
from ..metrics.entry import DisparityRow, Index, Metric
from .cases import Batch, By, Cases, Pairs

Kind = Literal[
    "bit", "word", "number", "amount", "score", "order", "rank", "weight", "count", "id", "cluster", "twin",
    "any",
]  # fmt: skip
"""What a column of predictions holds: 0 or 1, words, numbers, those of at least 0, scores on the scale that
the model has, numbers that only order the rows, places in a list, what rows of every task have beside, or
anything."""


class Said(Protocol):
    """What a model says of some rows; None for what it does not give."""

    @property
    def decision(self) -> NDArray[Any] | None: ...  # noqa: D102
    @property
    def score(self) -> NDArray[np.float64] | None: ...  # noqa: D102
    @property
    def rank(self) -> NDArray[np.int64] | None: ...  # noqa: D102
    @property
    def second(self) -> NDArray[np.bool_] | None: ...  # noqa: D102


Columns = Callable[[Said, Sequence[str]], dict[str, pa.Array]]
AsTwo = Callable[[Batch, Sequence[str]], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class Known:
    """What is known of a file of predictions before it is read.

    Attributes
    ----------
    labels : tuple of str or None
        The labels, where rows have several; empty for a true outcome of one column, or labels that are not
        named. None where no outcome is known.
    model : mapping or None
        What the report says of the model; None where labels alone are audited.
    whole : bool
        Whether all rows that were scored together stand in the file.
    """

    labels: Sequence[str] | None
    model: Mapping[str, Any] | None
    whole: bool = True

    @property
    def table(self) -> Mapping[str, Any] | None:
        """What is said of a table of predictions, whose columns are named; None of any other model."""
        return self.model if self.model is not None and self.model.get("kind") == "predictions" else None


Stored = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
"""Gives some columns of a file, batch by batch, from the start each time."""


def _one_each(known: Known) -> list[str]:
    """The columns of a task whose outcome and prediction are a column each."""
    truth = [] if known.labels is None else ["y_true"]
    return truth + ([] if known.model is None else ["y_pred"])


def _nothing(known: Known, columns: Sequence[str], rows: Stored) -> str:
    return ""


def _itself(word: str) -> Iterable[str]:
    return [word]


def unbound(task: Task, data: Any) -> Task:
    """The task as it is: the configuration says nothing of it."""
    return task


def never(data: Any, model: Any) -> bool:
    """No key tells of the task."""
    return False


def label(name: str) -> str | None:
    """What a column of predictions is called, if it is the outcome of the rows; None for another one."""
    return "label" if name == LABEL else None


def needed(task: Task, lacking: Sequence[str]) -> list[str]:
    """What figures need and rows lack, as the configuration calls it: a ranking's label is its relevance."""
    label_key = "relevance" if "relevance" in task.settled else "label"
    return [label_key if need == "label" else need for need in lacking]


Two = tuple[pa.Table, pa.Table]


def in_common(rows: Two, places: tuple[pa.Array, pa.Array]) -> Two:
    """The rows that two tables of predictions have in common, at these places, as they are."""
    return rows[0].take(places[0]), rows[1].take(places[1])


@dataclass(frozen=True)
class Key:
    """What names a row of predictions, so that the rows of two runs can be matched.

    Attributes
    ----------
    columns : tuple of str
        Of the predictions; their values together are different in every row.
    one, many : str
        What one and several are called.
    title : str
        What rows are matched by, in words.
    """

    columns: tuple[str, ...] = ("id",)
    one: str = "id"
    many: str = "ids"
    title: str = "id"

    @property
    def words(self) -> tuple[str, str]:
        """What one and several are called."""
        return self.one, self.many


ID = Key()


@dataclass(frozen=True)
class Task:
    """One entry per task.

    Attributes
    ----------
    name : str
    title : str
        In words: what the model does.
    cases, pairs : callable (by, probability) -> Cases or Pairs
        What gathers the rows of one variant, and those of two.
    columns : callable (said, classes) -> mapping of str to pyarrow.Array
        The columns of predictions that what a model says is written to; ``classes`` are the model's.
    kind : callable (name) -> Kind or None
        What stands in a column of predictions; None for one that the task does not write.
    written : callable (known) -> list of str
        The columns that every file of predictions has of which so much is known.
    amiss : callable (known, columns, rows) -> str
        What of all rows of a file together cannot be what an audit writes, in words; empty where nothing is.
    metrics : mapping of str to Metric
        Figures of all rows of a slice.
    disparities : tuple of DisparityRow
        Named disparities over the slices.
    indices : tuple of Index
        Single numbers over all slices of a feature.
    default : tuple of str
        Metrics where nobody names any, as far as the data allow.
    key : tuple of str
        What a reader looks for first, in this order: the metrics that are charted.
    leading : tuple of str
        What crossings of features are sorted by, unless a gate is on another: the first that differs.
    performance : tuple of str
        What stands for performance where nobody says: the first that is measured.
    gaps : tuple of tuple of str
        Whose gaps are judged where nobody says and no gate is over slices: what is measured of the first
        set, or of the next.
    excess_loss, calibration_shift : str or None
        Metrics whose changes are told beside the flips of a slice.
    standardised, entropy : str or None
        What standardised differences of the score and entropy indices are told of; None without either.
    told_by : callable
        Whether the configuration's ``data`` and ``model`` (or None) say by their keys that it is this task.
    threshold : float or None
        From which on a probability of a table of predictions is a decision where nobody says.
    bound : callable (task, data) -> Task
        The task with what the configuration's ``data`` says of it; its classes are words there.
    decides : bool
        Whether the model decides, so that a decision can change.
    counts : bool
        Whether aggregated cells of counts say all that is measured of labels and decisions.
    most_counted : int or None
        Rows that such cells may stand for together, where each is measured by itself; None without a limit.
    twins : bool
        Whether twins can be compared.
    of_class : Task or None
        What each class or label is audited as.
    class_default : tuple of str
        Metrics of each class where nobody names any.
    like : str
        The task of ours whose labels are read and whose models predict, where it is another one.
    named_by : Key
        What rows of two runs are matched by.
    outcome : callable (name) -> str or None
        What a column of predictions is called that holds the outcome, which is the same for every model;
        None for another column. Rows of two runs are the same where these agree.
    in_common : callable (rows, places) -> rows
        The rows that two tables of predictions have in common, as both would be had they no others.
    settled : tuple of str
        Keys of the configuration's ``data`` in which two runs must agree, for their figures to be figures of
        the same thing.
    unit : str
        What clusters are called where they, and no rows, are what varies: "templates". Rows that a gate
        needs are then told as so many of these.
    columns_of_classes : bool
        Whether each class has columns of its own, so that two runs must have the same.
    as_two : callable (batch, classes) -> mapping of str to arrays, or None
        Label, decision and score of the rows as cases of two classes: whether they are of ``classes``, which
        are none where a row has but two. What a batch lacks is left out, and so is a score that no threshold
        makes a decision of. None where rows have no classes.
    classes_in : callable (word) -> iterable of str
        The classes that a value of the column of decisions names.
    models : tuple of str
        The kinds of models that it is audited with, one of which is needed; empty: any, or labels alone.
    tallied : str
        The view whose counts are told of all rows, beside those of each class; empty: those of the rows.
    negatives : bool
        Whether what is neither labelled nor decided for is counted.
    """

    name: str
    title: str
    cases: Callable[[By, bool], Cases]
    pairs: Callable[[By, bool], Pairs]
    columns: Columns
    kind: Callable[[str], Kind | None]
    metrics: Mapping[str, Metric]
    disparities: tuple[DisparityRow, ...]
    default: tuple[str, ...]
    key: tuple[str, ...]
    leading: tuple[str, ...]
    performance: tuple[str, ...]
    gaps: tuple[tuple[str, ...], ...]
    indices: tuple[Index, ...] = ()
    excess_loss: str | None = None
    calibration_shift: str | None = None
    standardised: str | None = None
    entropy: str | None = None
    told_by: Callable[[Any, Any], bool] = never
    bound: Callable[[Task, Any], Task] = unbound
    decides: bool = True
    counts: bool = False
    most_counted: int | None = None
    twins: bool = False
    threshold: float | None = None
    of_class: Task | None = None
    class_default: tuple[str, ...] = ()
    like: str = ""
    written: Callable[[Known], list[str]] = _one_each
    amiss: Callable[[Known, Sequence[str], Stored], str] = _nothing
    named_by: Key = ID
    outcome: Callable[[str], str | None] = label
    in_common: Callable[[Two, tuple[pa.Array, pa.Array]], Two] = in_common
    settled: tuple[str, ...] = ()
    unit: str = ""
    columns_of_classes: bool = False
    as_two: AsTwo | None = None
    classes_in: Callable[[str], Iterable[str]] = _itself
    models: tuple[str, ...] = ()
    tallied: str = ""
    negatives: bool = True

    @property
    def form(self) -> str:
        """The task whose labels are read and whose models predict."""
        return self.like or self.name

    @property
    def names(self) -> list[str]:
        """Metrics and named disparities."""
        return [*self.metrics, *(f"{row.name}_{form}" for row in self.disparities for form in row.forms)]
