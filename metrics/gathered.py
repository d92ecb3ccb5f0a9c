"""Rows gathered batch by batch, with their slices, weights and clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .clusters import Dependence
from .codes import crossed
from .intervals import Floats
from .scores import cluster_codes
from .units import Units


@dataclass
class Gathered:
    """Columns of rows whose slices are known.

    Parameters
    ----------
    by : tuple of str
        Slice columns of the batches.

    Attributes
    ----------
    keys : list of tuple of str
        The slices seen so far: one value per column of ``by`` each.
    """

    by: tuple[str, ...]
    keys: list[tuple[str, ...]] = field(default_factory=list, kw_only=True)
    _index: dict[tuple[str, ...], int] = field(default_factory=dict, kw_only=True)
    _clusters: list[pa.DictionaryArray] = field(default_factory=list, kw_only=True)
    _parts: list[dict[str, NDArray[Any]]] = field(default_factory=list, kw_only=True)
    _joined: dict[str, NDArray[Any]] = field(default_factory=dict, kw_only=True)

    def gather(
        self,
        slices: NDArray[np.int64],
        keys: Sequence[tuple[str, ...]],
        columns: Mapping[str, NDArray[Any]],
        weight: Floats | None = None,
        cluster: pa.DictionaryArray | None = None,
    ) -> None:
        """Take one batch.

        Parameters
        ----------
        slices : int array of shape (rows,)
            Each row's slice, a position in ``keys``.
        keys : sequence of tuple of str
        columns : mapping of str to arrays of shape (rows,)
            Every batch has the same ones.
        weight : float array of shape (rows,), optional
        cluster : pyarrow.DictionaryArray of rows, optional
        """
        known = np.array([self._index.setdefault(key, len(self._index)) for key in keys], np.int32)
        self.keys = list(self._index)
        part = {"code": known[slices], **columns}
        if weight is not None:
            part["weight"] = weight
        if cluster is not None:
            self._clusters.append(cluster)
            self._joined.pop("cluster", None)
        self._parts.append(part)

    def column(self, name: str) -> NDArray[Any] | None:
        """A column of all rows, or None where the batches had none of that name.

        ``code`` is each row's slice, a position in ``keys``, ``cluster`` a number of each row's cluster.
        """
        if self._parts:
            parts, self._parts = self._parts, []
            if self._joined:
                parts = [self._joined, *parts]
            self._joined = {k: np.concatenate([p[k] for p in parts]) for k in parts[-1]}
        if name == "cluster" and name not in self._joined and self._clusters:
            codes = cluster_codes(self._clusters)
            assert codes is not None
            self._joined[name] = codes
        return self._joined.get(name)

    def owner(self, by: Sequence[str], keys: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
        """Each row's position among the slices ``keys`` of the columns ``by``."""
        where = [self.by.index(b) for b in by]
        index = {key: i for i, key in enumerate(keys)}
        code = self.column("code")
        if code is None:
            return np.zeros(0, np.int64)
        found = [index[tuple(key[w] for w in where)] for key in self.keys]
        return np.asarray(np.array(found, np.int64)[code])


class SlicedRows:
    """The rows of the slices of some columns.

    Parameters
    ----------
    slices : int array of shape (rows,)
        Each row's slice.
    size : int
        Number of slices.
    weight : float array of shape (rows,) or None
    cluster : int array of shape (rows,) or None
    times : array of shape (rows,) or None
        How many equal rows each stands for.

    Attributes
    ----------
    weight : float array of shape (rows,)
        Of all that a row stands for.
    """

    def __init__(
        self,
        slices: NDArray[np.int64],
        size: int,
        weight: Floats | None = None,
        cluster: NDArray[np.int64] | None = None,
        times: NDArray[Any] | None = None,
    ) -> None:
        self.slices, self.size, self.cluster = slices, size, cluster
        self.weighted = weight is not None
        self.weight: Floats = np.ones(len(slices)) if weight is None else weight
        self.times = times
        if times is not None:
            self.weight = self.weight * times
        self.n = self.counted(np.ones(len(slices), np.int64)).astype(np.int64)
        self.total = self.sum(self.weight)

    @property
    def plain(self) -> bool:
        """Whether rows count one each: they carry neither weights nor clusters."""
        return not self.weighted and self.cluster is None

    def sum(self, values: NDArray[Any]) -> Floats:
        """Sum of a value of each row, per slice."""
        return np.bincount(self.slices, values, self.size).astype(float)

    def counted(self, values: NDArray[Any]) -> Floats:
        """Sum of a value over all rows that the rows stand for, per slice; weights aside."""
        return self.sum(values if self.times is None else values * self.times)

    def mean(self, values: Floats) -> Floats:
        """Weighted mean of a value of each row, per slice; nan without rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.sum(self.weight * values) / self.total)

    @cached_property
    def kish(self) -> Floats:
        """Rows of equal weight that would vary as much, per slice: (sum w)^2 / sum w^2."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.total**2 / self.sum(self.weight**2 * self._inverse))

    @property
    def _inverse(self) -> Floats:
        """One over the rows that each stands for."""
        return np.ones(len(self.slices)) if self.times is None else 1 / self.times

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Each row's (slice, cluster) pair, each pair's slice and cluster; ValueError without clusters."""
        if self.cluster is None:
            raise ValueError("clusters are needed here, the rows have none")
        width = int(self.cluster.max(initial=0)) + 1
        (owner, cluster), pair = crossed([self.slices, self.cluster], [self.size, width])
        return pair, owner, cluster

    @cached_property
    def units(self) -> Units:
        """What varies independently: rows or clusters."""
        if self.cluster is None:
            return Units(self.slices, None, self.weight, self._inverse, self.total)
        unit, owner, _ = self.pairs
        weight = np.bincount(unit, self.weight, len(owner)).astype(float)
        return Units(owner, unit, weight, np.ones(len(owner)), self.total)

    def dependence(self, influence: Floats) -> Dependence | None:
        """How clusters pull on a figure, from what each row adds to its error; None without clusters."""
        if self.cluster is None:
            return None
        _, owner, cluster = self.pairs
        residuals = self.units.residuals(influence)
        found = Dependence.of(owner.astype(np.intp), cluster.astype(np.intp), residuals, self.size)
        return replace(found, in_ratios=True)
