"""Entities as cells of macro figures: each is of one type, true or marked or both, and there is no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .confusion import BEFORE, Among, Confusion
from .counts import DECISION, LABEL
from .cube import Cube


class EntityOutcomes(Confusion):
    """Counts per slice and entity that is true, marked, or both; what is neither counts as none."""

    @classmethod
    def typed(
        cls,
        cube: Cube,
        kind: str,
        by: Sequence[str],
        types: Sequence[str],
        decisions: Sequence[str] = (DECISION,),
    ) -> EntityOutcomes:
        """Draw the cells of every observed slice of ``by``.

        Parameters
        ----------
        cube : Cube
            Its axis ``kind`` has the types for levels, and another one of cells that are no entities; those
            of the label and of ``decisions`` say whether an entity is true and marked.
        by, types, decisions : sequences of str
        """
        owner, keys = cube.slice_codes(by)
        levels = cube.levels[cube.axis(kind)]
        place = cube.positions(kind, [*types, *(level for level in levels if level not in types)])
        held = place < len(types)
        columns = [np.where(cube.outcome(a, "1") & held, place, len(types)) for a in (LABEL, *decisions)]
        pairs = cube.pairs(owner)
        pair_owner, pair_cluster, pair = (None, None, None) if pairs is None else pairs
        return cls(
            tuple(by), keys, tuple(types), owner, np.stack(columns, axis=1), np.where(held, cube.counts, 0),
            None if cube.weights is None else np.where(held, cube.weights, 0.0),
            None if cube.squares is None else np.where(held, cube.squares, 0.0),
            pair, pair_owner, pair_cluster,
        )  # fmt: skip

    def occurs(self, among: Among, decision: int = BEFORE) -> NDArray[np.bool_]:
        """Which types occur in each slice, of shape (slices, types)."""
        wider = replace(self, classes=(*self.classes, ""))
        return Confusion.occurs(wider, among, decision)[:, :-1]
