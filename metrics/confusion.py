"""Labels and decisions of several classes per slice, and each class as a view: "is it this class?"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .codes import combined
from .counts import DECISION, LABEL, Clusters, Counts, Tally
from .cube import Cube
from .intervals import Floats
from .joint import AFTER, JointClusters, JointTally

Among = Literal["labels", "either"]
"""Classes that occur in the labels of a slice, or in its labels or decisions."""
BEFORE = 1
"""Column of ``outcomes`` that holds the decisions, those before where there are two."""


class Cells(Protocol):
    """Rows, or cells of equal rows, of slices: which class each is labelled and decided for.

    The attributes are those of `Confusion`; a cell may be of several classes.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def owner(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def counts(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def squares(self) -> Floats | None: ...  # noqa: D102
    @property
    def pair(self) -> NDArray[np.intp] | None: ...  # noqa: D102
    @property
    def pair_owner(self) -> NDArray[np.intp] | None: ...  # noqa: D102
    @property
    def pair_cluster(self) -> NDArray[np.intp] | None: ...  # noqa: D102
    @property
    def sums(self) -> Floats: ...  # noqa: D102
    @property
    def n(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def effective(self) -> Floats | None: ...  # noqa: D102
    def __len__(self) -> int: ...

    def is_label(self, place: int) -> NDArray[np.bool_]:
        """Whether each cell is labelled as a class, by the class's position."""

    def is_decided(self, place: int, decision: int) -> NDArray[np.bool_]:
        """Whether each cell is decided for a class; ``decision`` is `BEFORE`, or one more."""

    def occurs(self, among: Among, decision: int = BEFORE) -> NDArray[np.bool_]:
        """Which classes occur in each slice, of shape (slices, classes)."""


@dataclass(frozen=True)
class Confusion:
    """Counts per slice and observed cell (label, decision) or (label, decision before, decision after).

    Attributes
    ----------
    by, keys
        The slice columns, and one value per column for each slice.
    classes : tuple of str
    owner : int array of shape (cells,)
        Each cell's slice, a position in ``keys``.
    outcomes : int array of shape (cells, 2) or (cells, 3)
        Label and decisions, positions in ``classes``.
    counts : int array of shape (cells,)
    weights, squares : float arrays of shape (cells,) or None
        Sums of the rows' weights and squared weights, where rows carry weights.
    pair : int array of shape (cells,) or None
        Each cell's (slice, cluster) pair, where rows have clusters.
    pair_owner, pair_cluster : int arrays of shape (pairs,) or None
        The pairs' slices, in ascending order, and clusters.
    """

    by: tuple[str, ...]
    keys: list[tuple[str, ...]]
    classes: tuple[str, ...]
    owner: NDArray[np.int64]
    outcomes: NDArray[np.int64]
    counts: NDArray[np.int64]
    weights: Floats | None = None
    squares: Floats | None = None
    pair: NDArray[np.intp] | None = None
    pair_owner: NDArray[np.intp] | None = None
    pair_cluster: NDArray[np.intp] | None = None

    @classmethod
    def of(
        cls, cube: Cube, by: Sequence[str], classes: Sequence[str], decisions: Sequence[str] = (DECISION,)
    ) -> Confusion:
        """Draw the cells of every observed slice of ``by`` from a cube of classes.

        Parameters
        ----------
        cube : Cube
            Its axis ``y_true`` and those of ``decisions`` have the classes for levels.
        by, classes, decisions : sequences of str
            Two decisions are those before and after.

        Raises
        ------
        ValueError
            Where an axis has a level that is none of the classes.
        """
        owner, keys = cube.slice_codes(by)
        columns = [cube.positions(axis, classes) for axis in (LABEL, *decisions)]
        pairs = cube.pairs(owner)
        pair_owner, pair_cluster, pair = (None, None, None) if pairs is None else pairs
        return cls(
            tuple(by), keys, tuple(classes), owner, np.stack(columns, axis=1), cube.counts, cube.weights,
            cube.squares, pair, pair_owner, pair_cluster,
        )  # fmt: skip

    @classmethod
    def joint(cls, cube: Cube, by: Sequence[str], classes: Sequence[str]) -> Confusion:
        """Draw the cells with the decisions before and after."""
        return cls.of(cube, by, classes, (DECISION, AFTER))

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def sums(self) -> Floats:
        """Weight sums where rows carry weights, else counts, of shape (cells,)."""
        return np.asarray(self.counts if self.weights is None else self.weights, float)

    @cached_property
    def n(self) -> NDArray[np.int64]:
        """Rows of each slice."""
        return np.bincount(self.owner, self.counts, len(self)).astype(np.int64)

    @cached_property
    def effective(self) -> Floats | None:
        """Kish's effective rows, or clusters, of each slice; None for plain rows."""
        if self.pair is not None and self.pair_owner is not None:
            held = np.bincount(self.pair, self.sums, len(self.pair_owner))
            total, squares = (np.bincount(self.pair_owner, v, len(self)) for v in (held, held**2))
        elif self.squares is not None:
            total, squares = (np.bincount(self.owner, v, len(self)) for v in (self.sums, self.squares))
        else:
            return None
        with np.errstate(invalid="ignore"):
            return np.asarray(total**2 / squares, float)

    def is_label(self, place: int) -> NDArray[np.bool_]:
        """Whether each cell is labelled as a class, by the class's position."""
        return np.asarray(self.outcomes[:, 0] == place)

    def is_decided(self, place: int, decision: int) -> NDArray[np.bool_]:
        """Whether each cell is decided for a class; ``decision`` is a column of ``outcomes``."""
        return np.asarray(self.outcomes[:, decision] == place)

    def occurs(self, among: Among, decision: int = BEFORE) -> NDArray[np.bool_]:
        """Which classes occur in each slice, of shape (slices, classes)."""
        k = len(self.classes)
        there = np.zeros((len(self), k), bool)
        held = self.sums > 0
        there[self.owner[held], self.outcomes[held, 0]] = True
        if among == "either":
            there[self.owner[held], self.outcomes[held, decision]] = True
        return there

    def view(self, place: int) -> Tally:
        """The binary counts of one class, by its position: labelled so, decided so (before)."""
        flags = self._flags(place, 2)

        def counts(owner: NDArray[Any], size: int, values: NDArray[Any]) -> Counts:
            tn, fp, fn, tp = _added(owner, flags, size, values).T
            return Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn)

        clusters = None
        if self.pair is not None and self.pair_owner is not None and self.pair_cluster is not None:
            values = self.counts if self.weights is None else self.weights
            held = counts(self.pair, len(self.pair_owner), values)
            clusters = Clusters(self.pair_owner, self.pair_cluster, held)
        return Tally(
            self.by, self.keys, counts(self.owner, len(self), self.counts),
            None if self.weights is None else counts(self.owner, len(self), self.weights),
            None if self.squares is None else counts(self.owner, len(self), self.squares), clusters,
        )  # fmt: skip

    def joint_view(self, place: int) -> JointTally:
        """The joint binary counts of one class, by its position; ValueError without decisions after."""
        if self.outcomes.shape[1] != 3:
            raise ValueError("decisions before and after are needed here, got those of one side")
        flags = self._flags(place, 3)

        def cells(owner: NDArray[Any], size: int, values: NDArray[Any]) -> NDArray[Any]:
            return _added(owner, flags, size, values).reshape(size, 2, 2, 2)

        clusters = None
        if self.pair is not None and self.pair_owner is not None and self.pair_cluster is not None:
            held = cells(self.pair, len(self.pair_owner), self.sums)
            clusters = JointClusters(self.pair_owner, self.pair_cluster, held)
        return JointTally(
            self.by, self.keys, cells(self.owner, len(self), self.counts),
            None if self.weights is None else cells(self.owner, len(self), self.weights),
            None if self.squares is None else cells(self.owner, len(self), self.squares), clusters,
        )  # fmt: skip

    def _flags(self, place: int, columns: int) -> list[NDArray[np.bool_]]:
        """Each cell's answers to "is it this class?", the label standing first."""
        return [self.outcomes[:, column] == place for column in range(columns)]


def _added(
    owner: NDArray[Any], flags: Sequence[NDArray[np.bool_]], size: int, values: NDArray[Any]
) -> NDArray[Any]:
    """Sums of values per owner and combination of flags, of shape (size, combinations)."""
    sizes = [size, *(2 for _ in flags)]
    found = np.bincount(combined([owner, *flags], sizes, len(owner)), values, math.prod(sizes))
    return found.reshape(size, -1).astype(values.dtype)
