"""What a task keeps of the rows of predictions: counts over slices and outcomes, and scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..engines import ARROW
from ..engines.cubes import counted
from ..metrics.counts import DECISION, LABEL, Tally
from ..metrics.cube import Cube, Cubes, cluster_names
from ..metrics.estimators import Need
from ..metrics.exposure import Curves
from ..metrics.figures import Figure
from ..metrics.joint import AFTER, JointTally, joint
from ..metrics.paired_scores import PairedScores
from ..metrics.scores import ScoreCollector, ScoreTable
from .ratios import Turned, Units

By = tuple[str, ...]
SCORE = "score"
WEIGHT, COUNT, CLUSTER = "weight", "count", "cluster"
PLACE = "slice"
"""The column of the rows' slices, where they are counted."""
EACH = 65_536
"""Rows of a batch that aggregated cells are taken apart into."""


@dataclass(frozen=True)
class Batch:
    """A batch of predictions, with the slice of each row.

    Attributes
    ----------
    rows : pyarrow.RecordBatch
        Columns as in the run folder's Parquet.
    slices : int array of shape (rows,)
        Each row's slice of all sensitive features, a position in ``keys``.
    keys : list of tuple of str
    """

    rows: pa.RecordBatch
    slices: NDArray[np.int64]
    keys: list[tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.rows.schema.names)

    def number(self, name: str) -> NDArray[Any]:
        """A column of numbers."""
        return np.asarray(self.rows.column(name).to_numpy())

    def numbers(self, name: str) -> NDArray[Any] | None:
        """A column of numbers, or None."""
        return self.number(name) if name in self.names else None

    @cached_property
    def weight(self) -> NDArray[np.float64] | None:
        """The rows' weights."""
        return self.numbers(WEIGHT)

    @cached_property
    def count(self) -> NDArray[np.int64] | None:
        """The rows that each aggregated cell stands for."""
        return self.numbers(COUNT)

    @cached_property
    def cluster(self) -> pa.DictionaryArray | None:
        """The rows' clusters, as encoded text."""
        return cluster_names(self.rows.column(CLUSTER)) if CLUSTER in self.names else None

    def each(self) -> Iterator[Batch]:
        """Batches of single rows: an aggregated cell is as many rows that are alike.

        That is for figures in which the outcomes of a row count together, as the labels of one do.
        """
        if self.count is None:
            yield self
            return
        rows, every, ends = self.rows.drop_columns([COUNT]), int(self.count.sum()), np.cumsum(self.count)
        # One batch at least: without rows there are columns, of which it is known what they tell.
        for start in range(0, max(every, 1), EACH):
            place = np.searchsorted(ends, np.arange(start, min(start + EACH, every)), side="right")
            held, slices = np.unique(self.slices[place], return_inverse=True)
            yield Batch(rows.take(pa.array(place)), slices, [self.keys[i] for i in held.tolist()])

    def cube(self, by: By, outcomes: Mapping[str, Any], cluster: pa.DictionaryArray | None = None) -> Cube:
        """Counts over the slices and outcomes.

        Parameters
        ----------
        by : tuple of str
            The columns of ``keys``.
        outcomes : mapping of str to arrays of shape (rows,)
        cluster : pyarrow.DictionaryArray, optional
            Other clusters than the rows' own.
        """
        # The slices of the rows are known: the values of their features are not looked at again.
        place = pa.DictionaryArray.from_arrays(self.slices, np.arange(len(self.keys)), safe=False)
        cluster = self.cluster if cluster is None else cluster
        more = {WEIGHT: self.weight, COUNT: self.count, CLUSTER: cluster}
        held = {name: values for name, values in more.items() if values is not None}
        rows = pa.record_batch({PLACE: place, **outcomes, **held})
        weight, count, clusters = (name if name in held else None for name in more)
        return counted(ARROW, rows, [PLACE, *outcomes], weight, count, clusters, (by, self.keys))


class Cases(ABC):
    """The rows of one variant, as a task sees them, gathered batch by batch.

    Parameters
    ----------
    by : tuple of str
        The sensitive features.
    probability : bool
        Whether scores are probabilities.
    """

    def __init__(self, by: By, probability: bool = True) -> None:
        self.by, self.probability = by, probability
        self._cubes = Cubes()

    @property
    def whole(self) -> Cube:
        """Counts over slices and every outcome; ValueError before the first batch."""
        return self._cubes.whole

    @property
    def cube(self) -> Cube:
        """Counts over slices and outcomes of two classes, from which tallies are drawn."""
        return self.whole

    @abstractmethod
    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""

    @abstractmethod
    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry."""

    def sizes(self, tally: Tally) -> NDArray[np.int64]:
        """How many rows every slice of a tally has."""
        return np.asarray(tally.counts.n)

    @property
    def scores(self) -> ScoreTable:
        """All scores, sorted; ValueError where the task has none of its own."""
        raise ValueError("the rows have no scores")

    def values(self, name: str) -> ScoreTable:
        """A named number of each row, sorted as scores are; ValueError for another one."""
        raise ValueError(f"the rows have no value {name!r}")

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes or labels, each of which has a view; none where a task has no such thing."""
        return ()

    @property
    def views(self) -> tuple[str, ...]:
        """The views that are told of: the classes, and what else the configuration names."""
        return self.classes

    def confusion(self, by: By, classes: Sequence[str]) -> NDArray[np.int64] | None:
        """Rows by label and decision, array of shape (slices, classes, classes); None of two classes."""
        return None

    def exposure(self, by: By, keys: Sequence[tuple[str, ...]]) -> Curves | None:
        """What each slice has of the exposure among the first ranks; None where that says nothing."""
        return None

    def quantiles(self, by: By, keys: Sequence[tuple[str, ...]]) -> Mapping[float, Figure]:
        """Quantiles of each slice's scores, by their share of the rows; none where a task tells none."""
        return {}

    def outcomes(self, by: By, keys: Sequence[tuple[str, ...]]) -> list[dict[str, dict[str, int]]]:
        """Rows of each slice by what was asked and what was answered; none where a task tells none."""
        return []

    @property
    def units(self) -> Units | None:
        """The clusters, where a task tells figures of each; None where it tells none."""
        return None

    def view(self, name: str) -> Cases:
        """The rows as cases of two classes: whether they are of a class, or what else the task names so."""
        raise ValueError(f"the rows have no view {name!r}")


class BinaryCases(Cases):
    """Rows of two classes: label, decision and score."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self._collector: ScoreCollector | None = None

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        outcomes = {n: batch.number(n) for n in (LABEL, DECISION) if n in batch.names}
        cube = batch.cube(self.by, outcomes)
        self._cubes.add(cube)
        score = batch.numbers(SCORE)
        if score is not None:
            if self._collector is None:
                self._collector = ScoreCollector(self.by, self.probability)
            label = outcomes[LABEL].astype(bool) if LABEL in outcomes else None
            self._collector.add(batch.slices, batch.keys, score, label, batch.weight, batch.cluster)
        return cube

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: label, decision, score, probability."""
        names: dict[Need, str] = {"label": LABEL, "decision": DECISION, "score": SCORE}
        found = {need for need, column in names.items() if column in columns}
        return frozenset(found | ({"probability"} if "score" in found and self.probability else set()))

    @cached_property
    def scores(self) -> ScoreTable:
        """All scores, sorted; there must be some."""
        assert self._collector is not None
        table = self._collector.table()
        self._collector = None
        return table


class Pairs(ABC):
    """The rows of two variants, as a task sees them, gathered batch by batch.

    Parameters
    ----------
    by : tuple of str
        The sensitive features.
    probability : bool
        Whether the scores of both are probabilities.
    """

    def __init__(self, by: By, probability: bool = True) -> None:
        self.by, self.probability = by, probability
        self._cubes = Cubes()
        self._tallies: dict[By, JointTally] = {}

    @property
    def whole(self) -> Cube:
        """Joint counts over slices and every outcome; ValueError where a side has no decisions."""
        return self._cubes.whole

    @property
    def cube(self) -> Cube:
        """Joint counts over slices and outcomes of two classes, from which joint tallies are drawn."""
        return self.whole

    @property
    def decided(self) -> bool:
        """Whether both carry decisions."""
        return bool(self._cubes)

    @abstractmethod
    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""

    @property
    def scores(self) -> PairedScores | None:
        """The scores of both; None where one side has none."""
        return None

    def values(self, name: str) -> PairedScores:
        """A named number of each row before and after; ValueError for another one."""
        raise ValueError(f"the rows have no value {name!r}")

    def view(self, name: str) -> Pairs:
        """The rows as pairs of two classes, as those of `Cases.view`."""
        raise ValueError(f"the rows have no view {name!r}")

    def flips(self, by: By) -> Tally:
        """A tally whose selected rows are those decided otherwise."""
        return self.tally(by).flips()

    def tally(self, by: By) -> JointTally:
        """The joint counts of every slice of ``by``."""
        if by not in self._tallies:
            self._tallies[by] = joint(self.cube, by)
        return self._tallies[by]

    def moves(self, by: By) -> dict[str, NDArray[np.int64] | None]:
        """Rows of every slice that gained or lost a decision, were spoiled or mended; None where unknown."""
        return dict.fromkeys(("gained", "lost", "spoiled", "mended"))

    def turned(self) -> Turned | None:
        """Rows that turn into a stereotype and out of it; None where a task knows of none."""
        return None

    def matrix(self, by: By, classes: Sequence[str]) -> NDArray[np.int64] | None:
        """Rows by decision before and after, array of shape (slices, classes, classes); None of two."""
        return None


class BinaryPairs(Pairs):
    """Rows of two classes, decided and scored twice."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self._scores: PairedScores | None = None

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        both = before.names, after.names
        if all(DECISION in names for names in both):
            columns = {DECISION: before.rows.column(DECISION), AFTER: after.rows.column(DECISION)}
            if LABEL in before.names:
                columns[LABEL] = before.rows.column(LABEL)
            self._cubes.add(before.cube(self.by, columns))
        if all(SCORE in names for names in both):
            if self._scores is None:
                self._scores = PairedScores(self.by, self.probability)
            label = before.numbers(LABEL)
            self._scores.add(
                before.slices, before.keys, before.number(SCORE), after.number(SCORE),
                None if label is None else label.astype(bool), before.weight, before.cluster,
            )  # fmt: skip

    @property
    def scores(self) -> PairedScores | None:
        """The scores of both; None where one side has none."""
        return self._scores

    def moves(self, by: By) -> dict[str, NDArray[np.int64] | None]:
        """Rows of every slice that gained or lost a decision, were spoiled or mended."""
        tally = self.tally(by)
        counts = tally.counts
        return {
            "gained": counts[..., 0, 1].sum(1),
            "lost": counts[..., 1, 0].sum(1),
            "spoiled": counts[:, 0, 0, 1] + counts[:, 1, 1, 0] if tally.labelled else None,
            "mended": counts[:, 0, 1, 0] + counts[:, 1, 0, 1] if tally.labelled else None,
        }
