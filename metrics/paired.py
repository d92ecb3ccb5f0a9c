"""Change of a count metric on the same rows, from the joint counts.

Every count metric is a ratio of two sums over the cells (label, decision before, decision after). Where
the denominator does not depend on the decision, only two numbers count: the rows that the change brings
into the numerator and those that it takes out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clusters import Dependence, effective
from .counts import Counts
from .figures import DRAWS, SEED, Figure, mean_of
from .intervals import Floats, Limits, tail_area, tango
from .joint import JointTally, one_side
from .ratio import Formula, Ratio


@dataclass(frozen=True)
class _Flow:
    """What a ratio counts of the joint cells, where its denominator does not depend on the decision.

    Arrays of shape (labels, 2, 2): cells of the denominator, cells that only the numerator after holds,
    cells that only the one before holds.
    """

    base: Floats
    gained: Floats
    lost: Floats


def _flow(ratio: Ratio, labels: int) -> _Flow | None:
    """The flow of a ratio, by evaluating its two linear functions on unit cells; None without one."""
    if ratio.scale is not None:
        return None
    size = 4 * labels
    units = np.eye(size).reshape(size, labels, 2, 2)
    before, after = one_side(units, "before"), one_side(units, "after")
    base, other = ratio.denominator(before), ratio.denominator(after)
    if np.any(base != other):
        return None
    step = np.asarray(ratio.numerator(after)) - np.asarray(ratio.numerator(before))
    shape = (labels, 2, 2)
    return _Flow(
        np.asarray(base, float).reshape(shape),
        np.maximum(step, 0).reshape(shape),
        np.maximum(-step, 0).reshape(shape),
    )


def _dot(cells: NDArray[Any], chosen: Floats) -> Floats:
    return np.asarray(np.tensordot(cells, chosen, 3), float)


@dataclass(frozen=True)
class _Shares:
    """Shares of the denominator's rows gained and lost, and the effective denominator, per slice."""

    gained: Floats
    lost: Floats
    trials: Floats
    dependence: Dependence | None = None


def _shares(flow: _Flow, tally: JointTally) -> _Shares:
    """Shares and effective rows; these come from the linearised variance of the paired difference.

    With d the difference and q the share of rows that count in it at all, equal and independent rows
    have variance (q - d^2) / n. Weights and clusters change that variance, so that n becomes
    (q - d^2) / variance, never more than Kish's, which also serves where q is d^2 (no row is gained or
    lost).
    """
    den = _dot(tally.sums, flow.base)
    with np.errstate(divide="ignore", invalid="ignore"):
        gained, lost = _dot(tally.sums, flow.gained) / den, _dot(tally.sums, flow.lost) / den
        d, spread = gained - lost, gained + lost - (gained - lost) ** 2
        if tally.clusters is not None:
            held = tally.clusters
            base = _dot(held.cells, flow.base)
            residual = _dot(held.cells, flow.gained) - _dot(held.cells, flow.lost) - d[held.owner] * base
            squares = tally.counts if tally.squares is None else tally.squares
            bound = den**2 / _dot(squares, flow.base)
            rows = effective(held.owner, held.cluster, residual, base, spread, den, bound)
            return _Shares(gained, lost, *rows)
        if tally.squares is None:
            return _Shares(gained, lost, den)
        base2, gained2, lost2 = (_dot(tally.squares, c) for c in (flow.base, flow.gained, flow.lost))
        still = np.maximum(base2 - gained2 - lost2, 0)
        variance = ((1 - d) ** 2 * gained2 + (1 + d) ** 2 * lost2 + d**2 * still) / den**2
        kish = den**2 / base2
        trials = np.where(spread > 1e-12, np.minimum(spread / variance, kish), kish)
        return _Shares(gained, lost, trials)


def ratio_change(ratio: Ratio, tally: JointTally) -> Figure:
    """After - before of a ratio of counts in every slice.

    Rates whose denominator does not depend on the decision have Tango's score limits; every other ratio has
    quantiles of a Jeffreys-Dirichlet posterior of the joint cells.

    Returns
    -------
    Figure
        ``n`` is the denominator before; nan where the ratio is undefined before or after.
    """
    flow = _flow(ratio, tally.counts.shape[1])
    if flow is None:
        return posterior_change(ratio.value, ratio.denominator, tally)
    shares = _shares(flow, tally)
    value = shares.gained - shares.lost

    @lru_cache(maxsize=8)
    def limits(z: float, scale: float) -> Limits:
        n = shares.trials * scale
        low, high = tango(shares.gained * n, shares.lost * n, n, z)
        return np.minimum(low, value), np.maximum(high, value)

    plain = tally.weights is None and tally.clusters is None
    n = _dot(tally.counts, flow.base).astype(np.int64)
    return Figure(value, n, limits, "tango", None if plain else shares.trials, dependence=shares.dependence)


def ratio_change_p(ratio: Ratio, tally: JointTally) -> Floats:
    """Two-sided p of no change in each slice; nan for ratios whose denominator changes.

    The mid-p McNemar test (H. O. Lancaster 1961, JASA 56:223-234; M. W. Fagerland et al. 2013, BMC Med.
    Res. Methodol. 13:91); with weights or clusters McNemar's score test on the effective rows.
    """
    flow = _flow(ratio, tally.counts.shape[1])
    if flow is None:
        return np.full(len(tally), np.nan)
    if tally.weights is None and tally.clusters is None:
        p = mcnemar_mid_p(_dot(tally.counts, flow.gained), _dot(tally.counts, flow.lost))
        return np.where(_dot(tally.counts, flow.base) > 0, p, np.nan)
    shares = _shares(flow, tally)
    with np.errstate(invalid="ignore"):
        score = np.abs(shares.gained - shares.lost) * np.sqrt(shares.trials)
        score = score / np.sqrt(np.maximum(shares.gained + shares.lost, 1e-300))
    p = np.array([2 * tail_area(s) if np.isfinite(s) else np.nan for s in score.tolist()])
    return np.where(np.isnan(shares.gained), np.nan, p)


def mcnemar_mid_p(b: Floats, c: Floats) -> Floats:
    """Two-sided mid-p of ``b`` against ``c`` discordant rows; 1 where there are none.

    2 P(X < min(b, c)) + P(X = min(b, c)), X binomial with b + c trials of probability 1/2.
    """
    from scipy.special import bdtr

    few, n = np.minimum(b, c), np.asarray(b + c, np.int64)
    below = np.where(few > 0, bdtr(np.maximum(few - 1, 0), n, 0.5), 0.0)
    return np.asarray(np.where(n > 0, np.minimum(below + bdtr(few, n, 0.5), 1.0), 1.0))


def mean_change(parts: Sequence[Ratio], tally: JointTally) -> Figure:
    """After - before of the mean of ratios on different rows: their limits combined (MOVER)."""
    figures = [ratio_change(part, tally) for part in parts]
    value, limits = mean_of(figures)
    effective = [f.effective_n for f in figures if f.effective_n is not None]
    n = tally.counts.sum((1, 2, 3))
    return Figure(value, n, limits, "mover-tango", np.sum(effective, axis=0) if effective else None)


def posterior_change(of: Callable[[Counts], Floats], denominator: Formula, tally: JointTally) -> Figure:
    """After - before of any function of counts: a plain bootstrap of empty cells would claim certainty."""

    def changed(cells: NDArray[Any]) -> Floats:
        return np.asarray(of(one_side(cells, "after")) - of(one_side(cells, "before")))

    value = changed(tally.sums)
    effective = _effective_rows(tally)
    rows = tally.counts.sum((1, 2, 3)) if effective is None else effective
    total = tally.sums.sum((1, 2, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = tally.sums / np.where(total > 0, total, 1)[:, None, None, None] * rows[:, None, None, None]

    @lru_cache(maxsize=2)
    def drawn(scale: float) -> Floats:
        """Sorted draws of the change, shape (draws, slices)."""
        out = np.empty((DRAWS, len(cells)))
        for i, one in enumerate(cells):
            out[:, i] = changed(_posterior((one * scale).tobytes(), one.shape))
        return np.sort(out, axis=0)

    def limits(z: float, scale: float) -> Limits:
        draws, tail = drawn(scale), tail_area(z)
        low, high = _quantile(draws, tail), _quantile(draws, 1 - tail)
        undefined = np.isnan(value)
        return (
            np.where(undefined, np.nan, np.minimum(low, value)),
            np.where(undefined, np.nan, np.maximum(high, value)),
        )

    n = np.asarray(denominator(one_side(tally.counts, "before")))
    return Figure(value, n, limits, "dirichlet-paired", effective)


@lru_cache(maxsize=128)
def _posterior(cells: bytes, shape: tuple[int, ...]) -> Floats:
    """Draws of the cell probabilities of one slice, kept for the next metric of the same slices.

    Each slice has a generator of its own: its limits do not depend on which others there are.
    """
    concentration = np.frombuffer(cells).reshape(shape) + 0.5
    return np.random.default_rng(SEED).standard_gamma(concentration, (DRAWS, *shape))


def _quantile(ordered: Floats, share: float) -> Floats:
    """Quantile of sorted draws, interpolated as numpy's default does."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return np.asarray(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def _effective_rows(tally: JointTally) -> Floats | None:
    """Kish's effective number of rows, or of clusters, of each slice; None for plain rows."""
    if tally.clusters is not None:
        owner, size = tally.clusters.owner, tally.clusters.cells.sum((1, 2, 3))
        sums, squares = (np.bincount(owner, each, len(tally)) for each in (size, size**2))
    elif tally.weights is not None and tally.squares is not None:
        sums, squares = (each.sum((1, 2, 3)) for each in (tally.weights, tally.squares))
    else:
        return None
    with np.errstate(invalid="ignore"):
        return np.asarray(sums**2 / squares)
