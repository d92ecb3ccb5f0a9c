"""The counts behind the page: rows of every crossing of the features, by label, score and variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..audit.figures.measure import row_slices
from ..audit.figures.pairs import side_by_side
from ..datasets.read import iter_batches
from ..metrics.counts import DECISION, LABEL
from ..metrics.cube import Cube, Cubes
from ..tasks import Task
from ..tasks.cases import CLUSTER, SCORE, Batch
from .cuts import Cuts

BIN, BEFORE = "bin", "before"
"""Axes of the cube: the bin of a row's score, or its decision where no threshold makes it; and the decision
of the model before any change."""

Key = tuple[str, ...]
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Rows:
    """A variant's rows as cases of two classes.

    Attributes
    ----------
    path : Path
        Its predictions.
    by : sequence of str
        The sensitive features.
    task : Task
    classes : sequence of str
        Those that the rows are of or not, where they have several.
    before : Path or None
        Predictions of the model before any change, where there is one.
    """

    path: Path
    by: Sequence[str]
    task: Task
    classes: Sequence[str] = ()
    before: Path | None = None

    def each(self) -> Iterator[Columns]:
        """Label, decision and score of every batch."""
        for rows in iter_batches(self.path, categorical=self.by):
            yield self._two(self._batch(rows))

    def counted(self, cuts: Cuts | None) -> Cube:
        """Count them over crossings, label, bin and the decision before; None: the bins are the decisions."""
        cubes = Cubes()
        for batch, before in self._pairs():
            two = self._two(batch)
            outcomes = {LABEL: two[LABEL]} if LABEL in two else {}
            if before is not None:
                outcomes[BEFORE] = self._two(before)[DECISION]
            outcomes[BIN] = two[DECISION] if cuts is None else cuts.bins(two[SCORE])
            cubes.add(batch.cube(tuple(self.by), outcomes))
        return cubes.whole

    def sizes(self) -> Cube:
        """Count them over the crossings alone."""
        cubes = Cubes()
        for batch, _ in self._pairs():
            cubes.add(batch.cube(tuple(self.by), {}))
        return cubes.whole

    def _pairs(self) -> Iterator[tuple[Batch, Batch | None]]:
        if self.before is None:
            for rows in iter_batches(self.path, categorical=self.by):
                yield self._batch(rows), None
            return
        names = (self.before.stem, self.path.stem)
        for before, after in side_by_side(self.before, self.path, self.by, names, self.task):
            yield self._batch(after), self._batch(before)

    def _batch(self, rows: pa.RecordBatch) -> Batch:
        # Which rows depend on each other is not asked here, and would be counted cluster by cluster.
        rows = rows.drop_columns([CLUSTER]) if CLUSTER in rows.schema.names else rows
        return Batch(rows, *row_slices(rows, self.by))

    def _two(self, batch: Batch) -> Columns:
        assert self.task.as_two is not None
        return self.task.as_two(batch, self.classes)


def histogram(cube: Cube, by: Sequence[str], bins: int, cells: dict[Key, int]) -> dict[str, Any]:
    """Return the cube's counts as the page reads them; ``cells`` gains the crossings that it lacks.

    Returns
    -------
    dict
        ``at``: the place (crossing, label, decision before where it is known, bin) of each count that is not
        0, as the step from the one before; ``n`` the rows there; ``w`` and ``s`` the sums of their weights
        and squared weights; ``joint`` and ``labelled`` whether the decision before and the label are known.
    """
    place, keys = cube.slice_codes(by)
    where = np.array([cells.setdefault(key, len(cells)) for key in keys], np.int64)[place] * 2
    where += cube.outcome(LABEL, "1") if LABEL in cube.axes else 0
    joint = BEFORE in cube.axes
    if joint:
        where = where * 2 + cube.outcome(BEFORE, "1")
    axis = cube.axis(BIN)
    level = np.array([int(name) for name in cube.levels[axis]], np.int64)[cube.codes[:, axis]]
    where = where * bins + level
    order = np.argsort(where)
    found: dict[str, Any] = {
        "joint": joint,
        "labelled": LABEL in cube.axes,
        "at": np.diff(where[order], prepend=0).tolist(),
        "n": cube.counts[order].tolist(),
    }
    if cube.weights is not None and cube.squares is not None:
        found |= {"w": cube.weights[order].tolist(), "s": cube.squares[order].tolist()}
    return found
