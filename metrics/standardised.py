"""Mean scores of groups compared in standard deviations: of both groups, or of all scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .codes import crossed
from .figures import Figure
from .intervals import Floats, Limits, normal_quantile
from .score_figures import SlicedScores
from .scores import ScoreTable
from .units import Units, student

PSEUDO_ROWS = 2
"""Units with the variance of all scores that are added to each group's variance."""
FEW_ROWS = 50
"""Units of the smaller group at which half of what narrows the limits counts."""


@dataclass(frozen=True)
class Standardised:
    """Standardised mean differences of groups to a reference; arrays of shape (groups,), nan where undefined.

    Attributes
    ----------
    mean : float array
        Mean score of each group.
    spread : float
        Standard deviation of all scores.
    value, low, high : float arrays
        (mean - reference mean) / spread, with limits; 0 for the reference itself.
    """

    mean: Floats
    spread: float
    value: Floats
    low: Floats
    high: Floats


def standardised_differences(
    table: ScoreTable, by: Sequence[str], keys: Sequence[tuple[str, ...]], reference: int, confidence: float
) -> Standardised:
    """Compare the mean score of every group with that of the reference group, over the spread of all rows.

    The standard deviation is that of all rows, the practice of fair lending (N. Gill et al. 2020, Information
    11:137; ``solas_disparity`` calls it POPULATION). Limits are those of `_linearised`. Rows are counted
    without weights; clusters count.

    Parameters
    ----------
    by, keys
        Columns of the groups, and their values in the order of the result.
    reference : int
        Position of the reference group in ``keys``.
    confidence : float
        In (0, 1).
    """
    group = table.project(by, keys)[table.codes]
    count = table.count.astype(float)
    n = np.bincount(group, count, len(keys))
    rows = n.sum()
    overall = float((table.count * table.score).sum() / rows)
    centred = table.score - overall
    first, second = (np.bincount(group, count * centred**k, len(keys)) for k in (1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = second.sum() / (rows - 1)
        spread = np.sqrt(variance)
        mean = first / n
        value = (mean - mean[reference]) / spread
    groups = _groups(table, table.project(by, keys), len(keys), weighted=False)
    limits = _linearised(groups, value, np.full(len(keys), spread), reference, "all")
    low, high = limits(normal_quantile(confidence), 1.0)
    undefined = ~np.isfinite(value) | ~np.isfinite(low) | ~np.isfinite(high) | (spread == 0)
    low, high = np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)
    value = np.where(np.isfinite(value), value, np.nan)
    value[reference] = low[reference] = high[reference] = 0.0
    return Standardised(mean + overall, float(spread), value, low, high)


def smd_figure(scores: SlicedScores, reference: int) -> Figure:
    """Standardised mean difference of each slice's scores to those of slice ``reference``.

    (mean - reference mean) / pooled standard deviation of the two slices. Limits are those of `_linearised`,
    with weights and clusters.
    """
    table, n = scores.table, scores.n.astype(float)
    mean, sd = scores.mean_and_sd()
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.sqrt(((n - 1) * sd**2 + (n[reference] - 1) * sd[reference] ** 2) / (n + n[reference] - 2))
        d = (mean - mean[reference]) / pooled
    d = np.where(np.isfinite(d), d, np.nan)
    groups = _groups(table, scores.owner, scores.size, weighted=True)
    limits = _linearised(groups, d, pooled, reference, "both")
    kish = groups.kish if table.weighted or table.cluster is not None else None
    return Figure(d, scores.n, limits, "standardised", kish)


@dataclass(frozen=True)
class _Groups:
    """Sums over the rows of every group; scores are centred.

    Attributes
    ----------
    n, total, kish : float arrays of shape (groups,)
        Rows, weight, and independent units of equal weight.
    first, second : float arrays of shape (groups,)
        Weighted mean of the scores and of their squares.
    outer : float array of shape (groups, 3, 3)
        Sums over the rows of w^2 (1, x, x^2)'(1, x, x^2).
    fourth : float array of shape (groups, 5)
        Sums of w^4 x^k.
    clusters : tuple or None
        `Units` of the (group, cluster) pairs, each pair's cluster, and its sums of w (1, x, x^2).
    """

    n: Floats
    total: Floats
    kish: Floats
    first: Floats
    second: Floats
    outer: Floats
    fourth: Floats
    clusters: tuple[Units, NDArray[np.int64], Floats] | None


def _groups(table: ScoreTable, owner: NDArray[np.int64], size: int, weighted: bool) -> _Groups:
    """Sums of the groups, each table slice's group given by ``owner``; with weights or counting rows."""
    plain = not (weighted and table.weighted)
    weight = table.count.astype(float) if plain else table.weight

    def moments() -> Floats:
        score = table.score - _centre(table)
        # An entry of several rows, as in binned scores, holds rows of equal weight.
        weights = [weight] if plain else [weight, table.square, table.square**2 / table.count]
        found = []
        for power in [*weights]:
            for _ in range(5):
                found.append(table.sum(power))
                power = power * score
        return np.stack(found, axis=-1)

    base = table.cached("score moments" if plain else "weighted score moments", moments)
    sums = np.zeros((size, base.shape[1]))
    np.add.at(sums, owner, base)
    once, squared, fourth = (sums[:, :5],) * 3 if plain else (sums[:, :5], sums[:, 5:10], sums[:, 10:])
    n = np.zeros(size)
    np.add.at(n, owner, table.totals[0])
    outer = np.stack([squared[:, i : i + 3] for i in range(3)], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = once[:, 0]
        kish = total**2 / squared[:, 0]
        clusters = None
        if table.cluster is not None:
            clusters = _cluster_sums(table, owner[table.codes], weight, total)
            kish = clusters[0].kish
        return _Groups(n, total, kish, once[:, 1] / total, once[:, 2] / total, outer, fourth, clusters)


def _cluster_sums(
    table: ScoreTable, group: NDArray[np.int64], weight: Floats, total: Floats
) -> tuple[Units, NDArray[np.int64], Floats]:
    assert table.cluster is not None
    score = table.score - _centre(table)
    width = int(table.cluster.max(initial=0)) + 1
    (owner, cluster), unit = crossed([group, table.cluster], [len(total), width])
    first = weight * score
    parts = [np.bincount(unit, v, len(owner)).astype(float) for v in (weight, first, first * score)]
    units = Units(owner, unit, parts[0], np.ones(len(owner)), total)
    return units, cluster, np.stack(parts, axis=-1)


def _centre(table: ScoreTable) -> float:
    """Mean score of all rows, from which powers are taken for the sake of rounding."""
    return float((table.count * table.score).sum() / max(table.count.sum(), 1))


def _linearised(
    groups: _Groups, value: Floats, spread: Floats, reference: int, over: Literal["both", "all"]
) -> Callable[[float, float], Limits]:
    """Limits of standardised differences: linearised, by row or by cluster, without a distribution assumed.

    A unit's influence on (mean - reference mean) / spread is that on the two means and on the spread; a
    cluster that lies in both groups adds up (matched designs). Each unit's influence is divided by 1 - its
    share of its group (CR3, R. M. Bell, D. F. McCaffrey 2002, Surv. Methodol. 28:169-181), and the limits are
    Student's at the smaller of Welch's degrees of freedom on Kish's units and (sum u^2)^2 / sum u^4 of the
    influences on the means. Two things keep them from being too narrow in few or skewed rows: the variance of
    a group's mean is at least that of its units and of ``PSEUDO_ROWS`` with the variance of all, so that
    equal scores are not taken as certain; and where the estimated spread narrows the limits, that counts by
    the share n / (n + ``FEW_ROWS``) for n units of the smaller group.
    """
    size = len(value)
    means, whole, freedom = (np.full(size, np.nan) for _ in range(3))
    held = [k for k in range(size) if k != reference and np.isfinite(value[k]) and spread[k] > 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        for k in held:
            means[k], whole[k], freedom[k] = _variance(groups, k, reference, value[k], spread[k], over)
        fewest = np.minimum(groups.kish, groups.kish[reference])
        spreading = whole - means
        trusted = np.where(spreading > 0, spreading, spreading * fewest / (fewest + FEW_ROWS))
        error = np.sqrt(np.maximum(means + trusted, 0))

    @lru_cache(maxsize=8)
    def limits(z: float, scale: float) -> Limits:
        half = student(z, np.maximum(freedom * scale, 1)) * error / np.sqrt(scale)
        half[reference] = 0.0
        return value - half, value + half

    return limits


def _variance(
    groups: _Groups, k: int, reference: int, d: float, spread: float, over: str
) -> tuple[float, float, float]:
    """Variance of one difference, with the spread as known and as estimated, and its degrees of freedom."""
    pair = (k, reference)
    units = groups.kish[list(pair)]
    if min(units) <= 1:
        return np.nan, np.nan, 1.0
    on_mean = [_on_mean(groups, g, sign, spread) for g, sign in zip(pair, (1, -1), strict=True)]
    on_spread = _on_spread(groups, pair, d, spread, over)
    both = list(zip(pair, on_mean, on_spread, strict=True))
    if groups.clusters is None:
        each = [_rows(groups, g, a) for g, a, _ in both]
        means, fourth = sum(each), sum(_fourth(groups, g, a) for g, a, _ in both)
        whole = sum(_rows(groups, g, a + b) for g, a, b in both)
        if over == "all":
            others = groups.outer.sum(0) - groups.outer[list(pair)].sum(0)
            whole += float(on_spread[0] @ others @ on_spread[0])
    else:
        sums = [_by_cluster(groups, g, a) for g, a, _ in both]
        each = [_jackknife(s) for s in sums]
        influence = sums[0] + sums[1]
        means, fourth = _jackknife(influence), float(np.sum(influence**4))
        parts = range(len(groups.n)) if over == "all" else pair
        for g, b in zip(parts, on_spread * len(groups.n), strict=False):
            influence = influence + _by_cluster(groups, g, b, left_out=False)
        whole = _jackknife(influence)
    freedom = min(units) - 1
    if sum(each) > 0:
        welch = sum(each) ** 2 / sum(v**2 / (u - 1) for v, u in zip(each, units, strict=True))
        freedom = min(welch, means**2 / fourth) if fourth > 0 else welch
    # The least variance of a group's mean, in squares of the spread.
    least = [v * (u - 1) / (u + 1) + PSEUDO_ROWS / (u * (u + 1)) for v, u in zip(each, units, strict=True)]
    added = sum(max(m - v, 0) for m, v in zip(least, each, strict=True))
    return means + added, whole + added, max(float(freedom), 1.0)


def _on_mean(groups: _Groups, g: int, sign: int, spread: float) -> Floats:
    """Influence of a row of group g on the difference of the means, as factors of (1, x, x^2)."""
    factor = sign / (float(groups.total[g]) * spread)
    return np.array([-float(groups.first[g]) * factor, factor, 0.0])


def _on_spread(groups: _Groups, pair: tuple[int, int], d: float, spread: float, over: str) -> list[Floats]:
    """Influence of a row of either group through the estimated spread; over all rows that of any row."""
    if over == "all":
        total = groups.total.sum()
        middle, square = (np.nansum(groups.total * v) / total for v in (groups.first, groups.second))
        factor = -d / (2 * spread**2) / total
        return [factor * np.array([2 * middle**2 - square, -2 * middle, 1.0])] * 2
    free = groups.n[list(pair)] - 1
    out = []
    for g, share in zip(pair, free / free.sum(), strict=True):
        mean, square = groups.first[g], groups.second[g]
        factor = -d * share / (2 * spread**2) / groups.total[g]
        out.append(factor * np.array([2 * mean**2 - square, -2 * mean, 1.0]))
    return out


def _rows(groups: _Groups, g: int, factors: Floats) -> float:
    """Sum of squared influences of the rows of a group, which are n / (n - 1) too small."""
    n = groups.n[g]
    found = float(factors @ groups.outer[g] @ factors)
    return found * float(n) / max(float(n) - 1, 1e-9)


def _fourth(groups: _Groups, g: int, factors: Floats) -> float:
    """Sum of fourth powers of the rows' influences on the mean."""
    a, b = factors[0], factors[1]
    powers = np.array([a**4, 4 * a**3 * b, 6 * a**2 * b**2, 4 * a * b**3, b**4])
    return float(powers @ groups.fourth[g])


def _by_cluster(groups: _Groups, g: int, factors: Floats, left_out: bool = True) -> Floats:
    """Influence of every cluster through its rows in a group, over 1 - its share of the group's weight."""
    assert groups.clusters is not None
    units, cluster, sums = groups.clusters
    # The pairs stand group by group.
    here = slice(*np.searchsorted(units.owner, [g, g + 1]))
    influence = sums[here] @ factors
    if left_out:
        influence = influence / np.maximum(1 - units.weight[here] / groups.total[g], 1e-9)
    found: Floats = np.bincount(cluster[here], influence, int(cluster.max(initial=0)) + 1).astype(float)
    return found


def _jackknife(sums: Floats) -> float:
    """Sum of squares, times (C - 1) / C of the C clusters that have any influence."""
    used = int(np.count_nonzero(sums))
    squares = float(np.sum(sums**2))
    return squares * (used - 1) / used if used > 1 else squares
