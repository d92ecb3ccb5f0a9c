"""A metric of every slice with its limits at any confidence and any multiple of the rows.

Everything that compares slices (disparities, gates, the rows a verdict would need) reads a `Figure`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .clusters import Dependence, effective
from .contrast import PLAIN, Scale
from .counts import Counts, Tally
from .exact import clopper_pearson, pair_limits
from .intervals import Floats, Limits, tail_area
from .ratio import Ratio

DRAWS = 4000
SEED = 20_260_101


@dataclass(frozen=True)
class Binomial:
    """A figure that is a rising function of a proportion: (effective) successes and trials per slice."""

    x: Floats
    n: Floats
    scale: Scale

    def take(self, slices: NDArray[np.intp]) -> Binomial:
        """Those of some slices, in this order."""
        return Binomial(self.x[slices], self.n[slices], self.scale)


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
    binomial : Binomial or None
        The proportion behind the figure, where it is one or a rising function of one.
    dependence : Dependence or None
        How clusters pull on the figure, where rows have clusters and the figure is a ratio.
    least : float array or None
        The smallest of several denominators, where the metric has more than one.
    """

    value: Floats
    n: NDArray[np.int64]
    limits: Callable[[float, float], Limits]
    method: str
    effective_n: Floats | None = None
    binomial: Binomial | None = None
    dependence: Dependence | None = None
    least: Floats | None = None

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Slices in which the metric exists."""
        return ~np.isnan(self.value)

    @property
    def plain(self) -> bool:
        """Whether rows count one each: neither weights nor clusters make effective rows of them."""
        return self.effective_n is None

    @property
    def trials(self) -> Floats | None:
        """Effective denominators, where the figure is a proportion."""
        plain = self.binomial is not None and self.binomial.scale is PLAIN
        return self.binomial.n if plain and self.binomial is not None else None

    @cached_property
    def size(self) -> Floats:
        """What ``min_size`` speaks of: the effective denominator, the smaller one where there are two."""
        found = self.n if self.effective_n is None else np.fmin(self.effective_n, self.n)
        found = found if self.least is None else np.fmin(found, self.least)
        return np.asarray(np.nan_to_num(np.asarray(found, float)))

    def times(self, scale: float) -> Figure:
        """The figure had there been ``scale`` times the rows: its limits, not the rows that it tells."""
        held = self.binomial
        if scale == 1:
            return self
        return replace(
            self,
            limits=lambda z, more: self.limits(z, more * scale),
            binomial=None if held is None else Binomial(held.x * scale, held.n * scale, held.scale),
        )

    def take(self, slices: Sequence[int] | NDArray[np.intp]) -> Figure:
        """The figure of some slices, in this order."""
        index = np.asarray(slices, np.intp)

        def limits(z: float, scale: float) -> Limits:
            low, high = self.limits(z, scale)
            return low[index], high[index]

        return Figure(
            self.value[index],
            self.n[index],
            limits,
            self.method,
            None if self.effective_n is None else self.effective_n[index],
            None if self.binomial is None else self.binomial.take(index),
            None if self.dependence is None else self.dependence.take(index),
            None if self.least is None else self.least[index],
        )


METHODS = {
    "clopper-pearson": "Exact binomial limits of a proportion (C. J. Clopper, E. S. Pearson 1934, Biometrika "
    "26:404-413); with weights or clusters on the effective number of rows.",
    "clopper-pearson-transformed": "Exact binomial limits of the proportion behind the metric, carried "
    "through its monotone formula.",
    "mover": "MOVER: the limits of the parts combined as independent (G. Y. Zou, A. Donner 2008, Stat. Med. "
    "27:1693-1702).",
    "dirichlet": f"Quantiles of {DRAWS} seeded draws of the four cell probabilities given the counts and one "
    "more row in two cells: the false ones for the lower limit, the true ones for the upper, as the exact "
    "limits of a proportion count one more row against it.",
    "delong": "Wilson limits on the number of rows that DeLong's variance amounts to (E. R. DeLong et al. "
    "1988, Biometrics 44:837-845; M. Kottas et al. 2014, BMC Med. Res. Methodol. 14:26), joined with those "
    "of Newcombe's method 5 (R. G. Newcombe 2006, Stat. Med. 25:559-573), as AUCs near 1 need.",
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
    "melded": "Melded exact limits of a difference, ratio or mean of two proportions (M. P. Fay, "
    "M. A. Proschan, E. Brittain 2015, Biometrics 71:146-156); the p that goes with them is Fisher's exact "
    "one where the two are asked to be equal.",
    "mover-ratio": "MOVER on the logarithms (A. Donner, G. Y. Zou 2012, Stat. Methods Med. Res. 21:347-359).",
    "simultaneous": "The lower limit is the largest over all ordered pairs of slices (and metrics), each at "
    "the confidence shared out evenly over them (Bonferroni), so that it holds for all together; the upper "
    "one is the largest at the stated confidence each, as only that of the true extremes has to hold "
    "(R. L. Berger 1982, Technometrics 24:295-300).",
    "bonferroni": "Limits at a confidence shared out evenly over the slices, so that they hold together.",
    "double-corrected": "Parametric bootstrap of the variance between slices, corrected for the sampling "
    "noise in the data and again for that of the draws (K. Lum et al. 2022, FAccT '22); the noise is that of "
    "rates smoothed by four rows at the rate of all, and the lower limit not above what equal slices leave.",
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
    "share-of-total": "Limits of a bounded mean for the share of each query (or cluster) that a slice has, "
    "weighted by the queries' sums.",
    "excess-share": "Student limits of a difference of two shares of the same queries (or clusters), from "
    "each one's pull on it; never narrower than what one more, changed wholly, would leave open.",
    "macro": "The limits of the classes combined by MOVER with their correlations (G. Y. Zou 2007, Psychol. "
    "Methods 12:399-413), joined with those whose skewness fades over the classes as that of a sum does.",
    "massart": "The gap less and more what two empirical distributions can be off together (P. Massart 1990, "
    "Ann. Probab. 18:1269-1283), on effective rows; holds for any distribution.",
    "woodruff": "The values at the exact binomial limits of the share (R. S. Woodruff 1952, JASA "
    "47:635-646), on effective rows.",
    "root-mean": "Limits of the mean square of no range, carried through the root.",
    "smooth": "Limits of a smooth function of means, linearised by row or cluster (CR3: R. M. Bell, "
    "D. F. McCaffrey 2002, Surv. Methodol. 28:169-181), on a scale that keeps its range: Student's with "
    "Satterthwaite's degrees of freedom, joined with those of the influences' whole distribution "
    "(N. Gaffke 2005, Math. Methods Stat. 14:451-467).",
    "smooth-paired": "The same for the change of a smooth function, from each row's influence after less "
    "that before; never narrower than what one more row, changed wholly, would leave open.",
    "mover-paired": "MOVER on the paired limits of the change in either slice (G. Y. Zou, A. Donner 2008, "
    "Stat. Med. 27:1693-1702); the slices hold different rows.",
    "rogan-gladen": "The estimate of W. J. Rogan and B. Gladen (1978, Am. J. Epidemiol. 107:71-76) of the "
    "share that is truly positive, clipped to [0, 1]; limits of the rate judged positive and exact ones of "
    "the judge's sensitivity and specificity combined as independent by MOVER (G. Y. Zou, A. Donner 2008, "
    "Stat. Med. 27:1693-1702; compare Z. Lang, J. Reiczigel 2014, Prev. Vet. Med. 113:13-22).",
    "rogan-gladen-paired": "The change of the rate judged positive over what tells positive answers from "
    "others in the judge, with the variance of both; the judge is the same before and after.",
    "none": "No interval of known coverage.",
}


def ratio_figure(ratio: Ratio, tally: Tally) -> Figure:
    """A ratio of counts in every slice of ``tally``, with exact limits."""
    share, trials, dependence = _proportion(ratio, tally)
    scale = ratio.scale or PLAIN
    value = scale.of(share)
    value = np.where(np.isfinite(value), value, np.nan)
    binomial = Binomial(share * trials, trials, scale)
    return Figure(
        value,
        np.asarray(ratio.denominator(tally.counts)),
        proportion_limits(binomial),
        "clopper-pearson" if ratio.scale is None else "clopper-pearson-transformed",
        trials if tally.weights is not None or tally.clusters is not None else None,
        binomial,
        dependence,
    )


def proportion_limits(binomial: Binomial) -> Callable[[float, float], Limits]:
    """Clopper and Pearson's limits of the proportions, on their own scale."""

    def limits(z: float, scale: float) -> Limits:
        low, high = clopper_pearson(binomial.x * scale, binomial.n * scale, tail_area(z))
        return binomial.scale.of(low), binomial.scale.of(high)

    return limits


def _proportion(ratio: Ratio, tally: Tally) -> tuple[Floats, Floats, Dependence | None]:
    """The proportion behind a ratio and its effective denominator, arrays of shape (slices,).

    With weights or clusters the effective denominator is p (1 - p) / linearised variance, and never
    more than Kish's (sum w)^2 / sum w^2, which also serves where p is 0 or 1 (L. Kish 1965, Survey
    Sampling; E. L. Korn, B. I. Graubard 1998, Surv. Methodol. 24:193-201).
    """
    sums = tally.weights or tally.counts
    num, den = np.asarray(ratio.numerator(sums), float), np.asarray(ratio.denominator(sums), float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = num / den
        if tally.clusters is not None:
            held = tally.clusters.once
            a, b = (np.asarray(part(held.counts), float) for part in (ratio.numerator, ratio.denominator))
            bound = den**2 / ratio.denominator(tally.squares or tally.counts)
            rows, dependence = effective(
                held.owner, held.cluster, a - p[held.owner] * b, b, p * (1 - p), den, bound, held.times,
                held.together,
            )  # fmt: skip
            return p, rows, dependence
        if tally.squares is None:
            return p, den, None
        num2, den2 = ratio.numerator(tally.squares), ratio.denominator(tally.squares)
        variance = ((1 - p) ** 2 * num2 + p**2 * np.maximum(den2 - num2, 0)) / den**2
        kish = den**2 / den2
        return p, np.where((p > 0) & (p < 1), np.minimum(p * (1 - p) / variance, kish), kish), None


def mean_figure(parts: tuple[Ratio, Ratio], tally: Tally) -> Figure:
    """The mean of two proportions of different rows (balanced accuracy).

    With the complement of the second it is half of a difference and a half, which has melded limits.
    """
    one, other = (ratio_figure(part, tally) for part in parts)
    first, second = one.binomial, other.binomial
    assert first is not None
    assert second is not None
    value, least = (one.value + other.value) / 2, np.minimum(one.size, other.size)

    def limits(z: float, scale: float) -> Limits:
        pair = first.x * scale, first.n * scale, (second.n - second.x) * scale, second.n * scale
        undefined = np.isnan(value)
        low, high = ((1 + end) / 2 for end in pair_limits(*pair, tail_area(z)))
        return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)

    return Figure(value, tally.counts.n, limits, "melded", _effective_rows(tally), least=least)


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
    if tally.clusters is not None:
        owner, rows = tally.clusters.owner, np.asarray(tally.clusters.counts.n, float)
        sums, squares = (np.bincount(owner, each, len(tally)) for each in (rows, rows**2))
    elif tally.weights is not None and tally.squares is not None:
        sums, squares = np.asarray(tally.weights.n), np.asarray(tally.squares.n)
    else:
        return None
    with np.errstate(invalid="ignore"):
        return np.asarray(sums**2 / squares)


def cells_of(counts: Counts) -> Floats:
    """The four cells tp, fp, fn, tn of counts, as a last axis."""
    return np.stack([counts.tp, counts.fp, counts.fn, counts.tn], axis=-1).astype(float)


def phi(cells: Floats) -> Floats:
    """Matthews correlation of cells tp, fp, fn, tn of shape (..., 4); nan where a margin is empty."""
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return np.asarray(np.where(margins > 0, (tp * tn - fp * fn) / np.sqrt(margins), np.nan))


OfCells = Callable[[Floats], Floats]
"""A figure of cells tp, fp, fn, tn of shape (..., 4)."""


def cells_figure(of: OfCells, lowers: Floats, tally: Tally) -> Figure:
    """A function of the four cells in every slice, with limits from draws of their probabilities.

    Parameters
    ----------
    of : callable
    lowers : float array of shape (4,)
        1 for each cell in which one more row lowers the figure, else 0.
    tally : Tally
    """
    sums = cells_of(tally.weights or tally.counts)
    total = sums.sum(-1, keepdims=True)
    effective = _effective_rows(tally)
    rows = tally.counts.n if effective is None else effective
    with np.errstate(invalid="ignore"):
        cells = np.nan_to_num(sums / np.where(total > 0, total, 1) * np.asarray(rows)[:, None])
    value = of(sums)

    def limits(z: float, scale: float) -> Limits:
        low, high = (
            _drawn(of, cells * scale + one_more, end)
            for one_more, end in ((lowers, tail_area(z)), (1 - lowers, 1 - tail_area(z)))
        )
        undefined = np.isnan(value)
        return (
            np.where(undefined, np.nan, np.fmin(low, value)),
            np.where(undefined, np.nan, np.fmax(high, value)),
        )

    return Figure(value, tally.counts.n, limits, "dirichlet", effective)


def _drawn(of: OfCells, cells: Floats, share: float) -> Floats:
    """Quantile of a figure of Dirichlet draws, with a fixed seed; a cell of 0 is never drawn."""
    out = np.full(len(cells), np.nan)
    generator = np.random.default_rng(SEED)
    for start in range(0, len(cells), 500):
        part = cells[start : start + 500]
        drawn = of(generator.standard_gamma(part, (DRAWS, *part.shape)))
        out[start : start + 500] = np.quantile(drawn, share, axis=0)
    return out
