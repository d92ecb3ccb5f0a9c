"""A metric of every slice with its limits at any confidence and any multiple of the rows.

Everything that compares slices (disparities, gates, the rows a verdict would need) reads a `Figure`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .counts import Counts, Tally
from .intervals import Floats, Limits, tail_area, wilson
from .table import METRICS, Metric

DRAWS = 4000
SEED = 20_260_101


@dataclass(frozen=True)
class Figure:
    """One metric over slices.

    Attributes
    ----------
    value : float array of shape (slices,)
        nan where undefined.
    n : int array of shape (slices,)
        Rows in the denominator.
    limits : callable (z, scale) -> (low, high)
        Limits at the normal quantile ``z``, had there been ``scale`` times the rows.
    method : str
        Key of ``METHODS``.
    effective_n : float array or None
        Effective rows after weights or clusters.
    trials : float array or None
        Effective denominators, where the figure is a proportion.
    """

    value: Floats
    n: NDArray[np.int64]
    limits: Callable[[float, float], Limits]
    method: str
    effective_n: Floats | None = None
    trials: Floats | None = None

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Slices in which the metric exists."""
        return ~np.isnan(self.value)

    def take(self, slices: Sequence[int]) -> Figure:
        """The figure of some slices, in this order."""
        index = np.asarray(slices, np.intp)

        def limits(z: float, scale: float) -> Limits:
            low, high = self.limits(z, scale)
            return low[index], high[index]

        effective = None if self.effective_n is None else self.effective_n[index]
        trials = None if self.trials is None else self.trials[index]
        return Figure(self.value[index], self.n[index], limits, self.method, effective, trials)


METHODS = {
    "wilson": "Wilson score interval of a proportion (E. B. Wilson 1927, JASA 22:209-212); with weights or "
    "clusters on the effective number of rows.",
    "wilson-transformed": "Wilson limits of the proportion behind the metric, carried through its monotone "
    "formula.",
    "mover": "MOVER: the limits of the parts combined as independent (G. Y. Zou, A. Donner 2008, Stat. Med. "
    "27:1693-1702).",
    "dirichlet": f"Quantiles of {DRAWS} seeded draws of the four cell probabilities given the counts plus "
    "one half each (Jeffreys prior); stays honest where a plain bootstrap of empty cells has no spread.",
    "delong": "Wilson limits on the number of rows that DeLong's variance amounts to (E. R. DeLong et al. "
    "1988, Biometrics 44:837-845; M. Kottas et al. 2014, BMC Med. Res. Methodol. 14:26), joined with those "
    "of Newcombe's method 5 (R. G. Newcombe 2006, Stat. Med. 25:559-573), as AUCs near 1 need.",
    "student": "Student interval of a mean with its linearised variance.",
    "pseudo-rows": "Normal interval of a mean after adding z squared rows with these scores, half of them "
    "positive, as for a proportion (A. Agresti, B. A. Coull 1998, Am. Stat. 52:119-126).",
    "bounded-mean": "Quantiles of the mean with random weights and one more row at either end of the range "
    "(N. Gaffke 2005, Math. Methods Stat. 14:451-467), by a saddlepoint; Clopper and Pearson's limits where "
    "all values are 0 or 1, and never outside of the range.",
    "skewed-mean": "The same with one more row at the extremes seen, the longer side drawn out, and never "
    "inside of Student's interval.",
    "twins": "Student interval of the mean gap with two more groups of twins, which have the largest gap of "
    "either sign; where no gap is seen, what one more pair would leave open that differs wholly.",
    "signs": "The largest deviation over all signs of the score bins, from their covariance over rows or "
    "clusters (C. E. Bonferroni 1936); conservative.",
    "newcombe": "Newcombe's hybrid score interval of a difference of two proportions (R. G. Newcombe 1998, "
    "Stat. Med. 17:873-890).",
    "score-ratio": "Miettinen-Nurminen score interval of a ratio of two proportions (1985, Stat. Med. "
    "4:213-226).",
    "mover-ratio": "MOVER on the logarithms (A. Donner, G. Y. Zou 2012, Stat. Methods Med. Res. 21:347-359).",
    "simultaneous": "Largest and smallest limits over all pairs of slices, each at the studentised-range "
    "quantile / sqrt 2 (Tukey-Kramer), so that they hold for all pairs together.",
    "sidak": "Limits widened by Sidak's quantile so that those of all slices hold together (1967, JASA "
    "62:626-633).",
    "double-corrected": "Parametric bootstrap of the variance between slices, corrected for the sampling "
    "noise in the data and again for that of the draws (K. Lum et al. 2022, FAccT '22); the noise is that of "
    "rates smoothed by two successes and two failures.",
    "standardised": "Student interval of a standardised mean difference, linearised by row or cluster, with "
    "the standard deviation estimated too (CR3: R. M. Bell, D. F. McCaffrey 2002, Surv. Methodol. "
    "28:169-181).",
    "tango": "Tango's score interval of the difference of two proportions of the same rows (T. Tango 1998, "
    "Stat. Med. 17:891-908); with weights or clusters on the effective number of rows. Its p is that of the "
    "mid-p McNemar test (M. W. Fagerland et al. 2013, BMC Med. Res. Methodol. 13:91).",
    "mover-tango": "MOVER on Tango's limits of the parts, which rest on different rows.",
    "dirichlet-paired": f"Quantiles of {DRAWS} seeded draws of the probabilities of the joint cells (label, "
    "decision before, decision after) given the counts plus one half each (Jeffreys prior).",
    "delong-paired": "Student limits on DeLong's variance of the difference of two AUCs of the same rows "
    "(E. R. DeLong et al. 1988, Biometrics 44:837-845), never narrower than what one more row, changed "
    "wholly, would leave open.",
    "student-paired": "Student interval of the mean change of a value of the same rows, never narrower than "
    "what one more row, changed wholly, would leave open.",
    "mover-paired": "MOVER on the paired limits of the change in either slice (G. Y. Zou, A. Donner 2008, "
    "Stat. Med. 27:1693-1702); the slices hold different rows.",
    "none": "No interval of known coverage.",
}


def count_figure(metric: Metric, tally: Tally) -> Figure:
    """A count metric of every slice of ``tally``.

    Raises
    ------
    ValueError
        If the metric is not a function of counts.
    """
    if metric.parts:
        return _mean_of_parts(metric, tally)
    if metric.name == "matthews_correlation":
        return _matthews(tally)
    if metric.numerator is None or metric.denominator is None:
        raise ValueError(f"metric must be a function of counts, got {metric.name!r}")
    share, trials = _proportion(metric, tally)
    n = np.asarray(metric.denominator(tally.counts))
    transform = metric.transform or (lambda p: p)
    value = transform(share)
    value = np.where(np.isfinite(value), value, np.nan)

    def limits(z: float, scale: float) -> Limits:
        low, high = wilson(share * trials * scale, trials * scale, z)
        return transform(low), transform(high)

    effective = trials if tally.weights is not None or tally.clusters is not None else None
    if metric.transform is not None:
        return Figure(value, n, limits, "wilson-transformed", effective)
    return Figure(value, n, limits, "wilson", effective, trials)


def _proportion(metric: Metric, tally: Tally) -> tuple[Floats, Floats]:
    """The proportion behind a metric and its effective denominator, arrays of shape (slices,).

    With weights or clusters the effective denominator is p (1 - p) / linearised variance, and never
    more than Kish's (sum w)^2 / sum w^2, which also serves where p is 0 or 1 (L. Kish 1965, Survey
    Sampling; E. L. Korn, B. I. Graubard 1998, Surv. Methodol. 24:193-201).
    """
    assert metric.numerator is not None
    assert metric.denominator is not None
    sums = tally.weights or tally.counts
    num, den = np.asarray(metric.numerator(sums), float), np.asarray(metric.denominator(sums), float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = num / den
        if tally.clusters is not None:
            slices, per_cluster = tally.clusters
            a, b = metric.numerator(per_cluster), metric.denominator(per_cluster)
            bound = den**2 / metric.denominator(tally.squares or tally.counts)
            return p, clustered_trials(slices, a - p[slices] * b, b, p * (1 - p), den, bound)
        if tally.squares is None:
            return p, den
        num2, den2 = metric.numerator(tally.squares), metric.denominator(tally.squares)
        variance = ((1 - p) ** 2 * num2 + p**2 * np.maximum(den2 - num2, 0)) / den**2
        kish = den**2 / den2
        return p, np.where((p > 0) & (p < 1), np.minimum(p * (1 - p) / variance, kish), kish)


def clustered_trials(
    owner: NDArray[np.intp], residual: Floats, base: Floats, spread: Floats, den: Floats, bound: Floats
) -> Floats:
    """Effective denominator of a ratio over clusters: one row's spread over the variance between clusters.

    Parameters
    ----------
    owner : int array of shape (pairs,)
        Slice of each (slice, cluster) pair.
    residual, base : float arrays of shape (pairs,)
        Numerator less ratio times denominator, and the denominator, of each pair.
    spread, den, bound : float arrays of shape (slices,)
        Variance of one row, the denominator, and the most effective rows that weights allow.
    """
    size = len(den)
    squares = np.bincount(owner, residual**2, size)
    members = np.bincount(owner, base > 0, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        kish = den**2 / np.bincount(owner, base**2, size)
        # One cluster's weight goes to rows that depend on each other wholly: where the ratio is near an
        # end of its range, few clusters show too little of the dependence.
        variance = squares / den**2 * members / (members - 1)
        variance = (variance * members + spread / kish) / (members + 1)
        # Few or unequal clusters give few degrees of freedom: Korn and Graubard's shrinkage at 95 %.
        from scipy.special import stdtrit

        shrink = (1.959964 / stdtrit(np.maximum(kish - 1, 1), 0.975)) ** 2
        effective = np.where(spread > 0, spread / variance, kish) * shrink
        return np.where(members > 1, np.minimum(effective, bound), np.minimum(kish, 1))


def _mean_of_parts(metric: Metric, tally: Tally) -> Figure:
    """The mean of independent proportions (balanced accuracy): MOVER on their limits."""
    value, limits = mean_of([count_figure(METRICS[name], tally) for name in metric.parts])
    return Figure(value, tally.counts.n, limits, "mover", _effective_rows(tally))


def mean_of(figures: Sequence[Figure]) -> tuple[Floats, Callable[[float, float], Limits]]:
    """The mean of independent figures of the same slices, and its limits by MOVER on theirs."""
    value = np.mean([f.value for f in figures], axis=0)

    def limits(z: float, scale: float) -> Limits:
        parts = [(f.value, *f.limits(z, scale)) for f in figures]
        below = np.sqrt(sum((v - low) ** 2 for v, low, _ in parts)) / len(parts)
        above = np.sqrt(sum((high - v) ** 2 for v, _, high in parts)) / len(parts)
        return value - below, value + above

    return value, limits


def _effective_rows(tally: Tally) -> Floats | None:
    """Kish's effective number of rows of each slice, or None for plain rows."""
    if tally.weights is not None and tally.squares is not None and tally.clusters is None:
        return np.asarray(tally.weights.n**2 / tally.squares.n)
    if tally.clusters is not None:
        slices, per_cluster = tally.clusters
        sums = np.bincount(slices, per_cluster.n, len(tally))
        return np.asarray(sums**2 / np.bincount(slices, per_cluster.n**2, len(tally)))
    return None


def _cells(counts: Counts) -> Floats:
    return np.stack([counts.tp, counts.fp, counts.fn, counts.tn], axis=-1).astype(float)


def phi(cells: Floats) -> Floats:
    """Matthews correlation of cells tp, fp, fn, tn of shape (..., 4); nan where a margin is empty."""
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return np.asarray(np.where(margins > 0, (tp * tn - fp * fn) / np.sqrt(margins), np.nan))


def _matthews(tally: Tally) -> Figure:
    sums = _cells(tally.weights or tally.counts)
    total = sums.sum(-1, keepdims=True)
    effective = _effective_rows(tally)
    rows = tally.counts.n if effective is None else effective
    with np.errstate(invalid="ignore"):
        cells = sums / np.where(total > 0, total, 1) * np.asarray(rows)[:, None]
    value = phi(sums)

    def limits(z: float, scale: float) -> Limits:
        return posterior_limits(phi, cells * scale, z, value)

    return Figure(value, tally.counts.n, limits, "dirichlet", effective)


def posterior_limits(
    statistic: Callable[[Floats], Floats], cells: Floats, z: float, value: Floats, draws: int = DRAWS
) -> Limits:
    """Limits of a statistic of cell probabilities under a Jeffreys-Dirichlet posterior, seeded.

    Parameters
    ----------
    statistic : callable
        From cells of shape (..., cells) to values of shape (...).
    cells : float array of shape (slices, cells)
        Effective counts.
    z : float
        Normal quantile whose two tail areas are cut off.
    value : float array of shape (slices,)
        Point values, which the limits always include; nan gives nan.
    """
    tail = tail_area(z)
    low, high = np.full(len(cells), np.nan), np.full(len(cells), np.nan)
    generator = np.random.default_rng(SEED)
    for start in range(0, len(cells), 500):
        part = slice(start, start + 500)
        drawn = statistic(generator.standard_gamma(cells[part] + 0.5, (draws, *cells[part].shape)))
        low[part], high[part] = np.quantile(drawn, [tail, 1 - tail], axis=0)
    undefined = np.isnan(value)
    return (
        np.where(undefined, np.nan, np.minimum(low, value)),
        np.where(undefined, np.nan, np.maximum(high, value)),
    )
