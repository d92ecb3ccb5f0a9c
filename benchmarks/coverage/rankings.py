"""Figures of ranked lists: mean NDCG, exposure shares of groups and their change, exposure per relevance."""

from __future__ import annotations

from itertools import product

import numpy as np
from fairweigh.metrics import compare
from fairweigh.metrics.exposure import (
    excess_share,
    exposure_per_relevance,
    share_of_total,
    share_of_total_change,
    skew,
)
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.ranked import Ranked
from fairweigh.metrics.regression import not_negative
from fairweigh.metrics.rows import Rows
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.score_values import SCORE
from numpy.random import Generator
from studies import Cells, Study, Z, held

QUERIES = (10, 25, 50, 200)
SHARES = {"even": (0.5, 0.5), "rare": (0.95, 0.05)}
TRUTH = 20_000
"""Queries of the sample that is taken for the truth."""


class Lists:
    """Queries of 2 to 20 items of two groups; relevance 0 to 3; scores lean to the first group."""

    def __init__(self, rng: Generator, queries: int, shares: tuple[float, float], lean: float = 0.3) -> None:
        sizes = rng.integers(2, 21, queries)
        self.query = np.repeat(np.arange(queries), sizes)
        # Queries differ in whom they find.
        share = rng.beta(4 * shares[1], 4 * shares[0], queries)[self.query]
        self.group = (rng.random(len(self.query)) < share).astype(int)
        quality = rng.normal(size=len(self.query))
        self.relevance = np.digitize(quality, [0.0, 1.0, 1.6]).astype(float)
        self.before = self._ranked(quality + rng.normal(size=len(quality)) - lean * self.group, queries)
        self.after = self._ranked(quality + rng.normal(size=len(quality)), queries)

    def _ranked(self, score: np.ndarray, queries: int) -> Ranked:
        order = np.lexsort((-score, self.query))
        start = np.searchsorted(self.query, np.arange(queries))
        rank = np.empty(len(order), int)
        rank[order] = np.arange(len(order)) - start[self.query[order]] + 1
        return Ranked(self.query, rank, queries)

    def rows(self) -> SlicedRows:
        """The rows by their groups, in clusters of one query each."""
        return SlicedRows(self.group, 2, None, self.query)


def excess(lists: Lists) -> Figure:
    shares = (lists.before.share(v) for v in (lists.before.exposure(), lists.relevance))
    got, due = shares
    counts = np.isfinite(due)
    return excess_share(lists.rows(), np.where(counts, got, 0), np.where(counts, due, 0))


def divergence(lists: Lists) -> Figure:
    """Mean NDKL of the queries."""
    rows = Rows(("s",))
    values = lists.before.ndkl(lists.group)
    rows.add(np.zeros(len(values), np.int64), [("all",)], {"ndkl": values})
    return not_negative(SlicedScores(rows.table("ndkl"), ("s",), [("all",)]).mean(SCORE))


def figures(lists: Lists) -> dict[str, Figure]:
    rows, (before, after) = lists.rows(), (side.exposure() for side in (lists.before, lists.after))
    return {
        "exposure share": share_of_total(rows, before),
        "change of it": share_of_total_change(rows, before, after)[0],
        "exposure per relevance": exposure_per_relevance(rows, before, lists.relevance),
        "skew@5": skew(rows, *lists.before.top(5)),
    }


def exposures(rng: Generator, repeats: int) -> Cells:
    """The second group's figures over samples of queries."""
    cells = {}
    for name, shares in SHARES.items():
        truth = figures(Lists(np.random.default_rng(7), TRUTH, shares))
        for queries in QUERIES:
            hits: dict[str, list[float]] = {kind: [] for kind in truth}
            for _ in range(min(repeats, 300)):
                for kind, figure in figures(Lists(rng, queries, shares)).items():
                    low, high = (end[1] for end in figure.limits(Z, 1.0))
                    if not np.isnan(figure.value[1]):
                        hits[kind].append(held(low, high, truth[kind].value[1]))
            cells |= {f"{kind} {name} queries={queries}": float(np.mean(h)) for kind, h in hits.items()}
    return cells


def gains(rng: Generator, repeats: int) -> Cells:
    """Mean NDCG of queries, before and after."""
    cells = {}
    for k, queries in product((None, 3), QUERIES):
        lists = Lists(np.random.default_rng(7), TRUTH, SHARES["even"])
        truth = np.array([np.nanmean(side.ndcg(lists.relevance, k)) for side in (lists.before, lists.after)])
        samples = min(repeats, 400)
        lists = Lists(rng, samples * queries, SHARES["even"])
        rows, keys = Rows(("s",)), [(str(i),) for i in range(samples)]
        values = {name: getattr(lists, name).ndcg(lists.relevance, k) for name in ("before", "after")}
        rows.add(np.repeat(np.arange(samples), queries), keys, values)
        figure = SlicedScores(rows.table("before", probability=True), ("s",), keys).mean(SCORE)
        change, _ = rows.pairs("before", "after", probability=True).sliced(("s",), keys).mean_change(SCORE)
        kind = f"k={k or 'all'} queries={queries}"
        cells[f"NDCG {kind}"] = held(*figure.limits(Z, 1.0), truth[0])
        cells[f"change {kind}"] = held(*change.limits(Z, 1.0), truth[1] - truth[0])
    return cells


def equity(rng: Generator, repeats: int) -> Cells:
    """The second group's excess attention, what it differs by from the first's, and mean NDKL."""
    cells, index = {}, (np.array([0]), np.array([1]))
    for name, shares in SHARES.items():
        lists = Lists(np.random.default_rng(7), TRUTH, shares)
        known, apart = excess(lists).value, divergence(lists).value[0]
        for queries in QUERIES:
            hits: dict[str, list[float]] = {"excess attention": [], "difference of it": [], "NDKL": []}
            for _ in range(min(repeats, 300)):
                lists = Lists(rng, queries, shares)
                found = excess(lists)
                low, high = (end[1] for end in found.limits(Z, 1.0))
                hits["excess attention"].append(held(low, high, known[1]))
                _, (below, above) = compare.difference(found, *index, Z)
                hits["difference of it"].append(held(below[0], above[0], known[0] - known[1]))
                low, high = (end[0] for end in divergence(lists).limits(Z, 1.0))
                hits["NDKL"].append(held(low, high, apart))
            cells |= {f"{kind} {name} queries={queries}": float(np.mean(h)) for kind, h in hits.items()}
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "mean NDCG and its change": (
        gains,
        "10, 25, 50, 200 queries of 2 to 20 items; all ranks, or the first 3",
    ),
    "excess attention, NDKL": (
        equity,
        "10, 25, 50, 200 queries; a group of half or 5 % of the items; excess, its difference, mean NDKL",
    ),
    "exposure of a group": (
        exposures,
        "10, 25, 50, 200 queries; a group of half or 5 % of the items; share, change, per relevance, skew@5",
    ),
}
