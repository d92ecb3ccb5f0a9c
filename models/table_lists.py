"""Predictions of several labels in a row, and of the order of items, as they stand in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.amounts import MOST_RANK
from ..datasets.binary import Binary
from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of
from ..datasets.numbers import CellError, missing_in, numbers
from ..datasets.spelling import as_ids
from ..datasets.trec import ENDINGS
from ..told import tell, tell_n
from .base import Scored, decide
from .ranks import ranks
from .table_outcomes import Placed, Row, score_reader


@dataclass
class OfLabels:
    """Whether each row is given a label, by label, or how probable that is.

    Parameters
    ----------
    decisions, probabilities : mapping of str to str
        By label: its column. Without decisions those are ``probability >= threshold``.
    labelled : sequence of str
        The labels of the data, in their order; without any, those of the predictions.
    positive, negative : sequence of str
        What stands in a column of decisions where a row is given its label, and where not.
    threshold : callable
        Gives the least score that is selected, as it is set now.
    """

    decisions: Mapping[str, str]
    probabilities: Mapping[str, str]
    labelled: Sequence[str]
    positive: Sequence[str]
    negative: Sequence[str]
    threshold: Callable[[], float | None]
    probability: bool = True

    task = "multilabel"
    exact = True

    def __post_init__(self) -> None:
        if not self.decisions and not self.probabilities:
            raise InputError(
                "model: a table of predicted labels needs model.decisions or model.probabilities "
                "(label: column)"
            )
        self._classes = tuple(self.labelled or dict.fromkeys([*self.decisions, *self.probabilities]))
        for key, held in (("decisions", self.decisions), ("probabilities", self.probabilities)):
            strange = [name for name in held if name not in self._classes]
            lacking = [name for name in self._classes if held and name not in held]
            if strange:
                raise InputError(
                    f"model.{key}: {listed(strange)} is none of the labels, which are "
                    f"{listed(list(self._classes))}"
                )
            if lacking:
                raise InputError(
                    f"model.{key}: expected a column for every label, none is named for {listed(lacking)}"
                )
        self.parts = {
            name: Binary(column, "decision", self.positive, self.negative, one_of_many=True)
            for name, column in self.decisions.items()
        }

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels."""
        return self._classes

    @property
    def columns(self) -> list[str]:
        """The decisions' and the probabilities'."""
        return list(dict.fromkeys([*self.decisions.values(), *self.probabilities.values()]))

    @property
    def texts(self) -> list[str]:
        """The decisions'."""
        return list(self.decisions.values())

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows."""
        score = decision = None
        if self.probabilities:
            read = {c: placed(score_reader(c, self.probability), c) for c in self.probabilities.values()}
            score = np.column_stack([read[self.probabilities[name]] for name in self._classes])
        if self.decisions:
            held = {name: placed(_checked(part), part.column) for name, part in self.parts.items()}
            decision = np.column_stack([held[name] for name in self._classes])
        elif score is not None and (threshold := self.threshold()) is not None:
            decision = decide(score, threshold)
        return Scored(decision, score)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the columns."""
        told: dict[str, Any] = {"classes": list(self._classes)}
        if self.probabilities:
            scale = "probability" if self.probability else "rank"
            told |= {"probabilities": dict(self.probabilities), "scale": scale}
        if self.decisions:
            return told | {"decisions": dict(self.decisions)}
        threshold = self.threshold()
        rule = {"threshold": threshold, "rule": tell("selected if score >= threshold")}
        return told | (rule if threshold is not None else {})

    def notes(self) -> list[str]:
        """What is to be told of the decisions read."""
        return [text for part in self.parts.values() for text in part.warnings()]


@dataclass
class OfRanks:
    """The rank of each row in the list of its query, or a score that gives it.

    Parameters
    ----------
    rank, score : str, optional
        Columns; at least one. Without ``rank`` the highest score of a query is first, and of equal ones the
        first row.
    """

    rank: str | None
    score: str | None
    ties: int = 0

    task = "ranking"
    exact = True
    classes = ()
    texts: list[str] = field(default_factory=list)
    gapped: int = 0
    """Queries of which some rank before the last is no row's."""
    lacking: tuple[str, int] = ("", 0)
    """The first of them, and the first rank that it lacks."""

    def __post_init__(self) -> None:
        if not self.rank and not self.score:
            raise InputError(
                "model: a table of rankings needs model.rank or model.score (or both), or a path to a run in "
                f"TREC form, whose name ends in {' or '.join(ENDINGS)}"
            )

    @property
    def columns(self) -> list[str]:
        """The rank's and the score's."""
        return [name for name in (self.rank, self.score) if name]

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows; all of a query are among them."""
        assert beside is not None
        score = placed(score_reader(self.score, probability=False), self.score) if self.score else None
        if self.rank:
            rank = placed(self._ranks, self.rank)
            lists = as_ids(beside).dictionary_encode()
            self._refuse_ties(lists, rank)
            self._look_for_gaps(lists, rank)
        else:
            assert score is not None
            rank, ties = ranks(beside, score)
            self.ties += ties
        return Scored(None, score, rank=rank)

    def _refuse_ties(self, lists: pa.DictionaryArray, rank: NDArray[np.int64]) -> None:
        """InputError for rows of a query that share a rank, naming the first query."""
        pairs, rows = np.unique([lists.indices.to_numpy(), rank], axis=1, return_counts=True)
        tied = rows > 1
        if not tied.any():
            return
        queries, first = len(np.unique(pairs[0][tied])), int(np.argmax(tied))
        held = f"{int(rows[tied].sum()):,} rows of {number_of(queries, 'query', 'queries')} share their rank"
        raise InputError(
            f"rank column '{self.rank}': {held} with another one of the query (in "
            f"{str(lists.dictionary[int(pairs[0][first])])!r} {rows[first]:,} rows have rank "
            f"{pairs[1][first]:,}); expected the ranks of a query to differ, or model.score, of which equal "
            "ones are told"
        )

    def _look_for_gaps(self, lists: pa.DictionaryArray, rank: NDArray[np.int64]) -> None:
        """Count the queries whose ranks, which differ, are not 1 to the number of their rows."""
        codes = lists.indices.to_numpy()
        last = np.zeros(len(lists.dictionary), np.int64)
        np.maximum.at(last, codes, rank)
        gapped = np.flatnonzero(last > np.bincount(codes, minlength=len(last)))
        if len(gapped) and not self.gapped:
            held = np.sort(rank[codes == gapped[0]])
            places = np.arange(1, len(held) + 1)
            self.lacking = str(lists.dictionary[int(gapped[0])]), int(places[np.argmax(held != places)])
        self.gapped += len(gapped)

    def _ranks(self, column: pa.Array) -> NDArray[np.int64]:
        assert self.rank is not None
        values = numbers(column, f"rank column '{self.rank}': expected whole numbers from 1", self.rank)
        if blank := int(np.isnan(values).sum()):
            raise missing_in(f"rank column '{self.rank}'", self.rank, blank)
        bad = ~((values >= 1) & (values <= MOST_RANK) & (values == np.floor(values)))
        if bad.any():
            value = values[int(np.argmax(bad))]
            most = f" and at most {MOST_RANK:,}" if value > MOST_RANK else ""
            what = f"rank column '{self.rank}': expected whole numbers from 1 (the first){most}"
            raise CellError(what, self.rank, str(value))
        return np.asarray(values, np.int64)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the columns."""
        told: dict[str, Any] = {"score": self.score, "scale": "rank"} if self.score else {}
        if self.rank:
            return told | {"rank": self.rank}
        return told | {"rule": tell("the highest score of a query is first")}

    def notes(self) -> list[str]:
        """What is to be told of the rows read: ties, and ranks that are no row's."""
        out = tied_ranks(self.ties)
        if self.gapped:
            query, rank = self.lacking
            out.append(
                tell_n(
                    "The ranks of {n} query in column {column} do not run from 1 without a gap: no row of "
                    "{query} has rank {rank}. Rows are missing; the others keep their ranks.",
                    "The ranks of {n} queries in column {column} do not run from 1 without a gap: in the "
                    "first, {query}, no row has rank {rank}. Rows are missing; the others keep their ranks.",
                    self.gapped, n=f"{self.gapped:,}", column=repr(self.rank), query=repr(query),
                    rank=f"{rank:,}",
                )
            )  # fmt: skip
        return out


@dataclass
class OfRun(OfRanks):
    """The score of each row of a run in TREC form; its rank stands beside it.

    The score decides, as trec_eval has it, and the rank among equal scores.
    """

    rank: str | None = "rank"
    score: str | None = "score"
    beside: int = 0
    """Rows whose rank is not that of their score."""

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows; all of a query are among them."""
        assert beside is not None
        score, told = (placed(np.asarray, name) for name in self.columns[::-1])
        rank, _ = ranks(beside, score, told)
        self.ties += ranks(beside, score)[1]
        self.beside += int((rank != ranks(beside, -told.astype(float), -score)[0]).sum())
        return Scored(None, score, rank=rank)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the columns."""
        return {"score": self.score, "scale": "rank", "rule": tell("the highest score of a query is first")}

    def notes(self) -> list[str]:
        """What is to be told of the rows read: ties, and ranks that the scores contradict."""
        out = []
        if self.ties:
            out.append(
                tell_n(
                    "{n} row shares its score with another one of its query: the rank in the run decides.",
                    "{n} rows share their score with another one of their query: the ranks in the run "
                    "decide.",
                    self.ties, n=f"{self.ties:,}",
                )
            )  # fmt: skip
        if self.beside:
            out.append(
                tell_n(
                    "The rank of {n} row in the run is not that of its score: the score decides, as it does "
                    "in trec_eval.",
                    "The ranks of {n} rows in the run are not those of their scores: the scores decide, as "
                    "they do in trec_eval.",
                    self.beside, n=f"{self.beside:,}",
                )
            )  # fmt: skip
        return out


def tied_ranks(rows: int) -> list[str]:
    """Say how many rows share the score that gives their rank with another row of their query."""
    if not rows:
        return []
    return [
        tell_n(
            "{n} row shares its score with another one of its query: the one that comes first in the data is "
            "ranked first.",
            "{n} rows share their score with another one of their query: those that come first in the data "
            "are ranked first.",
            rows, n=f"{rows:,}",
        )
    ]  # fmt: skip


def _checked(part: Binary) -> Callable[[pa.Array], NDArray[Any]]:
    def read(column: pa.Array) -> NDArray[Any]:
        part.accept(column, part.column)
        return part.read(column)

    return read
