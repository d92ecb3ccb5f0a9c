"""Columns of rows, and the values of a row whose means are figures: errors, outcomes, gains.

A mean of any value of a row is measured as that of a score: `Rows.table` and `Rows.pairs` put the value where
the score stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .gathered import Gathered, SlicedRows
from .intervals import Floats
from .paired_scores import PairedScores
from .scores import ScoreTable

Column = Callable[[str], NDArray[Any]]
"""A column of all rows by its name."""


@dataclass
class Rows(Gathered):
    """Columns of rows, gathered batch by batch.

    Parameters
    ----------
    by : tuple of str
        Slice columns of the batches.

    Examples
    --------
    The mean absolute error of each slice, with its limits::

        rows.derive("absolute error", lambda of: np.abs(of("y_pred") - of("y_true")))
        SlicedScores(rows.table("absolute error"), by, keys).mean(SCORE)
    """

    _derived: dict[str, NDArray[Any]] = field(default_factory=dict, kw_only=True)
    _tables: dict[tuple[str, bool, str | None, str | None], ScoreTable] = field(
        default_factory=dict, kw_only=True
    )
    _pairs: dict[tuple[str, str, bool, str | None], PairedScores] = field(default_factory=dict, kw_only=True)

    def add(
        self,
        slices: NDArray[np.int64],
        keys: Sequence[tuple[str, ...]],
        columns: Mapping[str, NDArray[Any]],
        weight: Floats | None = None,
        cluster: pa.DictionaryArray | None = None,
    ) -> None:
        """Take one batch, as `Gathered.gather`."""
        self.gather(slices, keys, columns, weight, cluster)
        for kept in (self._derived, self._tables, self._pairs):
            kept.clear()

    def values(self, name: str) -> NDArray[Any]:
        """A column or derived value of all rows; ValueError where there is none of that name."""
        found = self._derived.get(name)
        found = self.column(name) if found is None else found
        if found is None:
            raise ValueError(f"rows with a column {name!r} are needed, these have none")
        return found

    def derive(self, name: str, of: Callable[[Column], NDArray[Any]]) -> NDArray[Any]:
        """A value of each row made of other columns, computed once for a name.

        Parameters
        ----------
        name : str
            Not one of the columns.
        of : callable
            From a function that gives a column by its name to the value, of shape (rows,).
        """
        if name not in self._derived:
            self._derived[name] = of(self.values)
        return self._derived[name]

    def table(
        self, name: str, *, probability: bool = False, label: str | None = None, per: str | None = None
    ) -> ScoreTable:
        """The rows with a value for their score, sorted; those of which it is nan are left out.

        Parameters
        ----------
        name : str
            A column, or a derived value.
        probability : bool
            Whether the value lies in [0, 1] by what it is, so that no limit leaves that.
        label : str, optional
            A column of booleans.
        per : str, optional
            A column that the value is divided by and the row's weight multiplied with: the mean is then the
            ratio of the two sums. Rows of which it is 0 are left out.
        """
        key = name, probability, label, per
        if key not in self._tables:
            code, weight, cluster = (self.column(part) for part in ("code", "weight", "cluster"))
            value = np.asarray(self.values(name), float)
            assert code is not None
            labels = None if label is None else self.values(label)
            if per is not None:
                whole = np.asarray(self.values(per), float)
                value = np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0)
                weight = whole if weight is None else weight * whole
            held = np.isfinite(value)
            self._tables[key] = ScoreTable.of_rows(
                self.by, self.keys, code[held], value[held],
                *(None if part is None else part[held] for part in (labels, weight, cluster)),
                probability=probability,
            )  # fmt: skip
        return self._tables[key]

    def pairs(
        self, before: str, after: str, *, probability: bool = False, label: str | None = None
    ) -> PairedScores:
        """The rows with two values for their scores before and after; those of which one is nan are left out.

        Parameters
        ----------
        before, after : str
            Columns, or derived values.
        probability : bool
            Whether the values lie in [0, 1] by what they are.
        label : str, optional
            A column of booleans.
        """
        key = before, after, probability, label
        if key not in self._pairs:
            values = {
                side: np.asarray(self.values(n), float)
                for side, n in zip(("before", "after"), key[:2], strict=True)
            }
            held = np.isfinite(values["before"]) & np.isfinite(values["after"])
            rows = {name: self.column(name) for name in ("code", "weight", "cluster")} | values
            rows["label"] = None if label is None else self.values(label)
            self._pairs[key] = PairedScores(
                self.by, probability, keys=self.keys,
                _joined={name: part[held] for name, part in rows.items() if part is not None},
            )  # fmt: skip
        return self._pairs[key]

    def sliced(
        self, by: Sequence[str], keys: Sequence[tuple[str, ...]], among: NDArray[np.bool_] | None = None
    ) -> SlicedRows:
        """The rows by the slices ``keys`` of the columns ``by``; of some rows where ``among`` says which."""
        owner, weight, cluster = self.owner(by, keys), self.column("weight"), self.column("cluster")
        if among is not None:
            owner = owner[among]
            weight, cluster = (None if part is None else part[among] for part in (weight, cluster))
        return SlicedRows(owner, len(keys), weight, cluster)
