"""Attention that items get over all queries against what they deserve, and divergence of prefixes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..metrics.entry import Index
from ..metrics.estimators import Change, Estimator, Need, Seen, SeenTwice, without_limits
from ..metrics.exposure import excess_share, share_of_total_change
from ..metrics.figures import Figure
from ..metrics.intervals import Floats
from ..metrics.ranked import misplaced
from ..metrics.regression import not_negative
from ..metrics.score_figures import SlicedScores
from ..metrics.score_values import SCORE
from ..metrics.scores import ScoreTable
from .rank_cases import ITEM, SIDES
from .values import sliced

BOTH: tuple[Need, ...] = ("label", "rank")
BIEGA = "A. J. Biega, K. P. Gummadi, G. Weikum 2018, SIGIR '18: 405-414 (equity of attention)"
GEYIK = "S. C. Geyik, S. Ambler, K. Kenthapadi 2019, KDD '19: 2221-2231"


@dataclass(frozen=True)
class Excess(Estimator):
    """A slice's share of the queries' attention less its share of their relevance."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """Relevances and ranks."""
        return BOTH

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return "no query with a relevant item has items of several slices"

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        got, due = _counted(seen, "")
        found = excess_share(sliced(seen), got, due)
        split = seen.cases.ranks.splits(seen.by, seen.tally.keys, got + due > 0)
        return found if split else replace(found, value=np.full(len(found.value), np.nan))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p: what is deserved stays."""
        (before, due), (after, _) = (_counted(seen, side) for side in SIDES)
        found, p = share_of_total_change(sliced(seen), before, after)
        if seen.cases.ranks.splits(seen.by, seen.before.tally.keys, before + due > 0):
            return found, p
        none = np.full(len(p), np.nan)
        return replace(found, value=none), none


@dataclass(frozen=True)
class Inequity(Estimator):
    """The sum of |A - R| over items, per query.

    What chance alone leaves between A and R adds to it, so that no limits of known coverage are at hand.
    """

    limited = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """Relevances and ranks."""
        return BOTH

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        ranks, rows = seen.cases.ranks, sliced(seen)
        got, due = (rows.weight * share for share in ranks.shares(""))
        value = misplaced(ranks.rows.values(ITEM), rows.slices, got, due, rows.size)
        none = np.full(rows.size, np.nan)
        return Figure(value, rows.n, lambda z, scale: (none, none), "none")

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, without limits."""
        return without_limits(self, seen)


def _counted(seen: Any, side: str) -> tuple[Floats, Floats]:
    """Shares of attention and relevance, 0 in queries that do not count."""
    got, due = seen.cases.ranks.shares(side)
    return np.nan_to_num(got), np.nan_to_num(due)


def _ndkl(seen: Seen) -> Figure | None:
    """Mean over queries of their NDKL, with the limits of a mean."""
    ranks = seen.cases.ranks
    if not ranks.splits(seen.by, seen.tally.keys):
        return None
    values = ranks.ranked("").ndkl(ranks.rows.owner(seen.by, seen.tally.keys), ranks.most)
    held, part = ranks.of_queries((), [()], values)
    table = ScoreTable.of_rows((), [()], part.code, values[held], None, part.weight, part.cluster)
    return not_negative(SlicedScores(table, (), [()]).mean(SCORE))


def _between(seen: Seen) -> Figure | None:
    """The sum of |A - R| over groups, per query."""
    found = Excess().figure(seen)
    if np.isnan(found.value).all():
        return None
    none = np.full(1, np.nan)
    total, rows = np.array([np.nansum(np.abs(found.value))]), np.array([int(found.n.sum())])
    return Figure(total, rows, lambda z, scale: (none, none), "none")


INDICES = (
    Index(
        "amortised_inequity_between_slices", "Amortised inequity between slices",
        "sum over slices of |attention share - relevance share|",
        "How much attention, per query, would have to move between the groups of items for each to get "
        "what its relevance deserves over all queries, counted where it is lacking and where it is too "
        "much.",
        BOTH, _between, BIEGA,
        "Sums up over queries: what a group lacks in one it may get in another. No limits: chance adds to "
        "it.",
    ),
    Index(
        "ndkl", "NDKL", "mean over queries of the normalised discounted divergence of their prefixes",
        "How far the shares of the groups among the first ranks lie from those among all items of the query, "
        "prefix by prefix, 0 where every prefix has them.",
        ("rank",), _ndkl, GEYIK + " (definition 2.3)",
        "Sensitive to the order of groups, whatever the relevance; above 0 in random orders too, the more so "
        "in short lists.",
    ),
)  # fmt: skip
