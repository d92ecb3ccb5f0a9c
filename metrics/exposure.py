"""Figures of ranked groups: their share of the exposure, exposure for their relevance, skew at the top.

Rows are (query, item) pairs whose clusters are the queries, or what queries depend through. Exposure per
relevance and the representation at the top are ratios of sums over a group's own rows
(`regression.ratio_of_means`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .clusters import Dependence
from .figures import Figure
from .gathered import SlicedRows
from .intervals import Floats, Limits
from .regression import ratio_of_means
from .score_figures import SlicedScores
from .score_values import SCORE
from .scores import ScoreTable
from .smooth import Pull, pull_change

POINTS = 40
"""Ranks at which a curve is drawn."""


@dataclass(frozen=True)
class _Parts:
    """Sums of a value by slice and cluster, and the clusters' own.

    Attributes
    ----------
    owner, cluster : int arrays of shape (pairs,)
    part : float array of shape (pairs,)
    whole : float array of shape (clusters,)
        Clusters without any are left out.
    """

    owner: NDArray[np.int64]
    cluster: NDArray[np.int64]
    part: Floats
    whole: Floats
    size: int

    @classmethod
    def of(cls, rows: SlicedRows, values: Floats) -> _Parts:
        pair, owner, cluster = rows.pairs
        part = np.bincount(pair, rows.weight * values, len(owner)).astype(float)
        whole = np.bincount(cluster, part).astype(float)
        there = np.zeros(len(whole), bool)
        there[cluster] = True
        place = np.cumsum(there) - 1
        return cls(owner, place[cluster], part, whole[there], rows.size)

    @property
    def total(self) -> float:
        return float(self.whole.sum())

    @property
    def share(self) -> Floats:
        """Each slice's share of all."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.bincount(self.owner, self.part, self.size) / self.total, float)

    def pulls(self) -> tuple[Floats, Floats]:
        """What pairs add to the error of a share, and what each cluster takes from it per share."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.part / self.total, self.whole / self.total

    def dependence(self) -> Dependence:
        """How clusters pull on the shares (CR3); one pulls on slices that it has no row of, too."""
        from scipy.sparse import csr_array

        part, whole = self.pulls()
        left = np.where(whole < 1, 1 / np.maximum(1 - whole, 1e-300), 0.0)
        held = csr_array((part * left[self.cluster], (self.owner, self.cluster)), (self.size, len(whole)))
        taken, share = whole * left, self.share
        cross = np.outer(held @ taken, share)
        products = (held @ held.T).toarray() - cross - cross.T + np.outer(share, share) * (taken @ taken)
        members = np.full(self.size, len(whole))
        return Dependence(members, np.diag(products).copy(), products, None, np.arange(self.size), True)


def share_of_total(rows: SlicedRows, values: Floats) -> Figure:
    """Each slice's share of the sum of a value over all slices: the exposure share of a group of items.

    It is the mean over clusters of a slice's share of the cluster's sum, which lies in [0, 1], weighted by
    these sums: limits are those of such a mean. Clusters that have no row of a slice count as 0 there. The
    share of all rows together is 1, whatever they are, and so are its limits.

    Parameters
    ----------
    rows : SlicedRows
        With clusters: the queries.
    values : float array of shape (rows,)
        Not negative.

    Raises
    ------
    ValueError
        Where a value is negative, or rows have no clusters.
    """
    if np.any(values < 0):
        raise ValueError(f"a share needs values that are not negative, got {np.min(values)}")
    parts = _Parts.of(rows, values)
    table = _shares(parts)
    keys = [(str(i),) for i in range(rows.size)]
    found = SlicedScores(table, ("slice",), keys).mean(SCORE)
    value = np.where(rows.n > 0, found.value, np.nan)
    members = np.full(rows.size, float(len(parts.whole)))
    # How many queries of equal exposure there are is what `min_size` may speak of, beside the slice's rows.
    least = np.fmin(members, parts.total**2 / max(float((parts.whole**2).sum()), 1e-300))
    return replace(
        found,
        value=value,
        n=rows.n,
        limits=(lambda z, scale: (value, value)) if rows.size == 1 else found.limits,
        method="share-of-total",
        effective_n=least,
        dependence=parts.dependence(),
    )


def _shares(parts: _Parts) -> ScoreTable:
    """Each slice's share of each cluster, weighted by the cluster's sum; clusters without it in one entry."""
    held = parts.whole[parts.cluster] > 0
    owner, weight = parts.owner[held], parts.whole[parts.cluster[held]]
    score = parts.part[held] / weight
    every, used = np.arange(parts.size), parts.whole > 0
    absent, mass, square = (
        whole - np.bincount(owner, part, parts.size)
        for part, whole in (
            (np.ones(len(owner)), used.sum()),
            (weight, parts.whole.sum()),
            (weight**2, (parts.whole**2).sum()),
        )
    )  # fmt: skip
    some = absent > 0.5
    columns = [
        np.concatenate([one, other])
        for one, other in (
            (owner, every[some]), (score, np.zeros(some.sum())), (np.ones(len(owner)), absent[some]),
            (weight, np.maximum(mass[some], 0)), (weight**2, np.maximum(square[some], 0)),
        )
    ]  # fmt: skip
    order = np.argsort(columns[1])
    code, value, count, weights, squares = (column[order] for column in columns)
    keys: list[tuple[str, ...]] = [(str(i),) for i in range(parts.size)]
    return ScoreTable(
        code.astype(np.int64), ("slice",), keys, value, value, None, count.astype(np.int64), weights, squares,
        probability=True,
    )  # fmt: skip


def share_of_total_change(rows: SlicedRows, before: Floats, after: Floats) -> tuple[Figure, Floats]:
    """After - before of each slice's share of the sum of a value, and the two-sided p of no change.

    A cluster's pull on the change is that on the share after less that before. Clusters without a row of a
    slice are gathered by what they take from its share.
    """
    sides = [_Parts.of(rows, side) for side in (before, after)]
    value = sides[1].share - sides[0].share
    wholes = np.stack([side.pulls()[1] for side in sides], axis=1)
    kinds, kind = np.unique(np.round(wholes, 15), axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    owner, cluster = sides[0].owner, sides[0].cluster
    seen = np.bincount(owner * len(kinds) + kind[cluster], minlength=rows.size * len(kinds))
    absent = np.bincount(kind, minlength=len(kinds)) - seen.reshape(rows.size, -1)
    slices, kinds_of = np.nonzero(absent)

    def pull(side: int) -> Floats:
        parts = sides[side]
        own = parts.pulls()[0] - parts.share[owner] * wholes[cluster, side]
        return np.concatenate([own, -parts.share[slices] * kinds[kinds_of, side]])

    times = np.concatenate([np.ones(len(owner), np.int64), absent[slices, kinds_of]])
    # A unit's weight is its part of the sums before; it pulls per share of that.
    weight = np.concatenate([wholes[cluster, 0], kinds[kinds_of, 0]])
    units = SlicedRows(np.concatenate([owner, slices]), rows.size, weight, None, times)
    step = pull(1) - pull(0)
    step = np.where(np.abs(step) > 1e-15, step, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(weight > 0, step / weight, 0.0) * units.total[units.slices]
    figure, p = pull_change(Pull(units, each, np.ones(rows.size)), value, 1.0)
    if rows.size == 1:
        # All of a total before and after: no sample could show a change.
        none = np.where(np.isnan(value), np.nan, 0.0)
        figure = replace(figure, value=none, limits=lambda z, scale: (none, none))
    return replace(figure, n=rows.n), p


def excess_share(rows: SlicedRows, attention: Floats, deserved: Floats) -> Figure:
    """Each slice's share of the attention less its share of what is deserved, both summed over the queries.

    A - R of a group of items, as a share of all attention (A. J. Biega, K. P. Gummadi, G. Weikum 2018,
    SIGIR '18, equation 4).

    Parameters
    ----------
    rows : SlicedRows
        With clusters: the queries.
    attention, deserved : float arrays of shape (rows,)
        Shares of each query's exposure and relevance (`ranked.Ranked.share`); 0 in one that does not count.
    """
    found, _ = share_of_total_change(rows, deserved, attention)
    got, due = (_Parts.of(rows, side) for side in (attention, deserved))
    queries = np.full(rows.size, got.total**2 / max(float((got.whole**2).sum()), 1e-300))
    return replace(
        found,
        value=np.where(rows.n > 0, found.value, np.nan),
        method="excess-share",
        effective_n=np.fmin(queries, rows.n),
        dependence=replace(got, part=got.part - due.part).dependence(),
    )


@dataclass(frozen=True)
class Curves:
    """Each slice's share of the exposure among the first ranks, and what to hold it against.

    Attributes
    ----------
    ranks : int array of shape (points,)
        Rising.
    share : float array of shape (slices, points)
        Of the exposure of all rows up to that rank.
    items, relevance : float arrays of shape (slices,)
        Shares of all rows and of all relevance; the latter None without relevances.
    """

    ranks: NDArray[np.int64]
    share: Floats
    items: Floats
    relevance: Floats | None


def curves(
    rows: SlicedRows, rank: NDArray[np.int64], exposure: Floats, relevance: Floats | None, most: int | None
) -> Curves:
    """Draw the share of each slice in the exposure of the first ranks, at most `POINTS` of them.

    Parameters
    ----------
    rank, exposure, relevance : arrays of shape (rows,)
    most : int or None
        The last rank that counts.
    """
    last = min(int(rank.max(initial=1)), most or int(rank.max(initial=1)))
    points = np.unique(np.geomspace(1, last, POINTS).round().astype(np.int64))
    points = np.arange(1, last + 1) if last <= POINTS else points
    step = np.searchsorted(points, rank)
    seen = step < len(points)
    cell = rows.slices[seen] * len(points) + step[seen]
    sums = np.bincount(cell, (rows.weight * exposure)[seen], rows.size * len(points))
    found = sums.reshape(rows.size, len(points)).cumsum(axis=1)
    held = found.sum(0) > 0

    def shares(values: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(values / values.sum(0))

    due = None if relevance is None else shares(rows.sum(rows.weight * relevance))
    return Curves(points[held], shares(found[:, held]), shares(rows.total), due)


def exposure_per_relevance(rows: SlicedRows, exposure: Floats, relevance: Floats) -> Figure:
    """Exposure of a slice's rows over their relevance, both summed; nan where nothing is relevant.

    Equal over groups where exposure goes by merit (A. Singh, T. Joachims 2018, KDD '18, disparate treatment).
    """
    return ratio_of_means(rows, exposure, relevance)


def skew(rows: SlicedRows, top: Floats, chance: Floats) -> Figure:
    """Skew@k of each slice over all queries: log of its share among the first k over that of the candidates.

    S. C. Geyik et al. 2019, KDD '19, definition 2.1, of the sums of `ranked.Ranked.top`. Minus infinity where
    the slice has no row among the first k.
    """
    share = ratio_of_means(rows, top, chance)

    def limits(z: float, scale: float) -> Limits:
        low, high = share.limits(z, scale)
        with np.errstate(divide="ignore"):
            return np.log(low), np.log(high)

    with np.errstate(divide="ignore"):
        return replace(share, value=np.log(share.value), limits=limits)
