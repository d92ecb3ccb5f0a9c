"""Twins: rows alike but for one sensitive feature, and what the model makes of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.numbers import decoded
from ...metrics.counts import DECISION, Clusters, Counts, Tally
from ...metrics.intervals import Floats, normal_quantile
from ...metrics.table import SELECTED
from ...told import tell
from ..result import Counterfactual, Estimate, TwinRows
from .plan import Plan

MOST_VALUES = 10
"""With more values of the feature each is compared with the most frequent one only."""


@dataclass(frozen=True)
class _Groups:
    """Rows, score sums and positive decisions per (group, value), arrays of shape (groups, values).

    ``reach`` is the largest gap that one more pair could have: 1 for scores in [0, 1], else the range seen.
    """

    values: list[str]
    n: NDArray[np.int64]
    score: Floats | None
    selected: NDArray[np.int64] | None
    reach: float = 1.0


def twins(table: pa.Table, feature: str, plan: Plan, variant: str) -> list[Counterfactual]:
    """Compare each pair of values of a feature over the groups of twins that hold both.

    A group counts once, however many rows it has: its gap is the difference of its mean scores, with limits
    over the groups (`_mean_gap`). Decisions are compared pair by pair within a group, and the groups are the
    clusters of these pairs. Weights are not used.

    Parameters
    ----------
    table : pyarrow.Table
        Predictions with a column ``twin``: the same code for rows alike but for the feature, null for
        rows that are blank in every column of the group.
    feature : str
        One of the sensitive columns.

    Returns
    -------
    list of Counterfactual
        Empty where no group holds two values.
    """
    groups = _grouped(table, feature)
    return [_compared(groups, i, j, feature, plan, variant) for i, j in _pairs(groups)]


def twin_rows(table: pa.Table, feature: str, group: Sequence[str]) -> TwinRows:
    """Count the rows that are compared, and those that are left out.

    Parameters
    ----------
    table, feature
        As in `twins`.
    group : sequence of str
        The columns that the codes of ``twin`` stand for.
    """
    twin, value = decoded(table.column("twin")), decoded(table.column(feature))
    grouped, valued = np.asarray(twin.is_valid()), np.asarray(value.is_valid())
    rows, n = _rows(table), _grouped(table, feature).n
    several = (n > 0).sum(1) > 1
    return TwinRows(
        feature=feature,
        group=list(group),
        rows=int(rows.sum()),
        compared=int(n[several].sum()),
        groups=int(several.sum()),
        no_group=int(rows[~grouped].sum()),
        no_value=int(rows[grouped & ~valued].sum()),
        alone=int(n[~several].sum()),
    )


def _grouped(table: pa.Table, feature: str) -> _Groups:
    value = decoded(table.column(feature)).dictionary_encode()
    twin = decoded(table.column("twin"))
    # A missing value of the feature is no value to compare.
    held = np.asarray(twin.is_valid()) & np.asarray(value.is_valid())
    names = [str(v) for v in value.dictionary.to_pylist()]
    order = sorted(range(len(names)), key=lambda i: names[i])
    place = np.empty(len(names), np.int64)
    place[order] = np.arange(len(names))
    codes = place[value.indices.fill_null(0).to_numpy()[held]]
    _, group = np.unique(twin.filter(pa.array(held)).to_numpy(), return_inverse=True)
    shape = (int(group.max(initial=-1)) + 1, len(names))
    cell = group.reshape(-1) * len(names) + codes

    rows = _rows(table)[held]

    def total(name: str) -> Floats | None:
        if name not in table.column_names:
            return None
        sums = table.column(name).to_numpy()[held] * rows
        return np.bincount(cell, sums, shape[0] * shape[1]).reshape(shape).astype(float)

    n = np.bincount(cell, rows, shape[0] * shape[1]).reshape(shape).astype(np.int64)
    selected = total(DECISION)
    whole = None if selected is None else selected.astype(np.int64)
    reach = _reach(table.column("score").to_numpy()[held]) if "score" in table.column_names else 1.0
    return _Groups([names[i] for i in order], n, total("score"), whole, reach)


def _rows(table: pa.Table) -> NDArray[np.int64]:
    """How many rows each row of the table stands for: aggregated counts hold one cell per row."""
    if "count" in table.column_names:
        return np.asarray(table.column("count").to_numpy())
    return np.ones(len(table), np.int64)


def _reach(score: Floats) -> float:
    """The largest gap that two scores could have, by those seen: scores in [0, 1] may differ by 1."""
    low, high = float(score.min(initial=0.0)), float(score.max(initial=1.0))
    return 1.0 if low >= 0 and high <= 1 else float(np.ptp(score))


def _pairs(groups: _Groups) -> Iterator[tuple[int, int]]:
    """Pairs of values that share a group."""
    count = len(groups.values)
    pairs = list(combinations(range(count), 2))
    if count > MOST_VALUES:
        largest = int(np.argmax(groups.n.sum(0)))
        pairs = [(i, largest) for i in range(count) if i != largest]
    yield from ((i, j) for i, j in pairs if np.any((groups.n[:, i] > 0) & (groups.n[:, j] > 0)))


def _compared(groups: _Groups, i: int, j: int, feature: str, plan: Plan, variant: str) -> Counterfactual:
    both = (groups.n[:, i] > 0) & (groups.n[:, j] > 0)
    one, other = groups.n[both, i], groups.n[both, j]
    pairs = one * other
    gap, largest = _score_gap(groups, both, i, j, plan)
    favour_one = favour_other = np.zeros(len(pairs), np.int64)
    if groups.selected is not None:
        yes_one, yes_other = groups.selected[both, i], groups.selected[both, j]
        favour_one, favour_other = yes_one * (other - yes_other), (one - yes_one) * yes_other
    return Counterfactual(
        variant=variant,
        feature=feature,
        one=groups.values[i],
        other=groups.values[j],
        groups=len(pairs),
        score_gap=gap,
        largest_gap=largest,
        pairs=int(pairs.sum()),
        flips=_apart(pairs, favour_one + favour_other, groups.selected is not None, plan),
        favour_one=int(favour_one.sum()),
        favour_other=int(favour_other.sum()),
    )


def _score_gap(
    groups: _Groups, both: NDArray[np.bool_], i: int, j: int, plan: Plan
) -> tuple[Estimate, float | None]:
    """Mean over the groups of the difference of their mean scores, and the largest absolute one."""
    count = int(both.sum())
    if groups.score is None:
        return _undefined(count, tell("the model gives no scores"), plan), None
    gaps = groups.score[both, i] / groups.n[both, i] - groups.score[both, j] / groups.n[both, j]
    mean, (low, high) = float(gaps.mean()), _mean_gap(gaps, groups.reach, plan.confidence)
    estimate = Estimate(
        value=mean, low=low, high=high, confidence=plan.confidence, n=count, method="twins",
        **_size(count, plan),
    )  # fmt: skip
    return estimate, float(np.abs(gaps).max())


def _mean_gap(gaps: Floats, reach: float, confidence: float) -> tuple[float, float] | tuple[None, None]:
    """Limits of the mean gap over groups of twins.

    Student's interval after adding two groups with gaps of plus and minus the largest one, as A. Agresti and
    B. Caffo add two successes and two failures to a pair of proportions (2000, Am. Stat. 54:280-288), and
    never inside of the plain one: where one template in twenty reacts, few groups show little spread.
    Groups without any gap, or a single one, show none at all. The limits are then what one more pair would
    leave open that differs by all of ``reach`` (N. Gaffke 2005, Math. Methods Stat. 14:451-467; for gaps of 0
    and 1 Clopper and Pearson's). Where the scores show no range either, nothing can be said.
    """
    from scipy.special import stdtrit

    count, mean, largest = len(gaps), float(gaps.mean()), float(np.abs(gaps).max())
    tail = (1 - confidence) / 2
    if largest == 0 or count == 1:
        if reach == 0:
            return None, None
        share = 1 - tail ** (1 / count)
        return mean - share * (reach + mean), mean + share * (reach - mean)
    more = np.concatenate([gaps, [largest, -largest]])
    low, high = float(mean), float(mean)
    for sample in (gaps, more):
        half = stdtrit(len(sample) - 1, 1 - tail) * sample.std(ddof=1) / np.sqrt(len(sample))
        low, high = min(low, float(sample.mean() - half)), max(high, float(sample.mean() + half))
    return max(low, -max(reach, largest)), min(high, max(reach, largest))


def _apart(pairs: NDArray[np.int64], apart: NDArray[np.int64], decided: bool, plan: Plan) -> Estimate:
    """Share of the pairs that are decided apart; each group is a cluster of its pairs."""
    count = len(pairs)
    if not decided:
        return _undefined(count, tell("the model takes no decisions"), plan)
    total = Counts(np.array([pairs.sum()]), selected=np.array([apart.sum()]))
    clusters = None
    if pairs.max() > 1:
        sums = Counts(pairs.astype(float), selected=apart.astype(float))
        clusters = Clusters(np.zeros(count, np.intp), np.arange(count), sums)
    figure = SELECTED.of(Tally((), [()], total, clusters=clusters))
    low, high = figure.limits(normal_quantile(plan.confidence), 1.0)
    return Estimate(
        value=float(figure.value[0]), low=float(low[0]), high=float(high[0]), confidence=plan.confidence,
        n=int(pairs.sum()), method=figure.method, **_size(count, plan),
        effective_n=None if figure.effective_n is None else float(figure.effective_n[0]),
    )  # fmt: skip


def _size(groups: int, plan: Plan) -> dict[str, str]:
    if groups >= plan.min_size:
        return {}
    why = tell("fewer than {least} groups of twins ({n})", least=plan.min_size, n=groups)
    return {"status": "small", "why": why}


def _undefined(n: int, why: str, plan: Plan) -> Estimate:
    return Estimate(value=None, confidence=plan.confidence, n=n, status="undefined", why=why)
