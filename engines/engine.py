"""What an engine does for an audit: rows stay where they are, cells and matched rows come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import pyarrow as pa

from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of

Rows = TypeVar("Rows")
Order = Sequence[tuple[str, Literal["ascending", "descending"]]]
TOLD = 5
"""Keys that are named in a message."""


@dataclass(frozen=True)
class Keys:
    """Keys of one side of a join that cannot be matched: how many, and the first of them in words."""

    number: int
    first: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True)
class Joined(Generic[Rows]):
    """Two sets of rows matched by a key.

    Attributes
    ----------
    before, after : rows
        Those whose key both hold, in the order of the former; nothing to rely on where a key occurs twice.
    alone : pair of Keys
        The keys that only the rows before have, and only those after.
    twice : pair of Keys
        The keys that occur more than once on either side.
    """

    before: Rows
    after: Rows
    alone: tuple[Keys, Keys]
    twice: tuple[Keys, Keys]

    def refuse_twice(self, names: tuple[str, str], key: tuple[str, str] = ("id", "ids")) -> None:
        """InputError where a key occurs twice on a side, which ``names`` names; the line counts and names.

        ``key`` is what one and several of them are called.
        """
        for found, name in zip(self.twice, names, strict=True):
            if found:
                occur = number_of(found.number, f"{key[0]} occurs", f"{key[1]} occur")
                raise InputError(f"{name}: {occur} more than once, such as {listed(found.first, TOLD)}")

    def refuse_strays(self, names: tuple[str, str], key: tuple[str, str] = ("id", "ids")) -> None:
        """InputError where one side alone has a key; the line counts and names them."""
        for found, one, other in zip(self.alone, names, names[::-1], strict=True):
            if found:
                raise InputError(
                    f"{one}: {found.number:,} of its {key[1]} are not in {other}, such as "
                    f"{listed(found.first, TOLD)}; expected the same rows"
                )


class Engine(Protocol[Rows]):
    """Groups, adds, joins and sorts the rows that it holds.

    Two engines give the same cells, to the last count and weights to 1e-9.
    """

    def cells(self, rows: Rows, axes: Sequence[str], sums: Sequence[Sequence[str]]) -> pa.Table:
        """Group rows and add.

        Parameters
        ----------
        rows
        axes : sequence of str
            Columns to group by; a null is a value of its own.
        sums : sequence of sequences of str
            The columns whose product each sum is of: ``()`` counts rows, ``("weight", "weight")`` adds
            squared weights.

        Returns
        -------
        pyarrow.Table
            A row for each observed combination: the axes, then the sums, in this order. Whole numbers add up
            to int64, others to float64.
        """
        ...

    def joined(self, before: Rows, after: Rows, key: str) -> Joined[Rows]:
        """Match rows by a key; as text, where the two hold it in different types."""
        ...

    def ordered(self, rows: Rows, order: Order) -> pa.Table:
        """The rows sorted by columns, nulls last; rows that tie keep their order where they have one."""
        ...
