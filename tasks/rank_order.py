"""What the ranks of a file of predictions must be to each other, to the items and to the scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .class_cases import Coded
from .rank_cases import ITEM, QUERY, RANK, RELEVANCE, SCORE
from .task import Known, Stored


def written(known: Known) -> list[str]:
    """The columns that every file of predictions has."""
    found = [QUERY, ITEM] + ([] if known.labels is None else [RELEVANCE])
    if known.model is None:
        return found
    return [*found, RANK, *([SCORE] if {"score", "scale"} & {*known.model} else [])]


def amiss(known: Known, columns: Sequence[str], rows: Stored) -> str:
    """What of pairs, ranks and scores cannot be; empty where nothing is.

    An item stands once in the list of a query and has a rank of its own there. Where scores gave the ranks,
    the highest of a query is first and of equal ones the row that comes first in the file, as in
    `fairweigh.models.ranks`; ranks are then 1, 2, 3 ... unless other rows of the lists stand elsewhere.
    """
    names = [name for name in (QUERY, ITEM, RANK, SCORE) if name in columns]
    batches = list(rows(names))
    query, queries = _codes(batches, QUERY)
    item, items = _codes(batches, ITEM)
    twice = _again(query, item)
    if twice is not None:
        pair = f"{queries[query[twice]]} / {items[item[twice]]}"
        return f"expected every item once for a query, got {pair[:120]!r} again in row {twice + 1:,}"
    if RANK not in columns:
        return ""
    rank = _numbers(batches, RANK)
    twice = _again(query, rank)
    if twice is not None:
        return (
            f"column {RANK}: expected another rank for each item of a query, got {rank[twice]} again in row "
            f"{twice + 1:,}"
        )
    if SCORE not in columns or RANK in (known.model or {}):
        return ""
    return _not_of_scores(query, rank, _numbers(batches, SCORE), known.whole)


def _not_of_scores(
    query: NDArray[np.int64], rank: NDArray[np.int64], score: NDArray[np.float64], whole: bool
) -> str:
    """The first row whose rank is not that of its score; empty where there is none."""
    rows = np.arange(len(query))
    by_score, by_rank = np.lexsort((rows, -score, query)), np.lexsort((rank, query))
    bad = by_score != by_rank
    place = rows - np.searchsorted(query[by_score], query[by_score]) + 1
    if whole:
        bad |= rank[by_rank] != place
    if not bad.any():
        return ""
    first = int(np.argmax(bad))
    row, expected = by_score[first], f"the {_nth(int(place[first]))} of its query"
    return (
        f"column {RANK}: expected ranks that follow from the column {SCORE} (the highest of a query first, "
        f"of equal ones the first row), got {rank[row]} in row {row + 1:,}, which is {expected}"
    )


def _nth(place: int) -> str:
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending}"


def _codes(batches: Sequence[pa.RecordBatch], name: str) -> tuple[NDArray[np.int64], list[str]]:
    coded = Coded()
    return np.concatenate([coded.codes(batch.column(name)) for batch in batches]), list(coded.names)


def _numbers(batches: Sequence[pa.RecordBatch], name: str) -> NDArray[Any]:
    return np.concatenate([np.asarray(batch.column(name)) for batch in batches])


def _again(one: NDArray[Any], other: NDArray[Any]) -> int | None:
    """The first row whose pair of values an earlier row has already; None where all differ."""
    order = np.lexsort((other, one))
    same = (one[order][1:] == one[order][:-1]) & (other[order][1:] == other[order][:-1])
    # Sorting is stable: of equal pairs the later row stands behind.
    return int(order[1:][same].min()) if same.any() else None
