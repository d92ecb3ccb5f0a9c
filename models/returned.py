"""What a Python callable returned for some rows, by task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.spelling import word
from .base import Scored, decide
from .kinds import named
from .ranks import ranks
from .table_outcomes import check_sums, tied_rows


@dataclass(frozen=True)
class Rows:
    """The rows that a callable was asked about, and what is known of its task.

    Attributes
    ----------
    name : str
        The callable's, for messages.
    rows : int
    classes : tuple of str
        Multiclass: the classes in their order. Multilabel: the labels.
    order : tuple of str
        Multiclass: names of the numbers 0, 1, 2, ..., where the configuration says so.
    threshold : float
        On scores.
    probability : bool
        Whether scores are probabilities.
    queries : pyarrow.Array or None
        Ranking: whose list each row stands in.
    """

    name: str
    rows: int
    classes: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    threshold: float = 0.5
    probability: bool = True
    queries: pa.Array | None = None

    def refused(self, expected: str, got: str) -> InputError:
        """Return the error for a value that is not what the task needs."""
        return InputError(f"model.function: {self.name} must return {expected}, got {got}")


@dataclass(frozen=True)
class Returned:
    """What a callable's values say.

    Attributes
    ----------
    scored : Scored
    beyond : tuple of str
        Multiclass: predicted classes that are none of those known; their places follow these.
    ties : int
        Rows whose class, or rank, was chosen among equals.
    """

    scored: Scored
    beyond: tuple[str, ...] = ()
    ties: int = 0


def _two(out: Any, asked: Rows) -> Returned:
    """Decisions, or scores."""
    held = np.asarray(out)
    if held.ndim != 1 or len(held) != asked.rows:
        raise asked.refused(f"one value per row ({asked.rows})", f"shape {held.shape}")
    if as_decisions(held):
        return Returned(Scored(held.astype(bool), None))
    score = _scores(held, asked)
    return Returned(Scored(decide(score, asked.threshold), score))


def _many(out: Any, asked: Rows) -> Returned:
    """The class of each row, or the probabilities of all classes, a column for each."""
    held = _array(out)
    if held.ndim == 1 and len(held) == asked.rows:
        return _classes(held, asked)
    if not asked.classes:
        raise asked.refused(
            f"a class per row ({asked.rows}) where the classes are not known (data.classes)",
            f"shape {held.shape}",
        )
    columns = getattr(out, "columns", None)
    if columns is not None:
        names = named([word(name) for name in columns], asked.classes, asked.order)
    else:
        names = asked.classes
    if held.shape != (asked.rows, len(names)) or len(names) < 2:
        raise asked.refused(
            f"a class per row ({asked.rows}), or the probability of each class ({len(names)} columns: "
            f"{listed(list(names))})",
            f"shape {held.shape}",
        )
    score = _numbers(held, asked)
    if not np.isfinite(score).all() or score.min() < 0 or score.max() > 1:
        raise asked.refused("finite probabilities in [0, 1]", f"from {score.min():g} to {score.max():g}")
    check_sums(score.sum(axis=1), f"model.function: {asked.name}", lambda n: f"row {n + 1:,} of its rows")
    whole = np.zeros((asked.rows, len(asked.classes)))
    lacking = [name for name in names if name not in asked.classes]
    if lacking:
        raise asked.refused(f"columns of the classes {listed(list(asked.classes))}", f"{listed(lacking)} too")
    whole[:, [asked.classes.index(name) for name in names]] = score
    return Returned(Scored(whole.argmax(axis=1), whole), ties=tied_rows(whole))


def _classes(held: NDArray[Any], asked: Rows) -> Returned:
    """Places of the classes, and those that the data do not know."""
    if held.dtype.kind == "O" and any(value is None or value != value for value in held.tolist()):
        raise asked.refused("a class for every row", "a missing value")
    if held.dtype.kind == "f" and not np.isfinite(held).all():
        raise asked.refused("a class for every row", "NaN or infinite numbers")
    found, codes = np.unique([word(value) for value in held.tolist()], return_inverse=True)
    words = [str(value) for value in found]
    numbers = [str(number) for number in range(len(asked.order))]
    if asked.order and set(words) <= set(numbers) and not set(words) <= set(asked.classes):
        words = [asked.order[int(value)] for value in words]
    known = {*asked.classes}
    if known and words and not {*words} & known and len(words) > 1:
        # Which numbers are which classes, or that they are other words, is said as of an estimator.
        named(words, asked.classes, asked.order)
    beyond = tuple(name for name in words if name not in known)
    whole = [*asked.classes, *beyond]
    place = np.array([whole.index(name) for name in words], np.intp)
    return Returned(Scored(place[codes], None), beyond)


def _labels(out: Any, asked: Rows) -> Returned:
    """Decisions, or scores, of each label: a column for each."""
    held = _array(out)
    columns = getattr(out, "columns", None)
    if columns is not None and {*map(word, columns)} == {*asked.classes}:
        held = held[:, [[word(name) for name in columns].index(name) for name in asked.classes]]
    elif columns is not None:
        raise asked.refused(
            f"the labels {listed(list(asked.classes))} as columns", listed([word(name) for name in columns])
        )
    if held.shape != (asked.rows, len(asked.classes)):
        raise asked.refused(
            f"a value for each of {asked.rows} rows and {len(asked.classes)} labels "
            f"({listed(list(asked.classes))})",
            f"shape {held.shape}",
        )
    if as_decisions(held):
        return Returned(Scored(held.astype(bool), None))
    score = _scores(held, asked)
    return Returned(Scored(decide(score, asked.threshold), score))


def _number(out: Any, asked: Rows) -> Returned:
    """The predicted numbers."""
    return Returned(Scored(None, _finite(out, asked, "numbers")))


def _order(out: Any, asked: Rows) -> Returned:
    """Scores by which the items of a query are ordered."""
    assert asked.queries is not None
    score = _finite(out, asked, "scores")
    rank, ties = ranks(asked.queries, score)
    return Returned(Scored(None, score, rank=rank), ties=ties)


def _finite(out: Any, asked: Rows, what: str) -> NDArray[np.float64]:
    held = np.asarray(out)
    if held.shape not in ((asked.rows,), (asked.rows, 1)):
        raise asked.refused(f"one number per row ({asked.rows})", f"shape {held.shape}")
    values = _numbers(held.reshape(-1), asked)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise asked.refused(f"finite {what}", f"NaN or infinite ones in {bad:,} of {asked.rows:,} rows")
    return values


def _scores(held: NDArray[Any], asked: Rows) -> NDArray[np.float64]:
    score = _numbers(held, asked)
    outside = asked.probability and score.size and (score.min() < 0 or score.max() > 1)
    if not np.isfinite(score).all() or outside:
        raise asked.refused(
            f"finite {'probabilities in [0, 1]' if asked.probability else 'scores'}",
            f"from {score.min():g} to {score.max():g}",
        )
    return score


def _numbers(held: NDArray[Any], asked: Rows) -> NDArray[np.float64]:
    try:
        score = held.astype(float) if held.dtype.kind in "iufO" else None
    except (TypeError, ValueError):
        score = None
    if score is None:
        raise asked.refused("numbers", f"values of type {held.dtype}")
    return score


def _array(out: Any) -> NDArray[Any]:
    return np.asarray(out.toarray() if hasattr(out, "toarray") else out)


def as_decisions(values: np.ndarray[Any, Any]) -> bool:
    """Return whether an array holds decisions (booleans or 0/1 integers) rather than scores."""
    return values.dtype.kind == "b" or (values.dtype.kind in "iu" and set(np.unique(values)) <= {0, 1})


RETURNED: dict[str, Callable[[Any, Rows], Returned]] = {
    "binary": _two,
    "multiclass": _many,
    "multilabel": _labels,
    "regression": _number,
    "ranking": _order,
}
"""By task: what a callable's values say."""
