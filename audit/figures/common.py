"""The rows that two runs have in common: how many, which of them differ in what, and the changes on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...datasets.errors import InputError
from ...tasks import BINARY, Task
from ...tasks.cases import By
from ...tasks.task import ID, Key
from .match import held_by_both, joined, unequal
from .measure import Measurement, Slices
from .pairs import Paired

LEAST_COMMON = 0.5
"""Share of the rows of either run that both must hold for changes to be taken on the common rows."""
MOST_DIFFERING = 0.05
"""Share of the common rows that may differ in their outcome, a slice, weight or cluster and are left out."""

PLACE = "place"


@dataclass(frozen=True)
class Overlap:
    """What two prediction files have in common.

    Attributes
    ----------
    rows : tuple of int
        Of the earlier and of the later one.
    matched : int
        Rows of both with the same id, or what else names a row.
    differing : dict
        Of these, rows with another outcome, slice, weight or cluster, by what differs.
    same : int
        Matched rows that differ in nothing.
    before, after : pyarrow.Array
        Positions of these rows in either file, in the same order.
    key : Key
        What names a row.
    """

    rows: tuple[int, int]
    matched: int
    differing: Mapping[str, int]
    same: int
    before: pa.Array
    after: pa.Array
    key: Key = ID

    @property
    def whole(self) -> bool:
        """Whether the two hold the same rows, and nothing else."""
        return self.same == self.rows[0] == self.rows[1]

    @property
    def enough(self) -> bool:
        """Whether so many rows are common that changes are taken on these alone."""
        return self.matched >= LEAST_COMMON * max(self.rows)

    def refuse_others(self, names: tuple[str, str]) -> None:
        """InputError where too many rows of the same id are not the same."""
        apart = self.matched - self.same
        # Of a few ids that happen to be in both nothing follows.
        if apart > MOST_DIFFERING * self.matched and self.matched > MOST_DIFFERING * max(self.rows):
            kinds = self.differing.items()
            told = ", ".join(f"{n:,} in their {kind} ({n / self.matched:.1%})" for kind, n in kinds)
            raise InputError(
                f"{names[0]} and {names[1]}: of {self.matched:,} rows with the same {self.key.one} differ "
                f"{told}; at most {MOST_DIFFERING:.0%} may, expected the same rows under the same "
                f"{self.key.many}"
            )


def overlap(
    before: pa.Table,
    after: pa.Table,
    sensitive: Sequence[str],
    names: tuple[str, str],
    task: Task = BINARY,
) -> Overlap:
    """Match two prediction files by what names a row of the task.

    Raises
    ------
    InputError
        An id occurs twice in one of them.
    """
    key = task.named_by
    sides = [
        table.select(list(key.columns)).append_column(PLACE, pa.array(np.arange(len(table))))
        for table in (before, after)
    ]
    found = joined(sides[0], sides[1], key)
    found.refuse_twice(names, key.words)
    one, other = (side.column(PLACE).combine_chunks() for side in (found.before, found.after))
    kinds = {name: f"'{name}'" for name in sensitive} | {"weight": "weight", "cluster": "cluster"}
    differing: dict[str, int] = {}
    apart = np.zeros(len(one), bool)
    for name, kind in held_by_both(before, after, task, kinds, names):
        moved = unequal(before.column(name).take(one), after.column(name).take(other))
        apart[moved] = True
        differing |= {kind: len(moved)} if len(moved) else {}
    same = pa.array(~apart)
    kept = int((~apart).sum())
    sizes = len(before), len(after)
    return Overlap(sizes, len(one), differing, kept, one.filter(same), other.filter(same), key)


class Common(Paired):
    """Changes on the rows that two runs have in common, and the slices that only one of them has.

    Parameters
    ----------
    earlier, later : Measurement
        Of all rows of either run.
    """

    def __init__(
        self,
        sensitive: By,
        probability: bool,
        order: Mapping[str, Sequence[str]],
        earlier: Measurement,
        later: Measurement,
        names: tuple[str, str],
    ) -> None:
        super().__init__(sensitive, probability, order, names=names, task=earlier.task)
        self.earlier, self.later = earlier, later

    def gone(self, by: By) -> list[dict[str, str]]:
        """The slices of ``by`` that the earlier run alone has."""
        return _without(self.earlier.slices(by), self.later.slices(by))[0]

    def new(self, by: By) -> tuple[list[dict[str, str]], list[int]]:
        """The known slices of the later run of which no row is common, and their rows."""
        return _without(self.later.slices(by), self.slices(by))


def _without(slices: Slices, others: Slices) -> tuple[list[dict[str, str]], list[int]]:
    there = set(others.keys)
    found = [i for i in slices.shown if slices.keys[i] not in there and not slices.unknown[i]]
    return [slices.name(i) for i in found], [int(slices.n[i]) for i in found]
