"""The same rows before and after a change: counts per slice and cell (label, decision before, after)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .clusters import spans
from .codes import combined
from .counts import DECISION, LABEL, Clusters, Counts, Tally
from .cube import Cube
from .intervals import Floats

AFTER = "y_after"
"""Axis of the decision after the change; the one before is the cube's ``y_pred``."""

Side = Literal["before", "after"]


@dataclass(frozen=True)
class JointClusters:
    """Weight sums of each observed (slice, cluster) pair.

    Attributes
    ----------
    owner, cluster : int arrays of shape (pairs,)
        As those of `counts.Clusters`.
    cells : float array of shape (pairs, labels, 2, 2)
    """

    owner: NDArray[np.intp]
    cluster: NDArray[np.intp]
    cells: Floats


@dataclass(frozen=True)
class JointTally:
    """Counts per slice and cell (label, decision before, decision after).

    Attributes
    ----------
    by, keys
        The slice columns and one value per column for each slice.
    counts : int array of shape (slices, labels, 2, 2)
        ``labels`` is 2, or 1 where the rows have none.
    weights, squares : float arrays of the same shape or None
        Sums of the rows' weights and squared weights, where rows carry weights.
    clusters : JointClusters or None
        Weight sums of each observed (slice, cluster) pair.
    """

    by: tuple[str, ...]
    keys: list[tuple[str, ...]]
    counts: NDArray[np.int64]
    weights: Floats | None = None
    squares: Floats | None = None
    clusters: JointClusters | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labelled(self) -> bool:
        """Whether the rows carry labels."""
        return bool(self.counts.shape[1] == 2)

    @property
    def sums(self) -> NDArray[Any]:
        """Weight sums where rows carry weights, else counts."""
        return self.counts if self.weights is None else self.weights

    def take(self, slices: Sequence[int]) -> JointTally:
        """The tally of some slices, in this order."""
        index = np.asarray(slices, np.intp)
        clusters = None
        if self.clusters is not None:
            held = self.clusters
            # Pairs stand in the order of the slices.
            start, end = (np.searchsorted(held.owner, index, side) for side in ("left", "right"))
            place, pairs = spans(start, end - start)
            clusters = JointClusters(place, held.cluster[pairs], held.cells[pairs])
        return replace(
            self,
            keys=[self.keys[i] for i in index],
            counts=self.counts[index],
            weights=None if self.weights is None else self.weights[index],
            squares=None if self.squares is None else self.squares[index],
            clusters=clusters,
        )

    def flips(self) -> Tally:
        """A tally whose selected rows are those decided otherwise, for the figures of a rate."""

        def counts(cells: NDArray[Any]) -> Counts:
            changed = cells[..., 0, 1] + cells[..., 1, 0]
            return Counts(cells.sum((1, 2, 3)), selected=changed.sum(1))

        return Tally(
            self.by,
            self.keys,
            counts(self.counts),
            None if self.weights is None else counts(self.weights),
            None if self.squares is None else counts(self.squares),
            None
            if (held := self.clusters) is None
            else Clusters(held.owner, held.cluster, counts(held.cells)),
        )


def joint(cube: Cube, by: Sequence[str] = ()) -> JointTally:
    """Draw the joint counts of every observed slice of ``by`` from a cube with both decisions.

    Parameters
    ----------
    cube : Cube
        Its axes hold ``y_pred``, ``y_after`` and, where rows have labels, ``y_true``.
    by : sequence of str
    """
    codes, keys = cube.slice_codes(by)
    labels = 2 if LABEL in cube.axes else 1
    outcomes = [cube.outcome(axis, "1") for axis in (*([LABEL] if labels == 2 else []), DECISION, AFTER)]

    def add(owner: NDArray[np.int64], size: int, values: NDArray[Any]) -> NDArray[Any]:
        cell = combined([owner, *outcomes], [size, *(2 for _ in outcomes)], len(owner))
        found = np.bincount(cell, values, size * 4 * labels)
        return found.astype(values.dtype).reshape(size, labels, 2, 2)

    weighted = cube.weights is not None and cube.squares is not None
    clusters = None
    if (found := cube.pairs(codes)) is not None:
        slices, cluster, place = found
        sums = cube.counts if cube.weights is None else cube.weights
        clusters = JointClusters(slices, cluster, add(place, len(slices), sums).astype(float))
    return JointTally(
        tuple(by),
        keys,
        add(codes, len(keys), cube.counts),
        add(codes, len(keys), cube.weights) if weighted and cube.weights is not None else None,
        add(codes, len(keys), cube.squares) if weighted and cube.squares is not None else None,
        clusters,
    )


def one_side(cells: NDArray[Any], side: Side) -> Counts:
    """Outcome counts before or after of joint cells of shape (..., labels, 2, 2)."""
    rows = cells.sum(-1) if side == "before" else cells.sum(-2)
    n, selected = rows.sum((-1, -2)), rows[..., 1].sum(-1)
    if rows.shape[-2] == 1:
        return Counts(n, selected=selected)
    fn, tp = rows[..., 1, 0], rows[..., 1, 1]
    tn, fp = rows[..., 0, 0], rows[..., 0, 1]
    return Counts(n, tp + fn, selected, tp, fp, fn, tn)
