"""Two sets of predictions of the same rows, matched by id, and every change between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ...datasets.columns import Ascending
from ...datasets.read import BATCH_ROWS, resized
from ...metrics.counts import Tally
from ...metrics.entry import Metric
from ...metrics.estimators import Counted
from ...metrics.figures import Figure
from ...metrics.intervals import Floats
from ...metrics.joint import JointTally
from ...metrics.paired_scores import PairedScores, SlicedPairs
from ...tasks import BINARY, Task
from ...tasks.cases import Batch, By, Pairs
from .match import check_same_rows, matched
from .measure import Measurement, Partition, Slices, named_clusters, row_slices


class Paired:
    """The predictions of two variants on the same rows, gathered batch by batch.

    Parameters
    ----------
    sensitive : tuple of str
        Slice columns of the predictions.
    probability : bool
        Whether the scores of both are probabilities.
    order : dict
        Values of a feature in the order in which they are shown.
    before, after : Measurement, optional
        Measurements of the two that are filled already; without them both are counted here.
    names : tuple of str
        What the two are called in messages.
    cells : bool
        Whether rows of counts are cells of both decisions, from one table.
    task : Task
        What is counted, where no measurement says it.
    """

    def __init__(
        self,
        sensitive: By,
        probability: bool = True,
        order: Mapping[str, Sequence[str]] | None = None,
        before: Measurement | None = None,
        after: Measurement | None = None,
        names: tuple[str, str] = ("before", "after"),
        cells: bool = False,
        task: Task = BINARY,
    ) -> None:
        self.cells = cells
        self.sensitive, self.probability, self.names = tuple(sensitive), probability, names
        given = before is not None, after is not None
        self._counted = given
        self.task = task = next((m.task for m in (before, after) if m is not None), task)
        self.measured_before = before or Measurement(self.sensitive, probability, order or {}, task)
        self.measured_after = after or Measurement(self.sensitive, probability, order or {}, task)
        self.rows = 0
        self.cases = task.pairs(self.sensitive, probability)
        self._forget()

    def _forget(self) -> None:
        """Begin without figures of the rows."""
        self._sliced: dict[tuple[str, By], SlicedPairs] = {}
        self._figures: dict[tuple[str, By], tuple[Figure, Floats]] = {}
        self._views: dict[str, Paired] = {}

    def add(self, before: pa.RecordBatch, after: pa.RecordBatch) -> None:
        """Take a batch of the same rows in the same order (columns as in the run folder's Parquet).

        Raises
        ------
        InputError
            The two are not the same rows, or rows differ in label, slice, weight or cluster.
        """
        check_same_rows(before, after, self.sensitive, self.names, cells=self.cells, task=self.task)
        if not self._counted[0]:
            self.measured_before.add(before)
        if not self._counted[1]:
            self.measured_after.add(after)
        counts = before.column("count").to_numpy() if "count" in before.schema.names else None
        self.rows += before.num_rows if counts is None else int(counts.sum())
        before = named_clusters(before)
        slices, keys = row_slices(before, self.sensitive)
        self.cases.add(Batch(before, slices, keys), Batch(after, slices, keys))

    @property
    def decided(self) -> bool:
        """Whether both carry decisions."""
        return self.cases.decided

    @property
    def scored(self) -> bool:
        """Whether both carry scores."""
        return self.cases.scores is not None

    def metric(self, name: str) -> Metric:
        """A metric of the task."""
        return self.task.metrics[name]

    def lacks(self, name: str) -> list[str]:
        """What a metric needs that one of the two does not carry."""
        missing = [*self.measured_before.lacks(name), *self.measured_after.lacks(name)]
        return [need for need in self.metric(name).needs if need in missing]

    def view(self, name: str) -> Paired:
        """The same rows as cases of two classes, as `Measurement.view`."""
        if name not in self._views:
            found = copy(self)
            found.measured_before = self.measured_before.view(name)
            found.measured_after = self.measured_after.view(name)
            found.task, found.cases = found.measured_before.task, self.cases.view(name)
            found._forget()
            self._views[name] = found
        return self._views[name]

    def partitions(self, depth: int) -> list[By]:
        """Each feature, then the combinations of up to ``depth`` of them."""
        return self.measured_before.partitions(depth)

    def slices(self, by: By) -> Slices:
        """The slices of ``by`` with their sizes, in the order shown."""
        return self.measured_before.slices(by)

    def tally(self, by: By) -> JointTally:
        """Joint counts of every slice of ``by``; ValueError where one of the two has no decisions."""
        if not self.decided:
            raise ValueError("decisions are needed on both sides")
        return self.cases.tally(by)

    def flips(self, by: By) -> Tally:
        """A tally whose selected rows are those decided otherwise."""
        return self.cases.flips(by)

    def pairs(self, by: By) -> SlicedPairs:
        """Scores before and after of every slice of ``by``; ValueError where one has no scores."""
        if self.cases.scores is None:
            raise ValueError("scores are needed on both sides")
        return self._of_slices("", self.cases.scores, by)

    def values(self, name: str, by: By) -> SlicedPairs:
        """A named number of the rows in every slice of ``by``, before and after."""
        return self._of_slices(name, self.cases.values(name), by)

    def _of_slices(self, name: str, scores: PairedScores, by: By) -> SlicedPairs:
        if (name, by) not in self._sliced:
            self._sliced[name, by] = scores.sliced(by, self.slices(by).keys)
        return self._sliced[name, by]

    def before(self, name: str, by: By) -> Figure:
        """The metric before the change, in every slice of ``by``."""
        return self.measured_before.figure(name, by)

    def figure(self, name: str, by: By) -> Figure:
        """Change (after - before) of a metric in every slice of ``by``.

        Raises
        ------
        ValueError
            The predictions lack what the metric needs.
        """
        return self._change(name, by)[0]

    def p(self, name: str, by: By) -> Floats:
        """Two-sided p of no change in every slice of ``by``; nan where no test is at hand."""
        return self._change(name, by)[1]

    def _change(self, name: str, by: By) -> tuple[Figure, Floats]:
        if (name, by) not in self._figures:
            self._figures[name, by] = self._computed(self.metric(name), by)
        return self._figures[name, by]

    def _computed(self, metric: Metric, by: By) -> tuple[Figure, Floats]:
        lacking = self.lacks(metric.name)
        if lacking:
            raise ValueError(f"{metric.name} needs {', '.join(lacking)} on both sides")
        return metric.estimator.change(PairedPartition(self, by))

    def figure_of(self, name: str, by: By, slices: Sequence[int]) -> Figure:
        """The same change of a few slices alone, as cheap as they are few."""
        estimator = self.metric(name).estimator
        if isinstance(estimator, Counted):
            return estimator.change_of(self.tally(by).take(slices))
        return self.figure(name, by).take(slices)


@dataclass(frozen=True)
class PairedPartition:
    """The slices of some features before and after, as an estimator asks for them."""

    paired: Paired
    by: By

    @property
    def before(self) -> Partition:
        """The rows before."""
        return Partition(self.paired.measured_before, self.by)

    @property
    def after(self) -> Partition:
        """The rows after."""
        return Partition(self.paired.measured_after, self.by)

    @property
    def tally(self) -> JointTally:
        """Their joint counts; ValueError where one of the two has no decisions."""
        return self.paired.tally(self.by)

    @property
    def scores(self) -> SlicedPairs:
        """Their scores; ValueError where one of the two has none."""
        return self.paired.pairs(self.by)

    @property
    def cases(self) -> Pairs:
        """The rows, as the task sees them."""
        return self.paired.cases

    def view(self, name: str) -> PairedPartition:
        """Their rows as cases of two classes."""
        return PairedPartition(self.paired.view(name), self.by)

    def values(self, name: str) -> SlicedPairs:
        """A named number of their rows, before and after."""
        return self.paired.values(name, self.by)


def pair(
    before: Path,
    after: Path,
    sensitive: By,
    probability: bool = True,
    order: Mapping[str, Sequence[str]] | None = None,
    measured: tuple[Measurement | None, Measurement | None] = (None, None),
    names: tuple[str, str] = ("before", "after"),
    *,
    cells: bool = False,
    task: Task = BINARY,
) -> Paired:
    """Read two prediction files of the same rows, in whatever order, matched by what names a row of the task.

    ``cells`` says that counts in both are of the same cells, row by row: those of one table of joint counts.

    Raises
    ------
    InputError
        Ids that occur twice or in one file alone, or rows that differ in label, slice or weight.
    """
    paired = Paired(sensitive, probability, order, *measured, names=names, cells=cells, task=task)
    for rows in side_by_side(before, after, sensitive, names, paired.task):
        paired.add(*rows)
    return paired


def side_by_side(
    before: Path, after: Path, sensitive: Sequence[str], names: tuple[str, str], task: Task
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """The rows of two prediction files, batch by batch, each time the same rows in one order.

    Raises
    ------
    InputError
        Ids that occur twice or in one file alone.
    """
    key = task.named_by
    if _same_rows(before, after, key.columns):
        yield from zip(*(_batches(p, sensitive) for p in (before, after)), strict=True)
        return
    one, other = (read_predictions(path, sensitive) for path in (before, after))
    if "count" not in one.schema.names:
        other = matched(one, other, names, key)
    yield whole_batch(one), whole_batch(other)


def _same_rows(before: Path, after: Path, key: Sequence[str]) -> bool:
    """Whether two files hold the same ids in one ascending order, as those of one run mostly do, and keys.

    Ascending ids are all different, so that nothing has to be held to match them.
    """
    schemas = [pq.read_schema(path) for path in (before, after)]
    kinds = [schema.field("id").type if "id" in schema.names else None for schema in schemas]
    rows = [pq.read_metadata(path).num_rows for path in (before, after)]
    if kinds[0] is None or kinds[0] != kinds[1] or rows[0] != rows[1]:
        return False
    rising = Ascending("id")
    columns = list(dict.fromkeys(["id", *key]))
    for one, other in zip(*(_batches(path, columns=columns) for path in (before, after)), strict=True):
        if not all(one.column(name).equals(other.column(name)) for name in columns):
            return False
        rising.add(one.column("id"))
        if not rising.strict:
            return False
    return True


def _batches(
    path: Path, sensitive: Sequence[str] = (), columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a file of predictions, in batches of one length whatever its row groups."""
    with pq.ParquetFile(path, read_dictionary=list(sensitive), pre_buffer=False) as file:
        yield from resized(file.iter_batches(BATCH_ROWS, columns=columns), BATCH_ROWS)


def read_predictions(path: Path, sensitive: Sequence[str]) -> pa.Table:
    """Read a file of predictions, its slice columns as dictionaries."""
    return pq.read_table(path, read_dictionary=list(sensitive), memory_map=True)


def whole_batch(table: pa.Table) -> pa.RecordBatch:
    """The table as one batch."""
    columns = [c.combine_chunks() for c in table.unify_dictionaries().columns]
    columns = [pa.concat_arrays(c.chunks) if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.record_batch(columns, names=table.schema.names)
