"""Values of ranked lists: gain and divergence of each query, exposure and attention of each item.

Each function gives one number per row or per query, whose means are figures like those of any value of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codes import numbered
from .intervals import Floats

Gain = Callable[[Floats], Floats]


def linear(relevance: Floats) -> Floats:
    """The relevance itself, the gain of ``trec_eval``, ir-measures, ranx and scikit-learn."""
    return relevance


def exponential(relevance: Floats) -> Floats:
    """``2^relevance - 1`` (C. Burges et al. 2005, ICML '05; ranx calls it ``ndcg_burges``)."""
    return np.asarray(np.exp2(relevance) - 1)


def discount(rank: NDArray[np.integer[Any]]) -> Floats:
    """``1 / log2(1 + rank)``: what a place is worth, 1 for the first."""
    return np.asarray(1 / np.log2(1.0 + rank))


def places_within(query: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each row's place, from 1, among the rows of its query, in the order of their ranks."""
    order = np.lexsort((rank, query))
    opens = np.searchsorted(query[order], query[order])
    out = np.empty(len(order), np.int64)
    out[order] = np.arange(len(order)) - opens + 1
    return out


@dataclass(frozen=True)
class Ranked:
    """Rows of (query, item) with their ranks.

    Attributes
    ----------
    query : int array of shape (rows,)
        Each row's query, a code below ``queries``.
    rank : int array of shape (rows,)
        1 is first; ranks of a query differ.
    queries : int
    """

    query: NDArray[np.int64]
    rank: NDArray[np.int64]
    queries: int

    @cached_property
    def rows(self) -> Floats:
        """Rows of each query."""
        return np.bincount(self.query, minlength=self.queries).astype(float)

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.lexsort((self.rank, self.query))

    @cached_property
    def _start(self) -> NDArray[np.intp]:
        """Where each query's rows start, in order."""
        return (np.cumsum(self.rows) - self.rows).astype(np.intp)

    def per_query(self, values: NDArray[Any]) -> Floats:
        """Sum of a value of each row, per query."""
        return np.bincount(self.query, values, self.queries).astype(float)

    def share(self, values: Floats) -> Floats:
        """Each row's share of its query's sum; nan where that is not positive."""
        total = self.per_query(values)[self.query]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(total > 0, values / total, np.nan)

    def _within(self, rank: NDArray[Any], k: int | None) -> NDArray[np.bool_]:
        return np.ones(len(rank), bool) if k is None else np.asarray(rank <= k)

    # ---- queries -------------------------------------------------------------------------------------

    def ndcg(self, relevance: Floats, k: int | None = None, gain: Gain = linear) -> Floats:
        """Normalised discounted cumulative gain of each query, in [0, 1].

        The sum of gain / log2(1 + rank) over the first k ranks, over the largest that any order of the
        query's rows has (K. Järvelin, J. Kekäläinen 2002, ACM Trans. Inf. Syst. 20:422-446).

        Parameters
        ----------
        relevance : float array of shape (rows,)
            Not negative.
        k : int, optional
            The last rank that counts; all where it is not given.
        gain : callable
            `linear` or `exponential`.

        Returns
        -------
        float array of shape (queries,)
            nan for a query none of whose rows is relevant: no order of them is better than another.

        Raises
        ------
        ValueError
            Where a relevance is negative.
        """
        if np.any(relevance < 0):
            raise ValueError(f"relevance must not be negative for NDCG, got {np.min(relevance)}")
        worth = gain(np.asarray(relevance, float))
        found = self.per_query(np.where(self._within(self.rank, k), worth * discount(self.rank), 0))
        order = np.lexsort((-worth, self.query))
        place = np.arange(len(order)) - self._start[self.query[order]] + 1
        best = np.where(self._within(place, k), worth[order] * discount(place), 0)
        ideal = np.bincount(self.query[order], best, self.queries)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Rounding must not put the best order above 1.
            return np.where(ideal > 0, np.minimum(found / ideal, 1), np.nan)

    def ndkl(self, group: NDArray[np.int64], k: int | None = None, desired: Floats | None = None) -> Floats:
        """Normalised discounted Kullback-Leibler divergence of each query, in nats.

        The mean over i = 1 .. k, weighted by 1 / log2(1 + i), of the divergence of the groups' shares among
        the first i rows from the desired ones (S. C. Geyik, S. Ambler, K. Kenthapadi 2019, KDD '19,
        definition 2.3). 0 where every prefix has the desired shares.

        Parameters
        ----------
        group : int array of shape (rows,)
            Each row's group, a code from 0.
        k : int, optional
        desired : float array of shape (groups,), optional
            Desired shares; those of the query's own rows where they are not given.

        Returns
        -------
        float array of shape (queries,)
            nan for a query without rows.

        Raises
        ------
        ValueError
            Where a desired share of a group that occurs is 0.
        """
        order = self._order
        query, groups = self.query[order], int(group.max(initial=-1)) + 1
        if desired is not None and np.any(
            np.asarray(desired)[:groups][np.bincount(group, minlength=groups) > 0] <= 0
        ):
            raise ValueError(f"desired shares of groups that occur must be positive, got {list(desired)}")
        place = np.arange(len(order)) - self._start[query] + 1
        weight = np.where(self._within(place, k), discount(place), 0)
        divergence = np.zeros(len(order))
        for code in range(groups):
            here = group[order] == code
            seen = np.cumsum(here)
            before = np.append(0, seen)[self._start[query]]
            share = (seen - before) / place
            want = self.per_query(group == code)[query] / self.rows[query]
            if desired is not None:
                want = np.full(len(order), desired[code])
            with np.errstate(divide="ignore", invalid="ignore"):
                divergence += np.where(share > 0, share * np.log(share / want), 0)
        total = np.bincount(query, weight, self.queries)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Rounding must not make a divergence negative.
            return np.where(
                total > 0,
                np.maximum(np.bincount(query, weight * divergence, self.queries) / total, 0),
                np.nan,
            )

    # ---- rows ----------------------------------------------------------------------------------------

    def exposure(self, k: int | None = None) -> Floats:
        """Exposure of each row: 1 / log2(1 + rank), 0 beyond rank k (A. Singh, T. Joachims 2018, KDD '18)."""
        return np.where(self._within(self.rank, k), discount(self.rank), 0.0)

    def top(self, k: int) -> tuple[Floats, Floats]:
        """Whether each row is among the first k of its query, and the chance of that were all orders alike.

        The ratio of their sums over a group's rows is how many times its share of the candidates the group
        has among the first k; the logarithm of that is its skew@k with the candidates' shares for the desired
        ones (Geyik et al. 2019, definition 2.1), over all queries together.
        """
        chance = np.minimum(k / self.rows[self.query], 1.0)
        return self._within(self.rank, k).astype(float), chance

    def skew(self, group: NDArray[np.int64], k: int, desired: Floats | None = None) -> Floats:
        """Skew@k of each query and group: the log of its share among the first k over the desired one.

        Geyik et al. 2019, definition 2.1. -inf where a group with a desired share is not among the first k,
        nan where its desired share is 0.

        Returns
        -------
        float array of shape (queries, groups)
        """
        groups = int(group.max(initial=-1)) + 1
        cell = self.query * groups + group
        within = self._within(self.rank, k)

        def shares(some: NDArray[Any]) -> Floats:
            found = np.bincount(cell, some, self.queries * groups).reshape(self.queries, groups)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(found / found.sum(1, keepdims=True))

        want = shares(np.ones(len(cell))) if desired is None else np.asarray(desired, float)[None, :groups]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(want > 0, np.log(shares(within.astype(float)) / want), np.nan)


def misplaced(
    item: NDArray[np.int64], slices: NDArray[np.int64], attention: Floats, deserved: Floats, size: int
) -> Floats:
    """Sum of |A - R| over the items of each slice, over the mean of the slice's sums of A and of R.

    Of all rows, and of slices of whole queries, both sums are the number of queries: what is left is the
    inequity of attention per query (equation 4, as in `amortised`), from 0 to 2.

    Parameters
    ----------
    slices : int array of shape (rows,)
        Each row's slice, a code below ``size``.
    item, attention, deserved
        As of `amortised`.

    Returns
    -------
    float array of shape (size,)
        nan for a slice without attention and relevance.
    """
    items = int(item.max(initial=-1)) + 1
    found, got, due = amortised(slices * items + item, attention, deserved)
    owner = found // max(items, 1)
    apart, whole = (np.bincount(owner, each, size) for each in (np.abs(got - due), (got + due) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, apart / whole, np.nan))


def amortised(
    item: NDArray[np.int64], attention: Floats, deserved: Floats
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Attention that items got over all queries, and what their relevance deserves.

    ``|A - R|`` is the items' amortised inequity of attention (A. J. Biega, K. P. Gummadi, G. Weikum 2018,
    SIGIR '18, equation 4).

    Parameters
    ----------
    item : int array of shape (rows,)
    attention, deserved : float arrays of shape (rows,)
        Shares of each query's exposure and relevance (`Ranked.share`); rows of which one is nan do not count,
        as those of a query without relevant rows.

    Returns
    -------
    items : int array of shape (items,)
        In ascending order.
    attention, deserved : float arrays of shape (items,)
        Sums over the queries.
    """
    held = ~(np.isnan(attention) | np.isnan(deserved))
    found, place = numbered(item[held], int(item.max(initial=-1)) + 1)
    sums = (np.bincount(place, v[held], len(found)).astype(float) for v in (attention, deserved))
    got, due = sums
    return found, got, due
