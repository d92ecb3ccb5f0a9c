"""Sampled answers in a table: their text, and what a judge has said of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.alike import warn_alike
from ..datasets.binary import Binary
from ..datasets.columns import plain, words
from ..datasets.errors import InputError
from ..datasets.numbers import missing_in
from ..told import tell
from .answers import ANSWERED, EMPTY, NEGATIVE, OUTCOMES, POSITIVE, REFUSED, Refusals, outcomes
from .base import Scored, decide
from .table_outcomes import Placed, Row, score_reader


@dataclass
class OfGenerated:
    """The text of each answer, a judge's decision and score, and whether it is a refusal.

    Parameters
    ----------
    answer, decision, score, refused : str, optional
        Columns; one of the first three at least. Where an answer is empty or a refusal the judge's may be
        missing.
    positive, negative : sequence of str
        The positive and the negative decisions.
    threshold : callable
        Gives the least score that is positive where no column decides; None: scores decide nothing.
    probability : bool
    refusals : Refusals
        Finds refusals in the text, where no column says which answers are.
    second : str, optional
        Column of what a second judge decides, in the words of the first.
    """

    answer: str | None
    decision: str | None
    score: str | None
    refused: str | None
    positive: Sequence[str]
    negative: Sequence[str]
    threshold: Callable[[], float | None]
    probability: bool = True
    refusals: Refusals = field(default_factory=Refusals)
    second: str | None = None

    task = "generation"
    exact = False
    classes = OUTCOMES

    def __post_init__(self) -> None:
        if not (self.answer or self.decision or self.score):
            raise InputError(
                "model: a table of answers needs model.answer (the column of their text), or model.decision "
                "or model.score (what a judge has said of them)"
            )
        self.outcome = (
            Binary(self.decision, "decision", self.positive, self.negative) if self.decision else None
        )

    @property
    def columns(self) -> list[str]:
        """Those that are named."""
        return [name for name in (self.answer, self.decision, self.score, self.refused, self.second) if name]

    @property
    def verbatim(self) -> list[str]:
        """The answer's: no word of it says that it is missing."""
        return [self.answer] if self.answer else []

    @property
    def texts(self) -> list[str]:
        """The decision's; the text of answers is read as it is."""
        return [name for name in (self.decision, self.second) if name]

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows."""
        text = placed(_texts(self.answer), self.answer) if self.answer else None
        found = self._before_any_judge(placed, text)
        answered = found == ANSWERED
        score = self._score(placed, answered) if self.score else None
        positive: NDArray[np.bool_] | None = None
        if self.outcome and self.decision:
            positive = placed(_among(self.outcome.read, answered, self.decision, bool), self.decision)
        elif score is not None and (threshold := self.threshold()) is not None:
            positive = decide(score, threshold)
        if positive is not None:
            found[answered] = np.where(positive[answered], POSITIVE, NEGATIVE)
        return Scored(found, score, text=text, second=self._second(placed, answered))

    def _second(self, placed: Placed, answered: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """What a second judge decides, of the same values."""
        if self.second is None:
            return None
        outcome = Binary(self.second, "decision", self.positive, self.negative)
        return np.asarray(placed(_among(outcome.read, answered, self.second, bool), self.second))

    def _before_any_judge(self, placed: Placed, text: NDArray[Any] | None) -> NDArray[np.int64]:
        """Which answers are empty and which are refusals."""
        if text is not None:
            found = outcomes(text.tolist(), Refusals(()) if self.refused else self.refusals)
        else:
            name = str(self.decision or self.score)
            found = np.full(len(placed(lambda column: np.zeros(len(column)), name)), ANSWERED, np.int64)
        if self.refused:
            found[placed(_flags(self.refused), self.refused) & (found != EMPTY)] = REFUSED
        return found

    def _score(self, placed: Placed, answered: NDArray[np.bool_]) -> NDArray[np.float64]:
        name = str(self.score)
        read = score_reader(name, self.probability)
        return np.asarray(placed(_among(read, answered, name, float), name))

    def describe(self) -> dict[str, Any]:
        """What the report says of the columns."""
        told: dict[str, Any] = {"answer": self.answer, "refused": self.refused, "second": self.second}
        if self.score:
            told |= {"score": self.score, "scale": "probability" if self.probability else "rank"}
        if self.outcome:
            chosen, others = self.outcome.classes
            told |= {"decision": self.decision, "positive": chosen, "negative": others}
        elif self.score and self.threshold() is not None:
            told |= {"threshold": self.threshold(), "rule": tell("selected if score >= threshold")}
        return {key: value for key, value in told.items() if value is not None}

    def notes(self) -> list[str]:
        """What is to be told of the decisions read."""
        return warn_alike(str(self.decision), list(self.outcome.seen)) if self.outcome else []


def _texts(name: str) -> Callable[[pa.Array], NDArray[Any]]:
    def read(column: pa.Array) -> NDArray[Any]:
        plain(column, name)
        found = np.empty(len(column), object)
        found[:] = column.cast(pa.string()).to_pylist()
        return found

    return read


def _among(
    read: Callable[[pa.Array], NDArray[Any]], rows: NDArray[np.bool_], name: str, kind: type
) -> Callable[[pa.Array], NDArray[Any]]:
    """Read the values of some rows; those of others, which may be missing, are 0."""

    def some(column: pa.Array) -> NDArray[Any]:
        plain(column, name)
        found: NDArray[Any] = np.zeros(len(column), kind)
        if rows.any():
            found[rows] = read(column.filter(pa.array(rows)))
        return found

    return some


def _flags(name: str) -> Callable[[pa.Array], NDArray[Any]]:
    """Read a column of 1/0 or true/false."""
    known = {"1": True, "true": True, "0": False, "false": False}

    def read(column: pa.Array) -> NDArray[Any]:
        plain(column, name)
        encoded = words(column)
        if encoded.null_count:
            raise missing_in(f"refused column '{name}'", name, encoded.null_count)
        values = [str(value) for value in encoded.dictionary.to_pylist()]
        strange = [value for value in values if value.lower() not in known]
        if strange:
            raise InputError(
                f"model.refused: expected 1/0 or true/false in column '{name}', got {strange[0]!r}"
            )
        flags = np.array([known[value.lower()] for value in values], bool)
        return np.asarray(flags[encoded.indices.to_numpy()])

    return read
