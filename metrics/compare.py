"""Slices compared with a reference and with each other, on `Figure` objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .counts import Tally
from .figures import DRAWS, SEED, Figure
from .intervals import (
    Floats,
    Limits,
    mover_difference,
    mover_ratio,
    pairwise_quantile,
    score_ratio,
    wilson,
)

Index = NDArray[np.intp]

EXACT_PAIRS = 100
"""Up to so many slices all pairs get score intervals of the ratio; beyond, MOVER's closed form."""


def _take(figure: Figure, z: float, scale: float, index: NDArray[np.intp]) -> tuple[Floats, Limits]:
    low, high = figure.limits(z, scale)
    return figure.value[index], (low[index], high[index])


def difference(
    figure: Figure, slices: NDArray[np.intp], references: NDArray[np.intp], z: float, scale: float = 1.0
) -> tuple[Floats, Limits]:
    """``value[slices] - value[references]`` with limits, elementwise."""
    a, a_limits = _take(figure, z, scale, slices)
    b, b_limits = _take(figure, z, scale, references)
    return a - b, mover_difference(a, a_limits, b, b_limits)


def ratio(
    figure: Figure, slices: NDArray[np.intp], references: NDArray[np.intp], z: float, scale: float = 1.0
) -> tuple[Floats, Limits]:
    """``value[slices] / value[references]`` with limits, elementwise; nan where the reference is 0."""
    a, b = figure.value[slices], figure.value[references]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(b > 0, a / b, np.nan)
    if figure.trials is not None and len(slices) <= EXACT_PAIRS**2:
        n1, n2 = figure.trials[slices] * scale, figure.trials[references] * scale
        low, high = score_ratio(a * n1, n1, b * n2, n2, z)
    else:
        low, high = mover_ratio(*_take(figure, z, scale, slices), *_take(figure, z, scale, references))
    undefined = np.isnan(value)
    return value, (np.where(undefined, np.nan, low), np.where(undefined, np.nan, high))


def difference_method(figure: Figure) -> str:
    """Key of ``METHODS`` for differences of this figure."""
    return "newcombe" if figure.method == "wilson" else "mover"


def ratio_method(figure: Figure) -> str:
    """Key of ``METHODS`` for ratios of this figure."""
    return "score-ratio" if figure.trials is not None else "mover-ratio"


@dataclass(frozen=True)
class Between:
    """The extremes over slices: value, limits and the two slices that make it."""

    value: float
    low: float
    high: float
    slice: int
    reference: int
    metric: str


def between(
    figures: dict[str, Figure],
    slices: NDArray[np.intp],
    compare: Literal["difference", "ratio"],
    confidence: float,
    scale: float = 1.0,
) -> Between | None:
    """Highest - lowest (or lowest / highest) over ``slices``, the worst of the given metrics.

    The limits are the outermost over all pairs, each pair at the studentised-range quantile / sqrt 2,
    so that with the stated confidence they enclose the true extremes whichever slices those are; the
    confidence is shared out evenly over several metrics (Bonferroni).

    Returns
    -------
    Between or None
        None where fewer than two slices have the metric.
    """
    found: list[Between] = []
    lows, highs = [], []
    for name, figure in figures.items():
        use = slices[figure.defined[slices]]
        if compare == "ratio" and len(use) and figure.value[use].max() <= 0:
            continue
        if len(use) < 2:
            continue
        z = pairwise_quantile(1 - (1 - confidence) / len(figures), len(use))
        top, bottom = int(use[np.argmax(figure.value[use])]), int(use[np.argmin(figure.value[use])])
        low, high = _outermost(figure, use, compare, z, scale)
        if compare == "difference":
            found.append(Between(figure.value[top] - figure.value[bottom], low, high, top, bottom, name))
        else:
            found.append(Between(figure.value[bottom] / figure.value[top], low, high, bottom, top, name))
        lows.append(low)
        highs.append(high)
    if not found:
        return None
    pick = max if compare == "difference" else min
    worst = pick(found, key=lambda b: b.value)
    return Between(worst.value, pick(lows), pick(highs), worst.slice, worst.reference, worst.metric)


def _outermost(
    figure: Figure, use: NDArray[np.intp], compare: str, z: float, scale: float
) -> tuple[float, float]:
    """Limits of the true extreme over all ordered pairs of ``use``."""
    value, (low, high) = _take(figure, z, scale, use)
    if compare == "difference":
        return _widest(value, low, high)
    if figure.trials is not None and len(use) <= EXACT_PAIRS:
        trials = figure.trials[use] * scale
        i, j = np.nonzero((value[None, :] > 0) & ~np.eye(len(use), dtype=bool))
        if not len(i):
            return 0.0, 1.0  # where no other slice has any, nothing bounds the ratio from below
        lows, highs = score_ratio(value[i] * trials[i], trials[i], value[j] * trials[j], trials[j], z)
        return min(1.0, float(np.nanmin(lows))), min(1.0, float(np.nanmin(highs)))
    # MOVER's ratio is its difference of logarithms; a slice at 0 has the smallest ratio of all.
    some = value > 0
    least, most = 0.0, np.inf
    if some.sum() > 1:
        with np.errstate(divide="ignore"):
            least, most = _widest(np.log(value[some]), np.log(low[some]), np.log(high[some]))
    if some.all():
        return float(np.exp(-most)), float(np.exp(-least))
    return 0.0, min(float(np.exp(-least)), float(high[~some].min() / low[some].max()))


def _widest(value: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """The largest lower (at least 0) and the largest upper MOVER limit over all ordered pairs.

    Only the slices that can reach the maximum are paired: with a and b the arms of the two intervals,
    hypot(a, b) is at most a + b and at least (a + b) / sqrt 2, which bounds either limit of a pair by a
    term of each slice.
    """
    below, above = value - low, high - value

    def upper(i: Index, j: Index) -> Floats:
        return np.asarray(value[i] - value[j] + np.hypot(above[i], below[j]))

    def lower(i: Index, j: Index) -> Floats:
        return np.asarray(value[i] - value[j] - np.hypot(below[i], above[j]))

    half = np.sqrt(0.5)
    return (
        max(0.0, _largest(lower, value - below * half, value + above * half, 0.0)),
        _largest(upper, high, low, -np.inf),
    )


def _largest(limit: Callable[[Index, Index], Floats], first: Floats, second: Floats, best: float) -> float:
    """Largest of ``limit(i, j)``, i != j, and of ``best``; the limit is at most ``first[i] - second[j]``."""
    order_i, order_j = np.argsort(-first), np.argsort(second)
    top = order_i[:1]
    best = max(best, float(limit(top, order_j[order_j != top][:1])[0]))
    reach_i = order_i[first[order_i] - second.min() >= best]
    reach_j = order_j[first.max() - second[order_j] >= best]
    for start in range(0, len(reach_i), 1000):
        i, j = np.meshgrid(reach_i[start : start + 1000], reach_j, indexing="ij")
        best = max(best, float(np.where(i == j, -np.inf, limit(i, j)).max(initial=-np.inf)))
    return best


def variance_between(value: Floats, trials: Floats, confidence: float) -> tuple[float, float, float]:
    """Variance of a proportion between slices, free of the sampling noise in it.

    The value is the variance of the observed rates less the mean of their sampling variances, which
    is unbiased and may be negative; the limits are quantiles of a parametric bootstrap in which that
    noise is taken off twice, once for the data and once for the draw (K. Lum, Y. Zhang, A. Bower 2022,
    De-biasing "bias" measurement, FAccT '22).

    Parameters
    ----------
    value, trials : float arrays of shape (slices,)
        Rates and (effective) denominators of at least two slices.
    confidence : float
    """
    n = np.maximum(np.round(trials), 2)
    point = float(np.var(value, ddof=1) - (value * (1 - value) / (n - 1)).mean())
    # A rate of 0 in few rows is not known to be 0: two successes and two failures are added to the noise.
    smooth = (value * n + 2) / (n + 4)
    generator = np.random.default_rng(SEED)
    # Over many slices the variance hardly varies from draw to draw, and fewer of them do.
    draws = max(500, min(DRAWS, 1_000_000 // len(value)))
    block = max(1, 1_000_000 // len(value))
    parts = []
    for start in range(0, draws, block):
        drawn = generator.binomial(n.astype(np.int64), smooth, (min(block, draws - start), len(value))) / n
        parts.append(np.var(value - smooth + drawn, axis=1, ddof=1))
    spread = np.concatenate(parts)
    corrected = spread - 2 * (smooth * (1 - smooth) / n).mean()
    tail = (1 - confidence) / 2
    low, high = np.quantile(corrected, [tail, 1 - tail])
    return point, min(float(low), point), max(float(high), point)


def differential_fairness(
    figure: Figure, selected: Floats, n: Floats, use: NDArray[np.intp], confidence: float
) -> tuple[float, float, float, int, int]:
    """Differential fairness epsilon of the decisions: the largest |ln ratio| of either decision's rate.

    The value is smoothed with a Dirichlet prior of concentration 1, as AIF360's
    ``smoothed_edf`` does (J. R. Foulds et al. 2020, ICDE, eq. 8); the limits are the outermost score
    limits over all pairs and both decisions.

    Returns
    -------
    value, low, high, slice, reference
        The two slices whose rates make the value.
    """
    smooth = (selected[use] + 0.5) / (n[use] + 1)
    logs = np.stack([np.log(smooth), np.log1p(-smooth)])
    spans = logs.max(1) - logs.min(1)
    outcome = int(np.argmax(spans))
    z = pairwise_quantile(1 - (1 - confidence) / 2, len(use))
    low, high = 0.0, 0.0
    assert figure.trials is not None
    for rate in (figure.value, 1 - figure.value):
        one = Figure(rate, figure.n, _proportion_limits(rate, figure.trials), "wilson", trials=figure.trials)
        smallest_low, smallest_high = _outermost(one, use, "ratio", z, 1.0)
        low = max(low, -np.log(smallest_high))
        high = max(high, -np.log(smallest_low) if smallest_low > 0 else np.inf)
    return (
        float(spans[outcome]), float(low), float(high),
        int(use[np.argmin(logs[outcome])]), int(use[np.argmax(logs[outcome])]),
    )  # fmt: skip


def _proportion_limits(rate: Floats, trials: Floats) -> Callable[[float, float], Limits]:
    return lambda z, scale: wilson(rate * trials * scale, trials * scale, z)


def entropy_index(tally: Tally, alpha: int) -> tuple[Floats, float]:
    """Generalized entropy of the benefits ``decision - label + 1`` in each slice, and between slices.

    ``alpha=1`` is the Theil index, ``alpha=2`` half the squared coefficient of variation
    (T. Speicher et al. 2018, KDD '18).

    Returns
    -------
    within : float array of shape (slices,)
        Index of the rows of each slice; nan where every benefit is 0.
    between : float
        Index of the slices' mean benefits, weighted by their rows: the part of the whole index that
        lies between slices.
    """
    c = tally.weights or tally.counts
    assert c.fp is not None
    assert c.tp is not None
    assert c.tn is not None
    two, one, n = c.fp.astype(float), (c.tp + c.tn).astype(float), c.n.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (2 * two + one) / n
        parts = (two * _entropy(2 / mean, alpha) + one * _entropy(1 / mean, alpha)) / n
        zero = (n - two - one) * _entropy(np.zeros_like(mean), alpha) / n
        whole = (2 * two + one).sum() / n.sum()
        outer = float((n * _entropy(mean / whole, alpha)).sum() / n.sum())
    return np.where(mean > 0, parts + zero, np.nan), outer


def _entropy(share: Floats, alpha: int) -> Floats:
    if alpha == 1:
        return np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0.0)
    return (share**alpha - 1) / (alpha * (alpha - 1))
