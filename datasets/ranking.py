"""Items that are ranked for a query: who asks, what is shown, and how relevant it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..told import tell, tell_n
from .amounts import row_weights
from .classes import one_value
from .columns import clusters, listed
from .errors import InputError, number_of
from .numbers import CellError, missing_in
from .regression import Target
from .spelling import as_ids, word

APART = "\x1f"
"""Between a query and an item where a pair of both is one text."""


@dataclass
class Ranking:
    """Columns that say which item was ranked for which query, and how relevant it is.

    Parameters
    ----------
    query, item : str
        Columns; a pair of both occurs once.
    relevance : str, optional
        Column of numbers of at least 0; true and false are 1 and 0.
    weight, cluster : str, optional
        Columns of which a query has one value: its rows have it all.
    """

    query: str
    item: str
    relevance: str | None = None
    weight: str | None = None
    cluster: str | None = None
    _held: dict[str, list[pa.Table]] = field(default_factory=dict)
    _queries: list[NDArray[np.uint64]] = field(default_factory=list)
    _pairs: list[NDArray[np.uint64]] = field(default_factory=list)

    task = "ranking"
    ahead = texts = named = names = ()
    reserved = ("query", "item", "rank", "y_pred")

    def __post_init__(self) -> None:
        self.target = Target(self.relevance, "relevance") if self.relevance else None

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return [name for name in (self.query, self.item, self.relevance) if name]

    @property
    def ids(self) -> tuple[str, ...]:
        """Columns whose values are names, as they came."""
        return (self.query, self.item)

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that cannot have its role, whatever its values are."""
        one_value(column, name, {self.query: "query", self.item: "item"}.get(name, "relevance"))

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table: ``query``, ``item`` and, where given, ``y_true``."""
        out = {"query": self._names(batch, self.query), "item": self._names(batch, self.item)}
        if self.target is not None:
            column = batch.column(self.target.column)
            held = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
            values = self.target.read(held)
            if (values < 0).any():
                raise CellError(
                    f"relevance column '{self.relevance}': expected numbers of at least 0",
                    self.target.column,
                    f"{values[values < 0][0]:g}",
                )
            out["y_true"] = pa.array(values)
        for role, column in self._of_queries:
            values = (
                row_weights(batch.column(column), column)
                if role == "weight"
                else (clusters(batch.column(column)).cast(pa.string()))
            )
            self._held.setdefault(column, []).append(
                _distinct(pa.table({"query": out["query"], "value": values}))
            )
        self._queries.append(_hashed(out["query"]))
        self._pairs.append(_hashed(_pairs(out["query"], out["item"])))
        return out

    def _names(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        role = "query" if name == self.query else "item"
        found = as_ids(batch.column(name)).cast(pa.string())
        blank = pc.or_kleene(pc.is_null(found), pc.equal(found, ""))
        if rows := int(pc.sum(blank).as_py() or 0):
            raise missing_in(f"{role} column '{name}'", name, rows)
        return found

    @property
    def _of_queries(self) -> list[tuple[str, str]]:
        """Role and column of what a query has one of."""
        roles = {"weight": self.weight, "cluster": self.cluster}
        return [(role, name) for role, name in roles.items() if name]

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[np.float64]:
        """The relevances of `truth` as a model learns them."""
        if "y_true" not in truth:
            raise InputError("data.relevance: rows without a relevance have nothing to learn from")
        return np.asarray(truth["y_true"].to_numpy(), float)

    def check_learnable(self) -> None:
        """InputError where all relevances are equal: nothing can be learned from them."""
        if self.target is not None:
            self.target.check_learnable()

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """InputError where an item stands twice in a query, or rows of one differ in weight or cluster.

        Parameters
        ----------
        batches : callable
            Gives the rows from the start again: only where the hashes of two pairs are equal.
        """
        for role, column in self._of_queries:
            check_one_each(self._held.get(column, []), role, column, where)
        hashes = np.concatenate(self._pairs) if self._pairs else np.zeros(0, np.uint64)
        if len(np.unique(hashes)) == len(hashes):
            return
        check_pairs([pairs(b, self.query, self.item) for b in batches()], self.query, self.item, where)

    def warnings(self) -> list[str]:
        """What is to be told of the queries: those with one item only, and that none has a relevant one."""
        if not self._queries:
            return []
        out = []
        if self.target is not None and self.target.rows and self.target.most <= 0:
            out.append(
                tell(
                    "No query has a relevant item (column {column} is 0 in every row): figures that need one "
                    "have no value.",
                    column=self.relevance,
                )
            )
        sizes = np.unique(np.concatenate(self._queries), return_counts=True)[1]
        alone = int((sizes == 1).sum())
        if not alone:
            return out
        return [
            *out,
            tell_n(
                "{n} of {all} queries has one item only, for which every order is the best.",
                "{n} of {all} queries have one item only, for which every order is the best.",
                alone, n=f"{alone:,}", all=f"{len(sizes):,}",
            )
        ]  # fmt: skip

    @property
    def never(self) -> dict[str, list[str]]:
        """No values of it are named anywhere."""
        return {}


def pairs(rows: pa.RecordBatch | pa.Table, query: str, item: str) -> pa.Array:
    """Return the query and the item of each row as one text."""
    return _pairs(*(as_ids(rows.column(name)).cast(pa.string()) for name in (query, item)))


def check_pairs(found: Sequence[pa.Array], query: str, item: str, where: str) -> None:
    """InputError where an item stands twice in the list of a query, naming the first few."""
    counted = pa.chunked_array(found, pa.string()).value_counts()
    twice = counted.filter(pc.greater(pc.struct_field(counted, "counts"), 1))
    if not len(twice):
        return
    shown = listed([shown_pair(one["values"]) for one in twice.slice(0, 5).to_pylist()], 5)
    occur = "occurs" if len(twice) == 1 else "occur"
    raise InputError(
        f"{where}: {number_of(len(twice), 'pair')} of query and item ({query}, {item}) {occur} more than "
        f"once, such as {shown}; expected every item once for a query"
    )


def check_one_each(held: Sequence[pa.Table], role: str, column: str, where: str) -> None:
    """InputError where rows of a query have several values of a column, naming the first query and two.

    A query counts once, with one weight and in one cluster: of several, the order of the rows would decide.
    """
    if not held:
        return
    found = _distinct(pa.concat_tables(held))
    counted = found.column("query").value_counts()
    several = counted.filter(pc.greater(pc.struct_field(counted, "counts"), 1))
    if not len(several):
        return
    query = several[0]["values"]
    values = found.filter(pc.equal(found.column("query"), query)).column("value").to_pylist()
    one, other = ("none" if value is None else word(value) for value in values[:2])
    more = (
        f" (and in {number_of(len(several) - 1, 'more query', 'more queries')})" if len(several) > 1 else ""
    )
    raise InputError(
        f"{where}: {role} column '{column}' holds {one} and {other} in the query {query.as_py()!r}{more}; "
        f"expected one {role} for all rows of a query"
    )


def _distinct(rows: pa.Table) -> pa.Table:
    """Rows that differ, in the order in which they first came."""
    return rows.group_by(rows.column_names, use_threads=False).aggregate([])


def shown_pair(text: str) -> str:
    """Return a pair for a message."""
    return text.replace(APART, " / ")


def _pairs(query: pa.Array, item: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(query, item, APART)


def _hashed(texts: pa.Array) -> NDArray[np.uint64]:
    import pandas as pd

    return np.asarray(pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False), np.uint64)
