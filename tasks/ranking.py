"""Items ranked for queries: gains of queries, and what exposure items of each group get."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np

from ..metrics.entry import DisparityRow, Metric, table
from ..metrics.estimators import Change, Estimator, Need, Seen, SeenTwice
from ..metrics.exposure import share_of_total, share_of_total_change
from ..metrics.figures import Figure
from ..metrics.intervals import Floats
from ..metrics.regression import ratio_of_means, ratio_of_means_change
from ..metrics.score_figures import SlicedScores
from ..metrics.score_values import SCORE
from .attention import BIEGA, INDICES, Excess, Inequity
from .rank_cases import (
    CHANCE,
    EXPOSURE,
    ITEM,
    QUERY,
    RELEVANCE,
    SIDES,
    TOP,
    RankCases,
    RankPairs,
    columns,
    in_common,
    kind,
    outcome,
)
from .rank_order import amiss, written
from .task import Key, Task
from .values import MeanValue, sliced

RANKED: tuple[Need, ...] = ("rank",)
BOTH: tuple[Need, ...] = ("label", "rank")
SINGH = "A. Singh, T. Joachims 2018, KDD '18: 2219-2228 (fairness of exposure)"


@dataclass(frozen=True)
class Gain(Estimator):
    """Mean NDCG of the queries that lie in one slice."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """Relevances and ranks."""
        return BOTH

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return "no query with a relevant item lies in the slice alone, which {formula} needs"

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        keys = seen.tally.keys
        return SlicedScores(seen.cases.gains(seen.by, keys), seen.by, keys).mean(SCORE)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        keys = seen.before.tally.keys
        found: Change = seen.cases.gains(seen.by, keys).sliced(seen.by, keys).mean_change(SCORE)
        return found


@dataclass(frozen=True)
class PerValue(Estimator):
    """The sum of one value of the rows over that of another.

    Attributes
    ----------
    value, other : str
        Names among the values of the task's cases; the latter does not change with the model.
    carried : tuple
        What the rows must carry.
    """

    value: str
    other: str
    carried: tuple[Need, ...]

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        one, other = (_value(seen, name, "") for name in (self.value, self.other))
        return ratio_of_means(sliced(seen), one, other)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        before, after = (_value(seen, self.value, side) for side in SIDES)
        return ratio_of_means_change(sliced(seen), before, after, _value(seen, self.other, SIDES[0]))


@dataclass(frozen=True)
class ShareOfAll(Estimator):
    """The slice's share of the sum of a value over all slices.

    Attributes
    ----------
    value : str
        Among the values of the task's cases.
    carried : tuple
        What the rows must carry.
    """

    value: str
    carried: tuple[Need, ...]

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return share_of_total(sliced(seen), _value(seen, self.value, ""))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        before, after = (_value(seen, self.value, side) for side in SIDES)
        return share_of_total_change(sliced(seen), before, after)


def _value(seen: Seen | SeenTwice, name: str, side: str) -> Floats:
    ranks = seen.cases.ranks
    return np.asarray(ranks.rows.values(ranks.value(name, side)), float)


METRICS = table(
    Metric(
        "ndcg", "NDCG", "mean over queries of DCG / largest possible DCG",
        "How close the order of a query's items comes to that by relevance, 1 for the same; of the queries "
        "whose rows lie in the slice alone.",
        Gain(), better="higher", ideal=1.0, percent=False, bounds=(0, 1), fairlearn=None,
        source="K. Jarvelin, J. Kekalainen 2002, ACM Trans. Inf. Syst. 20:422-446",
        shows="Sensitive to relevant items that stand low; blind to whose items they are.",
        elsewhere=("ndcg_score", "normalized_discounted_cumulative_gain", "dcg", "dcg_score", "map", "mrr"),
        depth="data.last_rank",
    ),
    Metric(
        "mean_exposure", "Mean exposure", "mean over rows of 1 / log2(1 + rank)",
        "Average attention that an item of the slice gets, 1 for the first place.",
        MeanValue(EXPOSURE, RANKED), percent=False, bounds=(0, 1), source=SINGH,
        shows="Sensitive to where the items of a group stand, whatever their relevance.",
        elsewhere=("exposure", "exposure_ratio"),
    ),
    Metric(
        "exposure_share", "Exposure share", "sum of exposure in the slice / sum of all exposure",
        "Share of all attention that the items of the slice get together.",
        ShareOfAll(EXPOSURE, RANKED), ratio=False, source=SINGH,
        shows="Sensitive to where the items of a group stand and to how many there are.",
    ),
    Metric(
        "exposure_per_relevance", "Exposure per relevance", "sum of exposure / sum of relevance",
        "How much attention the items of the slice get for each unit of relevance.",
        PerValue(EXPOSURE, RELEVANCE, BOTH), percent=False, bounds=(0, inf), source=SINGH,
        shows="Sensitive to attention that relevance does not earn; trusts the relevances.",
    ),
    Metric(
        "excess_attention", "Excess attention", "attention share - relevance share",
        "The slice's share of the attention of all queries, less the share that the relevance of its items "
        "deserves in them; attention and relevance count as shares of their query's.",
        Excess(), ideal=0.0, ratio=False, bounds=(-1, 1), source=BIEGA,
        shows="Sensitive to attention that groups do not deserve over all queries; blind to single queries.",
    ),
    Metric(
        "amortised_inequity", "Amortised inequity of items",
        "sum over items of |A - R| / mean of the sums of A and of R",
        "How far the attention A that items get over all queries lies from what their relevance R deserves; "
        "of all rows per query, from 0 to 2.",
        Inequity(), better="lower", ideal=0.0, percent=False, bounds=(0, 2), source=BIEGA,
        shows="Sensitive to single items that are always or never seen. No limits: chance adds to it, the "
        "more so the fewer the queries of an item.",
    ),
    Metric(
        "top_share_ratio", "Share of the first ranks", "rows among the first ranks / those of a random order",
        "How many times as often the items of the slice are among the first ranks as a random order would "
        "put them there; its logarithm is skew@k.",
        PerValue(TOP, CHANCE, RANKED), ideal=1.0, percent=False, bounds=(0, inf),
        source="S. C. Geyik, S. Ambler, K. Kenthapadi 2019, KDD '19 (skew@k)",
        shows="Sensitive to who is among the first ranks; blind to the order there and to relevance.",
    ),
    Metric(
        "mean_relevance", "Mean relevance", "mean over rows of the relevance",
        "Average relevance of the items.",
        MeanValue(RELEVANCE, ("label",), signed=False), percent=False, source=SINGH,
        shows="Speaks of the relevances, not of the order.",
    ),
)  # fmt: skip

DISPARITIES = (
    DisparityRow(
        "ndcg_gap", "NDCG gap", ("ndcg",), forms=("difference",),
        source="M. D. Ekstrand et al. 2018, FAT* '18: 172-186",
        shows="Asks for equally good orders whoever asks.",
    ),
    DisparityRow(
        "exposure_parity", "Exposure parity", ("mean_exposure",), source=SINGH,
        shows="Asks for equal attention to the items of every group, whatever their relevance.",
    ),
    DisparityRow(
        "disparate_treatment", "Disparate treatment of exposure", ("exposure_per_relevance",),
        forms=("ratio",),
        source=SINGH, shows="Asks for attention in proportion to relevance in every group.",
    ),
    DisparityRow(
        "equity_of_attention", "Equity of attention", ("excess_attention",), forms=("difference",),
        source=BIEGA,
        shows="Asks that over all queries every group gets the attention that it deserves; of two groups "
        "this is the sum of |A - R|.",
    ),
)  # fmt: skip


def _told_by(data: Any, model: Any) -> bool:
    """A column of queries, or of ranks, is named."""
    return data.query is not None or getattr(model, "rank", None) is not None


def _bound(task: Task, data: Any) -> Task:
    """The task with the last rank that counts."""
    return replace(
        task, cases=partial(RankCases, most=data.last_rank), pairs=partial(RankPairs, most=data.last_rank)
    )


RANKING = Task(
    name="ranking",
    title="Items ranked for queries",
    cases=RankCases,
    pairs=RankPairs,
    columns=columns,
    kind=kind,
    written=written,
    amiss=amiss,
    metrics=METRICS,
    disparities=DISPARITIES,
    indices=INDICES,
    default=tuple(METRICS),
    key=("ndcg", "mean_exposure", "exposure_per_relevance", "top_share_ratio"),
    leading=("ndcg", "exposure_per_relevance"),
    performance=("ndcg",),
    gaps=(("ndcg",), ("mean_exposure",)),
    told_by=_told_by,
    bound=_bound,
    named_by=Key((QUERY, ITEM), "pair of query and item", "pairs of query and item", "query and item"),
    outcome=outcome,
    in_common=in_common,
    settled=("query", "item", "relevance", "last_rank"),
    decides=False,
)
