"""Rows of (query, item) with the item's rank: values of rows, and of whole queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..metrics.counts import LABEL
from ..metrics.cube import Cube
from ..metrics.estimators import Need
from ..metrics.exposure import Curves, curves
from ..metrics.intervals import Floats
from ..metrics.paired_scores import PairedScores
from ..metrics.ranked import Ranked, places_within
from ..metrics.rows import Rows
from ..metrics.scores import ScoreTable
from .cases import Batch, By, Cases, Pairs
from .class_cases import Coded
from .task import Kind, Said, Two

QUERY, ITEM, RANK, RELEVANCE, SCORE = "query", "item", "rank", LABEL, "score"
EXPOSURE, TOP, CHANCE = "exposure", "in the first ranks", "chance of the first ranks"
SIDES = ("before ", "after ")
Keys = Sequence[tuple[str, ...]]


def _clusters(batch: Batch) -> pa.DictionaryArray:
    """The rows' clusters: those given, else their queries."""
    if batch.cluster is not None:
        return batch.cluster
    column = batch.rows.column(QUERY)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(pa.int32()), encoded.dictionary.cast(pa.string())
    )


class Ranks:
    """Rows of queries, gathered batch by batch, ranked once or twice.

    Parameters
    ----------
    by : tuple of str
    most : int or None
        The last rank that counts.
    sides : tuple of str
        Before the name of the column of each ranking.
    """

    def __init__(self, by: By, most: int | None, sides: Sequence[str]) -> None:
        self.most, self.sides = most, sides
        self.rows = Rows(by)
        self._coded, self._items = Coded(), Coded()
        self._clustered = False
        self._ranked: dict[str, Ranked] = {}

    def add(self, batch: Batch, ranks: Sequence[NDArray[np.int64]]) -> None:
        """Take a batch, with the ranks of each side."""
        columns = {QUERY: self._coded.codes(batch.rows.column(QUERY))}
        columns[ITEM] = self._items.codes(batch.rows.column(ITEM))
        columns |= {side + RANK: rank for side, rank in zip(self.sides, ranks, strict=True)}
        if RELEVANCE in batch.names:
            columns[RELEVANCE] = batch.number(RELEVANCE)
        self._clustered = batch.cluster is not None
        self.rows.add(batch.slices, batch.keys, columns, batch.weight, _clusters(batch))
        self._ranked.clear()

    @property
    def queries(self) -> int:
        """How many queries there are."""
        return len(self._coded.names)

    def ranked(self, side: str) -> Ranked:
        """One of the rankings."""
        if side not in self._ranked:
            query, rank = (self.rows.values(name) for name in (QUERY, side + RANK))
            self._ranked[side] = Ranked(query, rank, self.queries)
        return self._ranked[side]

    def value(self, name: str, side: str) -> str:
        """Derive a value of each row; its name among the rows' columns."""
        if name == RELEVANCE:
            return name
        found, ranked = side + name, self.ranked(side)
        if name == EXPOSURE:
            self.rows.derive(found, lambda of: ranked.exposure(self.most))
        else:
            top, chance = ranked.top(self.most or int(ranked.rank.max(initial=1)))
            self.rows.derive(found, lambda of: top if name == TOP else chance)
        return found

    def ndcg(self, side: str) -> Floats:
        """NDCG of each query."""
        return self.ranked(side).ndcg(self.rows.values(RELEVANCE), self.most)

    def shares(self, side: str) -> tuple[Floats, Floats]:
        """Each row's share of its query's exposure and of its relevance; nan in queries without either."""
        ranked = self.ranked(side)
        got, due = ranked.share(ranked.exposure(self.most)), ranked.share(self.rows.values(RELEVANCE))
        counts = np.isfinite(got) & np.isfinite(due)
        return np.where(counts, got, np.nan), np.where(counts, due, np.nan)

    def within(self, by: By, keys: Keys) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.bool_]]:
        """Each query's first row, its slice of ``by``, and whether all its rows lie in that slice."""
        owner, query = self.rows.owner(by, keys), self.rows.values(QUERY)
        first = np.zeros(self.queries, np.intp)
        first[query[::-1]] = np.arange(len(query))[::-1]
        apart = np.bincount(query, owner != owner[first][query], self.queries) > 0
        return first, owner[first], ~apart

    def splits(self, by: By, keys: Keys, counted: NDArray[np.bool_] | None = None) -> bool:
        """Whether some query (with a row that counts) has rows of several slices."""
        apart = ~self.within(by, keys)[2][self.rows.values(QUERY)]
        return bool((apart if counted is None else apart & counted).any())

    def of_queries(self, by: By, keys: Keys, values: Floats) -> tuple[NDArray[np.bool_], Parts]:
        """The queries that lie in one slice and have a value, with slice, weight and cluster of each."""
        first, owner, whole = self.within(by, keys)
        held = whole & np.isfinite(values)
        weight, cluster = (self.rows.column(name) for name in ("weight", "cluster"))
        # Queries that nothing else holds together vary by themselves.
        kept = (weight, cluster if self._clustered else None)
        return held, Parts(owner[held], *(None if part is None else part[first][held] for part in kept))


class Parts(NamedTuple):
    """What a query is beside its value: its slice, weight and cluster, arrays of shape (queries,)."""

    code: NDArray[np.int64]
    weight: Floats | None
    cluster: NDArray[np.int64] | None


class RankCases(Cases):
    """Rows of queries, ranked by one model."""

    def __init__(self, by: By, probability: bool = True, most: int | None = None) -> None:
        super().__init__(by, probability)
        self.ranks = Ranks(by, most, ("",))
        self._given = True

    @property
    def rows(self) -> Rows:
        """The rows."""
        return self.ranks.rows

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        cube = batch.cube(self.by, {}, _clusters(batch))
        self._cubes.add(cube)
        self._given = RANK in batch.names
        self.ranks.add(batch, [batch.number(RANK)] if self._given else [np.ones(len(batch.slices), np.int64)])
        return cube

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: label (the relevance), rank."""
        names: dict[Need, str] = {"label": RELEVANCE, "rank": RANK}
        return frozenset(need for need, column in names.items() if column in columns)

    def values(self, name: str) -> ScoreTable:
        """Exposure, relevance, or place among the first ranks, of each row."""
        return self.rows.table(self.ranks.value(name, ""), probability=name != RELEVANCE)

    def exposure(self, by: By, keys: Keys) -> Curves | None:
        """What each slice has of the exposure among the first ranks; None where no query has several."""
        if not self._given or not self.ranks.splits(by, keys):
            return None
        ranked = self.ranks.ranked("")
        due = self.rows.column(RELEVANCE)
        return curves(self.rows.sliced(by, keys), ranked.rank, ranked.exposure(), due, self.ranks.most)

    def gains(self, by: By, keys: Keys) -> ScoreTable:
        """NDCG of each query that lies in one slice of ``by``."""
        values = self.ranks.ndcg("")
        held, part = self.ranks.of_queries(by, keys, values)
        return ScoreTable.of_rows(
            by, list(keys), part.code, values[held], None, part.weight, part.cluster, probability=True
        )


class RankPairs(Pairs):
    """Rows of queries, ranked by two models."""

    def __init__(self, by: By, probability: bool = True, most: int | None = None) -> None:
        super().__init__(by, probability)
        self.ranks = Ranks(by, most, SIDES)

    @property
    def rows(self) -> Rows:
        """The rows."""
        return self.ranks.rows

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        sides = before.numbers(RANK), after.numbers(RANK)
        # Where no model ranked, nothing but relevances is asked.
        none = np.ones(len(before.slices), np.int64)
        self.ranks.add(before, [none if ranks is None else ranks for ranks in sides])

    def values(self, name: str) -> PairedScores:
        """The same values as those of `RankCases`, before and after."""
        before, after = (self.ranks.value(name, side) for side in SIDES)
        return self.rows.pairs(before, after, probability=name != RELEVANCE)

    def gains(self, by: By, keys: Keys) -> PairedScores:
        """NDCG of each query that lies in one slice of ``by``, before and after."""
        before, after = (self.ranks.ndcg(side) for side in SIDES)
        held, part = self.ranks.of_queries(by, keys, before + after)
        joined: dict[str, Any] = {**part._asdict(), "before": before[held], "after": after[held]}
        kept = {name: values for name, values in joined.items() if values is not None}
        return PairedScores(by, True, keys=list(keys), _joined=kept)


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """A column of ranks, and one of scores."""
    found: dict[str, pa.Array] = {}
    if said.rank is not None:
        found[RANK] = pa.array(said.rank, pa.int64())
    if said.score is not None:
        found[SCORE] = pa.array(said.score, pa.float64())
    return found


def outcome(name: str) -> str | None:
    """What the column of relevances is called."""
    return "relevance" if name == RELEVANCE else None


def in_common(rows: Two, places: tuple[pa.Array, pa.Array]) -> Two:
    """The rows that two rankings have in common; in a query of which some are not, ranked among each other.

    An item that one side alone has would else stand before others there, and nowhere on the other side. The
    lists that both hold whole keep their ranks, with the gaps that they may have.
    """
    kept = [table.take(place) for table, place in zip(rows, places, strict=True)]
    torn = pa.chunked_array([_left_out(*side) for side in zip(rows, places, strict=True)])
    one, other = (_ranked_anew(table, torn) for table in kept)
    return one, other


def _left_out(rows: pa.Table, places: pa.Array) -> pa.Array:
    """The query of each row that is not at these places."""
    gone = np.ones(len(rows), bool)
    gone[places.to_numpy()] = False
    return pc.cast(rows.column(QUERY).filter(pa.array(gone)), pa.string()).combine_chunks()


def _ranked_anew(rows: pa.Table, queries: pa.ChunkedArray) -> pa.Table:
    """The rows with ranks among each other in some queries."""
    if RANK not in rows.schema.names:
        return rows
    column = pc.cast(rows.column(QUERY), pa.string()).combine_chunks()
    torn = pc.is_in(column, value_set=queries.combine_chunks()).to_numpy(zero_copy_only=False)
    rank = np.array(rows.column(RANK).to_numpy())
    rank[torn] = places_within(Coded().codes(column)[torn], rank[torn])
    return rows.set_column(rows.schema.get_field_index(RANK), RANK, pa.array(rank))


def kind(name: str) -> Kind | None:
    """What stands in a column of predictions."""
    kinds: dict[str, Kind] = {
        QUERY: "word", ITEM: "word", RELEVANCE: "amount", RANK: "rank", SCORE: "order",
    }  # fmt: skip
    return kinds.get(name)
