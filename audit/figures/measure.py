"""From prediction batches to counts and sorted scores, and from those to any figure of any slice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...bands import UNKNOWN, in_order
from ...datasets.columns import Scalar, meant, word
from ...datasets.errors import InputError
from ...datasets.read import iter_batches
from ...metrics.codes import combined, crossed, parted
from ...metrics.counts import Tally, features_by
from ...metrics.cube import Cube, cluster_names
from ...metrics.entry import Metric
from ...metrics.figures import Figure
from ...metrics.heavy import WeightCounts
from ...metrics.score_figures import SlicedScores
from ...metrics.scores import ScoreTable
from ...tasks import BINARY, Task
from ...tasks.cases import Batch, By, Cases
from .held import is_probability


@dataclass
class Measurement:
    """Counts and scores of one variant's predictions, gathered batch by batch.

    Parameters
    ----------
    sensitive : tuple of str
        Slice columns of the predictions.
    probability : bool
        Whether scores are probabilities.
    order : dict
        Values of a feature in the order in which they are shown (bins); others sort by name.
    task : Task
        What is counted of the rows, and which figures they have.
    """

    sensitive: By
    probability: bool = True
    order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    task: Task = BINARY
    columns: frozenset[str] = frozenset()
    rows: int = 0
    weights: WeightCounts = field(default_factory=WeightCounts)
    cases: Cases = field(init=False)
    _tallies: dict[By, Tally] = field(init=False, default_factory=dict)
    _scored: dict[tuple[str, By], SlicedScores] = field(init=False, default_factory=dict)
    _figures: dict[tuple[str, By], Figure] = field(init=False, default_factory=dict)
    _slices: dict[By, Slices] = field(init=False, default_factory=dict)
    _views: dict[str, Measurement] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.cases = self.task.cases(self.sensitive, self.probability)

    @classmethod
    def read(
        cls,
        path: Path,
        sensitive: By,
        model: Mapping[str, Any] | None = None,
        order: Mapping[str, Sequence[str]] | None = None,
        task: Task = BINARY,
    ) -> Measurement:
        """Count a file of predictions, batch by batch; ``model`` is what a result says of who made them."""
        found = cls(sensitive, is_probability(model or {}), order or {}, task)
        for batch in iter_batches(path, categorical=sensitive):
            found.add(batch)
        return found

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch of predictions (columns as in the run folder's Parquet)."""
        self.columns = frozenset(batch.schema.names)
        found = Batch(batch, *row_slices(batch, self.sensitive))
        self._check_cells(found)
        self.rows += int(self.cases.add(found).counts.sum())
        if found.weight is not None:
            self.weights.add(found.weight)

    def _check_cells(self, found: Batch) -> None:
        """InputError for cells of more rows than can each be measured by itself, where the task does so."""
        most = self.task.most_counted
        if most is None or found.count is None:
            return
        # One count alone may be near the largest that is read: sums of them are taken as Python's numbers.
        if (rows := self.rows + sum(found.count.tolist())) > most:
            raise InputError(
                f"data.count: in the task {self.task.name} each row is measured by itself, and cells may "
                f"stand for at most {most:,} rows; these stand for {rows:,} or more"
            )

    @property
    def cube(self) -> Cube:
        """The counts; ValueError before the first batch."""
        return self.cases.cube

    @cached_property
    def gives(self) -> frozenset[str]:
        """What the predictions carry: label, decision, score, probability."""
        return frozenset(self.cases.gives(self.columns))

    def metric(self, name: str) -> Metric:
        """A metric of the task."""
        return self.task.metrics[name]

    def lacks(self, name: str) -> list[str]:
        """What a metric needs that the predictions do not carry."""
        return [need for need in self.metric(name).needs if need not in self.gives]

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes or labels, each of which has a view."""
        return self.cases.classes

    @property
    def views(self) -> tuple[str, ...]:
        """The views that are told of: the classes, and what else the configuration names."""
        return self.cases.views

    def view(self, name: str) -> Measurement:
        """The same rows as cases of two classes: whether they are of a class, or what else the task names."""
        if name not in self._views:
            assert self.task.of_class is not None
            found = replace(self, task=self.task.of_class)
            found.cases = self.cases.view(name)
            self._views[name] = found
        return self._views[name]

    @property
    def features(self) -> By:
        """The sensitive features."""
        return self.sensitive

    def partitions(self, depth: int) -> list[By]:
        """Each feature, then the combinations of up to ``depth`` of them."""
        return features_by(self.sensitive, depth)

    def tally(self, by: By) -> Tally:
        """Counts of every slice of ``by``."""
        if by not in self._tallies:
            self._tallies[by] = self.cube.tally(by)
        return self._tallies[by]

    def scored(self, by: By) -> SlicedScores:
        """Scores of every slice of ``by``, in the order of its tally."""
        return self._sliced("", self.scores, by)

    def values(self, name: str, by: By) -> SlicedScores:
        """A named number of the rows in every slice of ``by``, as `scored`."""
        return self._sliced(name, self.cases.values(name), by)

    def _sliced(self, name: str, table: ScoreTable, by: By) -> SlicedScores:
        if (name, by) not in self._scored:
            self._scored[name, by] = SlicedScores(table, by, self.tally(by).keys)
        return self._scored[name, by]

    @property
    def scores(self) -> ScoreTable:
        """All scores, sorted; there must be some."""
        return self.cases.scores

    def figure(self, name: str, by: By) -> Figure:
        """A metric of every slice of ``by``; ValueError when the predictions lack what it needs."""
        if self.lacks(name):
            raise ValueError(f"{name} needs {', '.join(self.lacks(name))}")
        if (name, by) not in self._figures:
            self._figures[name, by] = self.metric(name).estimator.figure(Partition(self, by))
        return self._figures[name, by]

    def slices(self, by: By) -> Slices:
        """The slices of ``by`` with their sizes, in the order shown."""
        if by not in self._slices:
            self._slices[by] = Slices(self, by)
        return self._slices[by]


@dataclass(frozen=True)
class Partition:
    """The slices of some features, as an estimator asks for them."""

    measurement: Measurement
    by: By

    @property
    def tally(self) -> Tally:
        """Their counts."""
        return self.measurement.tally(self.by)

    @property
    def scores(self) -> SlicedScores:
        """Their scores; there must be some."""
        return self.measurement.scored(self.by)

    @property
    def cases(self) -> Cases:
        """The rows, as the task sees them."""
        return self.measurement.cases

    def view(self, name: str) -> Partition:
        """Their rows as cases of two classes."""
        return Partition(self.measurement.view(name), self.by)

    def values(self, name: str) -> SlicedScores:
        """A named number of their rows."""
        return self.measurement.values(name, self.by)


def named_clusters(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its clusters, if it has any, as encoded text: they are hashed once for all figures."""
    if "cluster" not in batch.schema.names:
        return batch
    place = batch.schema.get_field_index("cluster")
    return batch.set_column(place, "cluster", cluster_names(batch.column(place)))


def row_slices(batch: pa.RecordBatch, sensitive: Sequence[str]) -> tuple[NDArray[Any], list[tuple[str, ...]]]:
    """Each row's slice of all sensitive columns, as a position in the distinct combinations."""
    codes: list[NDArray[np.int64]] = []
    values: list[list[str]] = []
    for name in sensitive:
        column = batch.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        levels, indices = [*map(str, column.dictionary.to_pylist())], column.indices
        if indices.null_count or not levels:
            indices = indices.fill_null(len(levels))
            levels.append(UNKNOWN)
        values.append(levels)
        codes.append(indices.to_numpy())
    sizes = [len(levels) for levels in values]
    slices: NDArray[Any]
    if math.prod(sizes) > 1 << 20:
        places, slices = crossed(codes, sizes)
    else:
        code = combined(codes, sizes, batch.num_rows)
        present = np.bincount(code, minlength=math.prod(sizes)) > 0
        # As narrow as the codes: half as many bytes are moved.
        slices = code if present.all() else (np.cumsum(present, dtype=code.dtype) - 1)[code]
        places = parted(np.flatnonzero(present), sizes)
    named = ([levels[c] for c in place.tolist()] for place, levels in zip(places, values, strict=True))
    return slices, list(zip(*named, strict=True))


class Slices:
    """The slices of some features: names, sizes, order, and which of them are usable."""

    def __init__(self, measurement: Measurement, by: By) -> None:
        tally = measurement.tally(by)
        self.by = by
        self.keys = tally.keys
        self.n: NDArray[np.int64] = measurement.cases.sizes(tally)
        self.unknown = np.array([UNKNOWN in key for key in self.keys], bool)
        held = tally.clusters
        self.clusters = None if held is None else np.bincount(held.owner, minlength=len(self.keys))
        """Clusters in each slice; None where rows have none."""
        self._order = measurement.order

    def name(self, index: int) -> dict[str, str]:
        """The slice as column: value."""
        return dict(zip(self.by, self.keys[index], strict=True))

    def words(self, index: int) -> str:
        """The slice in words, ``sex=Female & race=Black``; 'all rows' for the whole set."""
        return " & ".join(f"{k}={v}" for k, v in self.name(index).items()) or "all rows"

    @cached_property
    def shown(self) -> list[int]:
        """Positions in the order shown: bands by their edges, other values by name."""
        orders = {
            feature: list(self._order.get(feature, ()))
            or in_order(sorted({key[k] for key in self.keys}))
            or []
            for k, feature in enumerate(self.by)
        }

        def place(index: int) -> list[tuple[int, str]]:
            out = []
            for feature, value in self.name(index).items():
                known = orders[feature]
                out.append((known.index(value) if value in known else len(known), value))
            return out

        return sorted(range(len(self.keys)), key=place)

    def find(self, wanted: Mapping[str, Scalar]) -> int | None:
        """Position of the slice with these values, as a configuration writes them, or None."""
        if not set(self.by) <= set(wanted):
            return None
        found = self._places.get(tuple(word(wanted[b]) for b in self.by))
        if found is not None:
            return found
        return self._places.get(tuple(map(meant, (wanted[b] for b in self.by), self._values)))

    @cached_property
    def _values(self) -> list[set[str]]:
        """The values of each feature of ``by``."""
        return [{key[i] for key in self.keys} for i in range(len(self.by))]

    @cached_property
    def _places(self) -> dict[tuple[str, ...], int]:
        return {key: i for i, key in enumerate(self.keys)}

    def usable(self, size: NDArray[Any], min_size: int) -> NDArray[np.intp]:
        """Positions of the known slices whose ``size`` (an array, one per slice) is at least ``min_size``."""
        return np.flatnonzero(~self.unknown & (size >= min_size))

    def reference(self, wanted: Mapping[str, str]) -> int:
        """The slice with the wanted values, where it exists, else the largest known one."""
        named = self.find(wanted) if all(b in wanted for b in self.by) else None
        if named is not None:
            return named
        known = np.flatnonzero(~self.unknown)
        among = known if len(known) else np.arange(len(self.n))
        return int(among[np.argmax(self.n[among])])

    def highest(self, figure: Figure, min_size: int) -> int | None:
        """The known slice with the highest value of at least ``min_size`` effective rows, or None."""
        use = self.usable(figure.size, min_size)
        use = use[figure.defined[use]]
        return int(use[np.argmax(figure.value[use])]) if len(use) else None

    def lowest(self, figure: Figure, min_size: int) -> int | None:
        """The known slice with the lowest value of at least ``min_size`` effective rows, or None."""
        use = self.usable(figure.size, min_size)
        use = use[figure.defined[use]]
        return int(use[np.argmin(figure.value[use])]) if len(use) else None
