"""Figures that are ratios of sums of row values, and what lies behind them: clusters, and rows that turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..metrics.entry import Metric
from ..metrics.estimators import EMPTY, Change, Estimator, Need, Seen, SeenTwice
from ..metrics.figures import Figure
from ..metrics.gathered import SlicedRows
from ..metrics.intervals import Floats
from ..metrics.rows import Rows

Keys = Sequence[tuple[str, ...]]
NAMED = "name of the cluster"
"""A column of rows: a number of the name of each row's cluster."""
SIDES = ("before ", "after ")
MOST_IDS = 20
"""Ids of rows that turn which are named."""


class Shape(Protocol):
    """A function of sums of row values."""

    def figure(self, rows: SlicedRows, *values: Floats) -> Figure:
        """The figure in every slice."""
        ...

    def change(self, rows: SlicedRows, before: Sequence[Floats], after: Sequence[Floats]) -> Change:
        """After - before, and its p."""
        ...

    def of(self, means: Floats) -> Floats:
        """The figure of means of the values, array of shape (slices, values)."""
        ...


@dataclass(frozen=True)
class RatioOf(Estimator):
    """A function of sums of values of the rows.

    Attributes
    ----------
    parts : callable (rows, side) -> arrays of shape (rows,)
        The values of each row; ``side`` stands before the names of columns of two models. Every other one
        is a denominator: rows of which all denominators are 0 do not count.
    shape : Shape
    carried : tuple
        What the rows must carry.
    """

    parts: Callable[[Rows, str], list[Floats]]
    shape: Shape
    carried: tuple[Need, ...]

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return EMPTY

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        rows: Rows = seen.cases.rows
        values = self.parts(rows, "")
        among = np.any(values[1::2], axis=0)
        found = rows.sliced(seen.by, seen.tally.keys, among)
        return self.shape.figure(found, *(value[among] for value in values))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        rows: Rows = seen.cases.rows
        before, after = (self.parts(rows, side) for side in SIDES)
        among = np.any([*before[1::2], *after[1::2]], axis=0)
        found = rows.sliced(seen.by, seen.before.tally.keys, among)
        return self.shape.change(found, [v[among] for v in before], [v[among] for v in after])


@dataclass(frozen=True)
class Units:
    """The clusters of rows, such as the templates of questions.

    Attributes
    ----------
    rows : Rows
    names : list of str
    place : int array of shape (rows,)
        Each row's cluster, a position in ``names``.
    """

    rows: Rows
    names: list[str]
    place: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each."""
        return np.bincount(self.place, minlength=len(self.names)).astype(np.int64)

    def carried(self, other: Units, metric: Metric) -> dict[str, float]:
        """How far the figure of all would go, were each cluster alone as ``other`` has it.

        Of the same rows after a change it is what each cluster carries of that change; {} for a metric that
        is no ratio of sums.
        """
        estimator = metric.estimator
        if not isinstance(estimator, RatioOf):
            return {}
        before, after = (units._sums(estimator) for units in (self, other))
        places = {name: place for place, name in enumerate(other.names)}
        order = np.array([places.get(name, -1) for name in self.names], np.int64)
        kept = np.flatnonzero(order >= 0)
        whole = before.sum(0)
        alone = estimator.shape.of(whole - before[kept] + after[order[kept]])
        found = np.asarray(alone) - np.asarray(estimator.shape.of(whole[np.newaxis]))
        return {self.names[i]: float(value) for i, value in zip(kept, found, strict=True)}

    def _sums(self, estimator: RatioOf) -> Floats:
        """Sums of the values over each cluster, array of shape (clusters, values)."""
        weight = self.rows.column("weight")
        values = [v if weight is None else v * weight for v in estimator.parts(self.rows, "")]
        size = len(self.names)
        return np.stack([np.bincount(self.place, value, minlength=size) for value in values], axis=-1)

    def figures(self, metrics: Mapping[str, Metric]) -> dict[str, Floats]:
        """Figures of each cluster by itself; of metrics that are ratios of sums."""
        found = SlicedRows(self.place, len(self.names), self.rows.column("weight"))
        out: dict[str, Floats] = {}
        for name, metric in metrics.items():
            estimator = metric.estimator
            if isinstance(estimator, RatioOf):
                means = [found.mean(value) for value in estimator.parts(self.rows, "")]
                out[name] = np.asarray(estimator.shape.of(np.stack(means, axis=-1)))
        return out


@dataclass(frozen=True)
class Turned:
    """Rows whose answer turns into that of a stereotype, and out of it.

    Attributes
    ----------
    into, out_of : int
    ids_into, ids_out_of : list of str
        The first of them.
    of_clusters : mapping of str to (int, int)
        How many of each cluster do, where the rows have names of theirs.
    """

    into: int
    out_of: int
    ids_into: list[str]
    ids_out_of: list[str]
    of_clusters: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, ids: pa.Array, into: NDArray[np.bool_], out_of: NDArray[np.bool_],
        names: Sequence[str] = (), place: NDArray[np.int64] | None = None,
    ) -> Turned:  # fmt: skip
        """From the rows' ids, whether each turns, and the clusters with each row's place among them."""

        def named(rows: NDArray[Any]) -> list[str]:
            return [str(one) for one in ids.take(np.flatnonzero(rows)[:MOST_IDS]).to_pylist()]

        counts = {}
        if place is not None:
            both = (np.bincount(place[rows], minlength=len(names)).tolist() for rows in (into, out_of))
            counts = dict(zip(names, zip(*both, strict=True), strict=True))
        return cls(int(into.sum()), int(out_of.sum()), named(into), named(out_of), counts)
