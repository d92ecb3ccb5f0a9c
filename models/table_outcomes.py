"""What the columns of a table of predictions say, by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.alike import warn_alike
from ..datasets.amounts import scores
from ..datasets.binary import Binary
from ..datasets.classes import check_few, counted
from ..datasets.columns import listed, plain
from ..datasets.errors import InputError, number_of
from ..datasets.multiclass import Classes
from ..datasets.regression import Target
from ..told import tell, tell_n
from .base import Scored, decide

CLOSE = 1e-3
"""How far the probabilities of a row may sum beside one: tables round them."""

Placed = Callable[[Callable[[pa.Array], NDArray[Any]], str], NDArray[Any]]
"""Reads a column by name; what it may not hold is told with its place."""

Row = Callable[[int], str]
"""Names a row of those read, for a message."""


class Predicted(Protocol):
    """How the predictions of a task stand in a table.

    Attributes
    ----------
    task : str
    columns : list of str
        Columns that are read.
    texts : list of str
        Those of them that are words.
    exact : bool
        Whether words keep their spelling in the evaluation table too, as labels do: 01 is not 1.
    classes : tuple of str
        As of a model.
    """

    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def columns(self) -> list[str]: ...  # noqa: D102
    @property
    def texts(self) -> list[str]: ...  # noqa: D102
    @property
    def exact(self) -> bool: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows.

        Parameters
        ----------
        placed, row : callable
            Read a column by its name, and name a row for a message.
        beside : pyarrow.Array or None
            Ranking: whose list each row stands in. Entities: its true tags. A choice: the answers of its
            question.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What the report says of the columns."""
        ...

    def notes(self) -> list[str]:
        """What is to be told of the rows read."""
        ...


@dataclass
class OfTwo:
    """Decisions of two classes, scores, or both.

    Parameters
    ----------
    score, decision : str, optional
        Columns; at least one. Without ``decision`` it is ``score >= threshold``.
    positive, negative : sequence of str
        The positive and the negative decisions.
    threshold : callable
        Gives the least score that is selected, as it is set now; None: scores decide nothing.
    """

    score: str | None
    decision: str | None
    positive: Sequence[str]
    negative: Sequence[str]
    threshold: Callable[[], float | None]
    probability: bool = True

    task = "binary"
    exact = False
    classes = ()

    def __post_init__(self) -> None:
        if not self.score and not self.decision:
            raise InputError("model: a table of predictions needs model.score or model.decision (or both)")
        self.outcome = (
            Binary(self.decision, "decision", self.positive, self.negative) if self.decision else None
        )

    @property
    def columns(self) -> list[str]:
        """The score's and the decision's."""
        return [name for name in (self.score, self.decision) if name]

    @property
    def texts(self) -> list[str]:
        """The decision's."""
        return [self.decision] if self.decision else []

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows."""
        score = decision = None
        if self.score:
            score = placed(score_reader(self.score, self.probability), self.score)
        if self.outcome and self.decision:
            decision = placed(_plainly(self.outcome.read, self.decision), self.decision)
        elif score is not None and (threshold := self.threshold()) is not None:
            decision = decide(score, threshold)
        return Scored(decision, score)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the columns."""
        told: dict[str, Any] = {}
        if self.score:
            told |= {"score": self.score, "scale": "probability" if self.probability else "rank"}
        if self.outcome:
            chosen, others = self.outcome.classes
            told |= {"decision": self.decision, "positive": chosen, "negative": others}
        elif self.threshold() is not None:
            told |= {"threshold": self.threshold(), "rule": tell("selected if score >= threshold")}
        return told

    def notes(self) -> list[str]:
        """What is to be told of the decisions read."""
        return warn_alike(str(self.decision), list(self.outcome.seen)) if self.outcome else []


@dataclass
class OfMany:
    """The class of each row, its probabilities by class, or both.

    Parameters
    ----------
    decision : str, optional
        Column of the class; without it the likeliest one decides, the first of several.
    probabilities : mapping of str to str
        By class: the column of its probability; a class without one has none.
    labelled : sequence of str
        Classes of the labels, in their order.
    look : callable
        Gives the decision column of every row, in parts: the classes are known before the first is read.
    """

    decision: str | None
    probabilities: Mapping[str, str]
    labelled: Sequence[str]
    look: Callable[[str], Sequence[pa.Array]]
    ties: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    task = "multiclass"
    exact = True

    def __post_init__(self) -> None:
        if not self.decision and not self.probabilities:
            raise InputError(
                "model: a table of predicted classes needs model.decision (the column of the class) or "
                "model.probabilities (class: column)"
            )
        if len(self.probabilities) == 1:
            raise InputError("model.probabilities: expected the columns of two or more classes, got one")
        self.outcome = Classes(self.decision, "decision") if self.decision else None
        self._classes: tuple[str, ...] | None = None

    @property
    def columns(self) -> list[str]:
        """The decision's and the probabilities'."""
        return list(
            dict.fromkeys([*([self.decision] if self.decision else []), *self.probabilities.values()])
        )

    @property
    def texts(self) -> list[str]:
        """The decision's."""
        return [self.decision] if self.decision else []

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels' classes, then those that only the predictions have."""
        if self._classes is None:
            predicted: tuple[str, ...] = ()
            if self.outcome and self.decision:
                batches = (
                    pa.record_batch([part], names=[self.decision]) for part in self.look(self.decision)
                )
                self.outcome.look(batches)
                predicted = self.outcome.names
                self._check_words(predicted)
            classes = tuple(dict.fromkeys([*self.labelled, *self.probabilities, *predicted]))
            check_few(classes, "model: with the labels, what is predicted")
            self._classes = classes
        return self._classes

    def _check_words(self, predicted: Sequence[str]) -> None:
        """InputError where predictions and labels have no class in common: they are written otherwise."""
        if self.labelled and predicted and not {*predicted} & {*self.labelled}:
            raise InputError(
                f"decision column '{self.decision}' holds {listed(list(predicted))}, none of which is a "
                f"class of the labels: {listed(list(self.labelled))}; expected the same words"
            )

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows; probabilities that do not sum to one are told with their row."""
        score = self._score(placed, row) if self.probabilities else None
        if self.outcome and self.decision:
            decision = placed(self._codes, self.decision)
        else:
            assert score is not None
            decision = score.argmax(axis=1)
            self.ties += tied_rows(score)
        found = np.bincount(decision, minlength=len(self.classes)).tolist()
        for name, rows in zip(self.classes, found, strict=True):
            if rows:
                self.seen[name] = self.seen.get(name, 0) + rows
        return Scored(decision, score)

    def _codes(self, column: pa.Array) -> NDArray[np.intp]:
        assert self.outcome is not None
        self.outcome.accept(column, self.outcome.column)
        encoded = self.outcome.read(column)
        place = {name: number for number, name in enumerate(self.classes)}
        names, indices = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        # Values of a dictionary that no row has, such as those of another split, are no decisions.
        held = np.bincount(indices, minlength=len(names)) > 0
        strange = [name for name, some in zip(names, held, strict=True) if some and name not in place]
        if strange:
            raise InputError(
                f"decision column '{self.decision}' holds {listed(strange)}, which no audited row holds; "
                "name all classes in data.classes"
            )
        codes = np.array([place.get(name, -1) for name in names], np.intp)
        return np.asarray(codes[indices])

    def _score(self, placed: Placed, row: Row) -> NDArray[np.float64]:
        held = {name: placed(score_reader(c, ranked=False), c) for name, c in self.probabilities.items()}
        rows = len(next(iter(held.values())))
        score = np.column_stack([held.get(name, np.zeros(rows)) for name in self.classes])
        total = score.sum(axis=1)
        check_sums(total, "model.probabilities", row)
        return score

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the columns."""
        told: dict[str, Any] = {"classes": list(self.classes)}
        if self.probabilities:
            told |= {"probabilities": dict(self.probabilities), "scale": "probability"}
        if self.decision:
            return told | {"decision": self.decision}
        return told | {"rule": tell("the likeliest class")}

    def notes(self) -> list[str]:
        """What is to be told of the rows read: ties, classes on one side only."""
        out = self.outcome.warnings() if self.outcome else []
        if self.ties:
            out.append(tied(self.ties))
        beyond = [name for name in self.seen if self.labelled and name not in self.labelled]
        if beyond:
            out.append(unlabelled({name: self.seen[name] for name in beyond}))
        bare = [name for name in self.classes if name not in self.probabilities] if self.probabilities else []
        if bare:
            out.append(
                tell(
                    "No column of predictions gives the probability of {values}; it is taken as 0.",
                    values=listed(bare),
                )
            )
        return out


@dataclass
class OfNumbers:
    """The predicted number of each row.

    Parameters
    ----------
    prediction : str
        Its column.
    """

    prediction: str | None

    task = "regression"
    exact = True
    classes = ()
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.prediction:
            raise InputError("model: a table of predicted numbers needs model.prediction, their column")
        self.target = Target(self.prediction, "prediction")

    @property
    def columns(self) -> list[str]:
        """The prediction's."""
        return [self.target.column]

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows."""
        return Scored(None, placed(_plainly(self.target.read, self.target.column), self.target.column))

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the column."""
        return {"prediction": self.prediction}

    def notes(self) -> list[str]:
        """Nothing is to be told."""
        return []


def check_sums(total: NDArray[np.float64], what: str, row: Row) -> None:
    """InputError where the probabilities of a row do not sum to one, within `CLOSE`."""
    bad = np.abs(total - 1) > CLOSE
    if bad.any():
        first, rows = int(np.argmax(bad)), int(bad.sum())
        more = f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""
        raise InputError(
            f"{what}: expected probabilities of all classes that sum to 1 in every row (within {CLOSE:g}), "
            f"got {total[first]:.4g} in {row(first)}{more}"
        )


def tied_rows(score: NDArray[np.float64]) -> int:
    """Return in how many rows several classes are the likeliest."""
    return int(((score == score.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())


def unlabelled(rows: Mapping[str, int]) -> str:
    """Say which predicted classes, with their rows, are none of the labels'."""
    return tell(
        "Predictions hold classes that no label has: {values}. They are counted as classes of their own.",
        values=counted(rows),
    )


def tied(rows: int) -> str:
    """Say in how many rows several classes are the likeliest."""
    return tell_n(
        "In {n} row several classes are the likeliest: the first of them in the classes' order decides.",
        "In {n} rows several classes are the likeliest: the first of them in the classes' order decides.",
        rows, n=f"{rows:,}",
    )  # fmt: skip


def score_reader(
    name: str, probability: bool = True, ranked: bool = True
) -> Callable[[pa.Array], NDArray[Any]]:
    """Return what reads a column of scores by its name; arguments as of `scores`."""

    def read(column: pa.Array) -> NDArray[Any]:
        return scores(column, name, probability=probability, ranked=ranked)

    return read


def _plainly(read: Callable[[pa.Array], NDArray[Any]], name: str) -> Callable[[pa.Array], NDArray[Any]]:
    def checked(column: pa.Array) -> NDArray[Any]:
        plain(column, name)
        return read(column)

    return checked
