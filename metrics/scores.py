"""Scores, gathered batch by batch and sorted once for all slices.

Up to ``EXACT_ROWS`` rows every score is kept. Beyond, scores are counted in a fine histogram and the
figures carry the bound on what the rounding can change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .intervals import Floats

EXACT_ROWS = 5_000_000
BINS = 1 << 16
KEY_BITS = 24
"""Low bits of an entry's key: the label and 23 bits of the bin; the slice stands above."""

MERGE_ENTRIES = 4_000_000
MOST_CELLS = 1 << 25
"""Bins of all slices and labels up to which every one has a place of its own."""


@dataclass(frozen=True)
class ScoreTable:
    """Scores in ascending order, each entry one row or one bin of equal slice and label.

    Attributes
    ----------
    codes : int array of shape (entries,)
        Position of the entry's slice in ``keys``.
    by, keys
        The slice columns and the distinct combinations of their values.
    score : float array of shape (entries,)
    tie : array of shape (entries,)
        Entries of equal value tie: the score itself, or its bin.
    label : bool array of shape (entries,) or None
    count, weight, square : arrays of shape (entries,)
        Rows, sum of weights and of squared weights.
    cluster : int array of shape (entries,) or None
    exact : bool
        False when scores were counted in bins.
    probability : bool
        Whether the scores lie in [0, 1] by what they are.
    """

    codes: NDArray[np.int64]
    by: tuple[str, ...]
    keys: list[tuple[str, ...]]
    score: Floats
    tie: NDArray[Any]
    label: NDArray[np.bool_] | None
    count: NDArray[np.int64]
    weight: Floats
    square: Floats
    cluster: NDArray[np.int64] | None = None
    exact: bool = True
    probability: bool = False

    @classmethod
    def of_rows(
        cls,
        by: tuple[str, ...],
        keys: list[tuple[str, ...]],
        code: NDArray[Any],
        score: Floats,
        label: NDArray[np.bool_] | None = None,
        weight: Floats | None = None,
        cluster: NDArray[np.int64] | None = None,
        *,
        probability: bool = False,
    ) -> ScoreTable:
        """The table of rows in any order: each row's slice, score, label, weight and cluster."""
        order = np.argsort(score)
        ones = np.ones(len(score))
        w = ones if weight is None else weight[order]
        ordered = score[order]
        return cls(
            code[order].astype(np.int64),
            by,
            keys,
            ordered,
            ordered,
            None if label is None else label[order],
            ones.astype(np.int64),
            w,
            w if weight is None else w * w,
            None if cluster is None else cluster[order],
            probability=probability,
        )

    def __len__(self) -> int:
        return len(self.score)

    @cached_property
    def weighted(self) -> bool:
        """Whether any row's weight is not 1."""
        return bool(np.any(self.weight != self.count))

    @cached_property
    def _cache(self) -> dict[str, NDArray[Any]]:
        return {}

    def cached(self, name: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Sums that every partition needs, computed once."""
        if name not in self._cache:
            self._cache[name] = compute()
        return self._cache[name]

    def labels(self) -> NDArray[np.bool_]:
        """The labels; ValueError when the rows have none."""
        if self.label is None:
            raise ValueError("labels are needed for this metric, the table has none")
        return self.label

    def sum(self, values: NDArray[Any]) -> Floats:
        """Sum of a value per entry, by the table's own slices."""
        return np.bincount(self.codes, values, len(self.keys)).astype(float)

    @cached_property
    def totals(self) -> tuple[Floats, Floats, Floats]:
        """Rows, weight and squared weight, by the table's own slices."""
        rows = self.sum(self.count)
        weight = self.sum(self.weight) if self.weighted else rows
        return rows, weight, weight if self.square is self.weight else self.sum(self.square)

    @cached_property
    def extremes(self) -> tuple[Floats, Floats]:
        """Smallest and largest score, by the table's own slices; infinite where there is none."""
        low, high = np.full(len(self.keys), np.inf), np.full(len(self.keys), -np.inf)
        # Scores ascend, and of several values given to one place the last stays.
        high[self.codes] = self.score
        low[self.codes[::-1]] = self.score[::-1]
        return low, high

    def median(self) -> float:
        """Median score of all rows, weights aside; of an even number halfway between the middle two."""
        ends = np.cumsum(self.count)
        rows = int(ends[-1]) if len(ends) else 0
        if not rows:
            return float("nan")
        middle = np.searchsorted(ends, [(rows - 1) // 2, rows // 2], side="right")
        return float(self.score[middle].mean())

    def above(self, value: float) -> NDArray[np.int64]:
        """Rows whose score is above a value, by the table's own slices."""
        return self.sum(np.where(self.score > value, self.count, 0)).astype(np.int64)

    def project(self, by: Sequence[str], keys: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
        """Position in ``keys``, the slices of the columns ``by``, of each of the table's slices."""
        where = [self.by.index(b) for b in by]
        index = {key: i for i, key in enumerate(keys)}
        return np.array([index[tuple(key[w] for w in where)] for key in self.keys], np.int64)


@dataclass
class ScoreCollector:
    """Gathers batches into a `ScoreTable`.

    Parameters
    ----------
    by : tuple of str
        Slice columns of the batches.
    probability : bool
        Whether scores lie in [0, 1]; bins are then equally wide, else a thousandth of the number wide.
    exact_rows : int
        Rows kept exactly; beyond, scores are counted in bins.
    """

    by: tuple[str, ...]
    probability: bool
    exact_rows: int = EXACT_ROWS
    rows: int = 0
    _index: dict[tuple[str, ...], int] = field(default_factory=dict)
    _clusters: list[pa.DictionaryArray] = field(default_factory=list)
    _parts: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    _binned: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    _labelled: bool = False
    _dense: _DenseBins | None = None

    def add(
        self,
        slices: NDArray[np.int64],
        keys: Sequence[tuple[str, ...]],
        score: Floats,
        label: NDArray[np.bool_] | None,
        weight: Floats | None,
        cluster: pa.DictionaryArray | None = None,
    ) -> None:
        """Take one batch: each row's slice (a position in ``keys``), score, label, weight, cluster."""
        known = np.array([self._index.setdefault(key, len(self._index)) for key in keys], np.int32)
        # Mostly every batch has the slices of the first one, in the same order.
        same = bool(np.all(known == np.arange(len(known))))
        code = slices.astype(np.int32, copy=False) if same else known[slices]
        part: dict[str, NDArray[Any]] = {"code": code, "score": score}
        if label is not None:
            part["label"] = label
            self._labelled = True
        if weight is not None:
            part["weight"] = weight
        if cluster is not None:
            self._clusters.append(cluster)
        self.rows += len(score)
        self._parts.append(part)
        # Clusters are needed row by row, so a clustered table is always kept exactly.
        if cluster is None and self.rows > self.exact_rows:
            self._count()

    @property
    def _in_bins(self) -> bool:
        return bool(self._binned) or self._dense is not None

    def _count(self) -> None:
        """Count the rows that wait in bins."""
        if self.probability and not self._binned and 2 * BINS * len(self._index) <= MOST_CELLS:
            self._dense = self._dense or _DenseBins()
            for part in self._parts:
                self._dense.add(part, len(self._index))
        else:
            if self._dense is not None:
                self._binned, self._dense = [_keyed(self._dense.entries())], None
            self._binned += [self._bin(p) for p in self._parts]
            if sum(len(b["key"]) for b in self._binned) > MERGE_ENTRIES:
                self._binned = [_merged(self._binned)]
        self._parts = []

    def _bin(self, part: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        entries = {
            "code": part["code"].astype(np.int64),
            "label": part.get("label", np.zeros(1, bool)),
            "place": _bins(part["score"], self.probability),
            "count": np.ones(len(part["code"]), np.int64),
            "total": part["score"],
        }
        if "weight" in part:
            entries |= {"weight": part["weight"], "square": part["weight"] ** 2}
        return _merged([_keyed(entries)])

    def table(self) -> ScoreTable:
        """All scores gathered, sorted."""
        keys = list(self._index)
        if self._in_bins:
            held = self._dense.entries() if self._dense is not None else _by_score(_merged(self._binned))
            weights = held["weight"] if "weight" in held else held["count"].astype(float)
            return ScoreTable(
                held["code"], self.by, keys, held["total"] / held["count"], held["place"],
                held["label"] if self._labelled else None, held["count"], weights,
                held.get("square", weights), exact=False, probability=self.probability,
            )  # fmt: skip

        def join(name: str) -> NDArray[Any] | None:
            found = [p[name] for p in self._parts if name in p]
            return np.concatenate(found) if found else None

        score, code = join("score"), join("code")
        return ScoreTable.of_rows(
            self.by, keys,
            np.zeros(0, np.int32) if code is None else code,
            np.zeros(0) if score is None else score,
            join("label"), join("weight"), cluster_codes(self._clusters), probability=self.probability,
        )  # fmt: skip


class _DenseBins:
    """Rows, scores and weights summed in bins that each have a place: nothing is sorted.

    Rows and scores, and weights and squares, are the two halves of a complex number: bins are scattered over
    memory, and each is looked up once.
    """

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.complex128]] = {}

    def add(self, part: dict[str, NDArray[Any]], slices: int) -> None:
        """Add the rows of a batch; ``slices`` have been seen so far."""
        # Numbers of 32 bits hold MOST_CELLS, and half as many bytes are moved.
        cell = part["code"] << 1
        if "label" in part:
            cell |= part["label"]
        cell *= BINS
        cell += _bins(part["score"], True)
        both = np.empty(len(cell), np.complex128)
        values: dict[str, tuple[Any, Any]] = {"rows": (1, part["score"])}
        if "weight" in part:
            values["weights"] = part["weight"], part["weight"] ** 2
        for name, (first, second) in values.items():
            both.real, both.imag = first, second
            # Row by row, so that sums do not depend on how rows come in batches.
            np.add.at(self._held(name, 2 * BINS * slices), cell, both)

    def _held(self, name: str, size: int) -> NDArray[np.complex128]:
        held = self._sums.get(name, np.zeros(0, np.complex128))
        if len(held) < size:
            self._sums[name] = held = np.concatenate([held, np.zeros(size - len(held), held.dtype)])
        return held

    def entries(self) -> dict[str, NDArray[Any]]:
        """The sums of the bins that hold rows, with slice, label and bin, in the order of their scores."""
        rows = self._sums["rows"].reshape(-1, BINS)
        # Numbers of 32 bits, as in `add`.
        there = np.flatnonzero((rows.real > 0).T).astype(np.int32)
        place = there // np.int32(len(rows))
        group = there - place * np.int32(len(rows))
        held = group * np.int32(BINS) + place
        sums = rows.ravel()[held]
        entries: dict[str, NDArray[Any]] = {
            "code": (group >> 1).astype(np.int64),
            "label": (group & 1).astype(bool),
            "place": place,
            "count": sums.real.astype(np.int64),
            "total": sums.imag,
        }
        if "weights" in self._sums:
            weights = self._sums["weights"][held]
            entries |= {
                "weight": np.ascontiguousarray(weights.real),
                "square": np.ascontiguousarray(weights.imag),
            }
        return entries


def cluster_codes(batches: Sequence[Any]) -> NDArray[np.int64] | None:
    """One code per row for its cluster's name, over all batches; None without any."""
    if not batches:
        return None
    encoded = [b if isinstance(b, pa.DictionaryArray) else pa.array(b).dictionary_encode() for b in batches]
    joined = pa.chunked_array(encoded).unify_dictionaries()
    return np.concatenate([chunk.indices.to_numpy() for chunk in joined.chunks]).astype(np.int64)


def _merged(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The sums of all parts per distinct key, in the order of the keys."""
    joined = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    order = np.argsort(joined["key"])
    key = joined.pop("key")[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return {"key": key[first]} | {
        name: np.add.reduceat(values[order], first) if len(first) else values
        for name, values in joined.items()
    }


def _keyed(entries: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Entries with slice, label and bin in one key."""
    code, label, place = (entries.pop(name) for name in ("code", "label", "place"))
    return {"key": code << KEY_BITS | label.astype(np.int64) << (KEY_BITS - 1) | place} | entries


def _by_score(sums: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Sums by key in the order of their bins, those of one bin by slice and label, as entries again."""
    key = sums.pop("key")
    place = key & ((1 << (KEY_BITS - 1)) - 1)
    order = np.argsort(place, kind="stable")
    parts = {"code": key >> KEY_BITS, "label": (key >> (KEY_BITS - 1) & 1).astype(bool), "place": place}
    return {name: values[order] for name, values in (parts | sums).items()}


def _bins(score: Floats, probability: bool) -> NDArray[np.integer[Any]]:
    if probability:
        place = (score * BINS).astype(np.int32)
        return np.minimum(place, BINS - 1, out=place)
    # The bits of a float order like the number; keeping sign, exponent and ten more bits gives bins of
    # a thousandth of the number whatever the scale.
    bits = (score + 0.0).view(np.int64)
    ordered = np.where(bits < 0, np.int64(-(2**63)) - bits - 1, bits)
    return np.asarray((ordered >> 42) + (1 << 21))
