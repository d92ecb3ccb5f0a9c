"""Rows of several labels at once, each present or not, as cells of macro figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .confusion import BEFORE, Among
from .gathered import SlicedRows
from .intervals import Floats


class LabelRows:
    """The rows of slices with their labels and decisions: each row is a cell of its own.

    Parameters
    ----------
    rows : SlicedRows
    classes : tuple of str
        The labels.
    labelled : sequence of bool arrays of shape (rows,)
        Whether each row has each of them.
    decided : sequence of sequences of such arrays
        Whether the model says so; two where it says so before and after.
    """

    def __init__(
        self,
        rows: SlicedRows,
        classes: Sequence[str],
        labelled: Sequence[NDArray[np.bool_]],
        decided: Sequence[Sequence[NDArray[np.bool_]]],
    ) -> None:
        self._rows, self._labelled, self._decided = rows, labelled, decided
        self.classes = tuple(classes)
        self.owner: NDArray[np.int64] = rows.slices
        self.counts = np.ones(len(rows.slices), np.int64)
        self.sums: Floats = rows.weight
        self.squares = rows.weight**2 if rows.weighted else None
        self.n: NDArray[np.int64] = rows.n

    def __len__(self) -> int:
        return self._rows.size

    @cached_property
    def pair(self) -> NDArray[np.intp] | None:
        """Each row's (slice, cluster) pair."""
        return None if self._rows.cluster is None else self._rows.pairs[0].astype(np.intp)

    @cached_property
    def pair_owner(self) -> NDArray[np.intp] | None:
        """The pairs' slices."""
        return None if self._rows.cluster is None else self._rows.pairs[1].astype(np.intp)

    @cached_property
    def pair_cluster(self) -> NDArray[np.intp] | None:
        """The pairs' clusters."""
        return None if self._rows.cluster is None else self._rows.pairs[2].astype(np.intp)

    @cached_property
    def effective(self) -> Floats | None:
        """Kish's effective rows, or clusters, of each slice; None for plain rows."""
        return None if self._rows.plain else self._rows.units.kish

    def is_label(self, place: int) -> NDArray[np.bool_]:
        """Whether each row has a label, by its position."""
        return self._labelled[place]

    def is_decided(self, place: int, decision: int) -> NDArray[np.bool_]:
        """Whether the model says so."""
        return self._decided[decision - BEFORE][place]

    def occurs(self, among: Among, decision: int = BEFORE) -> NDArray[np.bool_]:
        """Which labels occur in each slice, of shape (slices, labels)."""
        there = np.zeros((len(self), len(self.classes)), bool)
        for i in range(len(self.classes)):
            held = self.is_label(i)
            if among == "either":
                held = held | self.is_decided(i, decision)
            there[:, i] = np.bincount(self.owner, self.sums * held, len(self)) > 0
        return there
