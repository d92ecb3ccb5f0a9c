"""The counts behind the page: rows of every crossing of the features, by label, score and variant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..audit.figures.measure import row_slices
from ..datasets.read import iter_batches
from ..metrics.counts import DECISION, LABEL
from ..metrics.cube import Cube, Cubes
from ..tasks.cases import CLUSTER, SCORE, Batch
from .cuts import Cuts

BIN = "bin"
"""Axis of the cube: the bin of a row's score, or its decision where no threshold makes it."""

Key = tuple[str, ...]


def counted(path: Path, by: Sequence[str], cuts: Cuts | None) -> Cube:
    """Count a file of predictions over crossings, label and bin, batch by batch.

    Parameters
    ----------
    cuts : Cuts or None
        None: the two bins are the decisions.
    """
    cubes = Cubes()
    for batch in iter_batches(path, categorical=by):
        # Which rows depend on each other is not asked here, and would be counted cluster by cluster.
        rows = batch.drop_columns([CLUSTER]) if CLUSTER in batch.schema.names else batch
        read = Batch(rows, *row_slices(rows, by))
        outcomes = {LABEL: read.number(LABEL)} if LABEL in read.names else {}
        outcomes[BIN] = read.number(DECISION) if cuts is None else cuts.bins(read.number(SCORE))
        cubes.add(read.cube(tuple(by), outcomes))
    return cubes.whole


def histogram(cube: Cube, by: Sequence[str], bins: int, cells: dict[Key, int]) -> dict[str, list[Any]]:
    """Return the cube's counts as the page reads them; ``cells`` gains the crossings that it lacks.

    Returns
    -------
    dict
        ``at``: the place (crossing, label, bin) of each count that is not 0, as the step from the one
        before; ``n`` the rows there; ``w`` and ``s`` the sums of their weights and squared weights.
    """
    place, keys = cube.slice_codes(by)
    cell = np.array([cells.setdefault(key, len(cells)) for key in keys], np.int64)[place]
    label = cube.outcome(LABEL, "1") if LABEL in cube.axes else np.zeros(len(cell), bool)
    axis = cube.axis(BIN)
    level = np.array([int(name) for name in cube.levels[axis]], np.int64)[cube.codes[:, axis]]
    where = (cell * 2 + label) * bins + level
    order = np.argsort(where)
    found: dict[str, list[Any]] = {
        "at": np.diff(where[order], prepend=0).tolist(),
        "n": cube.counts[order].tolist(),
    }
    if cube.weights is not None and cube.squares is not None:
        found |= {"w": cube.weights[order].tolist(), "s": cube.squares[order].tolist()}
    return found
