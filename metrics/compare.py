"""Slices compared with a reference and with each other, on `Figure` objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .contrast import Contrast
from .counts import Tally
from .evidence import Evidence, FromLimits, Pairs
from .figures import DRAWS, SEED, Figure
from .intervals import Floats, Limits, mover_difference, mover_ratio, tail_area
from .lockstep import Ask, Search, run

Index = NDArray[np.intp]
Form = Literal["difference", "ratio"]


def pair_evidence(
    figure: Figure, slices: Index, references: Index, form: Form, levels: Sequence[float]
) -> Evidence:
    """What the rows say of ``figure[slices]`` against ``figure[references]``, elementwise.

    Proportions and rising functions of them are compared by melded exact p-values, on effective rows; where
    both slices hold rows of the same clusters, these count by the covariance. Any other figure by MOVER on
    its limits.

    Parameters
    ----------
    levels : sequence of float
        One-sided levels that will decide, where limits are known alone.
    """
    if figure.binomial is not None:
        held = figure.binomial
        gain = 1.0 if figure.dependence is None else figure.dependence.gain(slices, references)
        one, two = ((held.x[part] * gain, held.n[part] * gain) for part in (slices, references))
        return Pairs(*one, *two, Contrast(form == "ratio", held.scale), figure.plain)

    def limits(z: float, scale: float) -> Limits:
        return _mover(figure, slices, references, form, z)

    return FromLimits.of(_value(figure, slices, references, form), limits, levels, scaled=False)


def difference(figure: Figure, slices: Index, references: Index, z: float) -> tuple[Floats, Limits]:
    """``value[slices] - value[references]`` with two-sided limits at the normal quantile ``z``."""
    value, (limits,) = run(with_limits(figure, slices, references, "difference", [z]))
    return value, limits


def ratio(figure: Figure, slices: Index, references: Index, z: float) -> tuple[Floats, Limits]:
    """``value[slices] / value[references]`` with limits, elementwise; nan where the reference is 0."""
    value, (limits,) = run(with_limits(figure, slices, references, "ratio", [z]))
    return value, limits


def with_limits(
    figure: Figure, slices: Index, references: Index, form: Form, quantiles: Sequence[float]
) -> Search[tuple[Floats, list[Limits]]]:
    """`difference` or `ratio` with limits at several normal quantiles, as a search."""
    value = _value(figure, slices, references, form)
    if figure.binomial is None:
        limits = [_mover(figure, slices, references, form, z) for z in quantiles]
    else:
        pairs = pair_evidence(figure, slices, references, form, ())
        assert isinstance(pairs, Pairs)
        levels = np.array([float(tail_area(z)) for z in quantiles])
        ((lows, highs),) = yield [Ask(pairs, levels[:, None], np.array([True, False])[:, None, None])]
        limits = list(zip(lows, highs, strict=True))
    undefined = np.isnan(value)
    return value, [
        (np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)) for low, high in limits
    ]


def _value(figure: Figure, slices: Index, references: Index, form: Form) -> Floats:
    a, b = figure.value[slices], figure.value[references]
    if form == "difference":
        return a - b
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0, a / b, np.nan)


def _mover(figure: Figure, slices: Index, references: Index, form: Form, z: float) -> Limits:
    a, b = figure.value[slices], figure.value[references]
    low, high = figure.limits(z, 1.0)
    a_limits, b_limits = ((low[part], high[part]) for part in (slices, references))
    if form == "ratio":
        both = figure.dependence is not None and figure.dependence.in_ratios
        rho = figure.dependence.correlation(slices, references) if both and figure.dependence else None
        return mover_ratio(a, a_limits, b, b_limits, rho)
    alike = 0.0 if figure.dependence is None else figure.dependence.correlation(slices, references)
    return mover_difference(a, a_limits, b, b_limits, alike)


def apart(figure: Figure, slices: Index, references: Index) -> Search[Floats]:
    """`p_apart` of ``figure[slices]`` and ``figure[references]``, proportions, as a search."""
    pairs = pair_evidence(figure, slices, references, "difference", ())
    assert isinstance(pairs, Pairs)
    ((above, below),) = yield [Ask(pairs, 0.0, np.array([True, False])[:, None], p=True)]
    return _two_sided(above, below)


def p_apart(evidence: Evidence) -> Floats:
    """Two-sided p of no difference: twice the smaller one-sided p, at most 1."""
    neutral = 1.0 if isinstance(evidence, Pairs) and evidence.contrast.ratio else 0.0
    return _two_sided(evidence.above(neutral), evidence.below(neutral))


def _two_sided(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.minimum(2 * np.fmin(above, below), 1.0))


def difference_method(figure: Figure) -> str:
    """Key of ``METHODS`` for differences of this figure."""
    return "melded" if figure.binomial is not None else "mover"


def ratio_method(figure: Figure) -> str:
    """Key of ``METHODS`` for ratios of this figure."""
    return "melded" if figure.binomial is not None else "mover-ratio"


def variance_between(value: Floats, trials: Floats, confidence: float) -> tuple[float, float, float]:
    """Variance of a proportion between slices, free of the sampling noise in it.

    The value is the variance of the observed rates less the mean of their sampling variances, which
    is unbiased and may be negative; the limits are quantiles of a parametric bootstrap in which that
    noise is taken off twice, once for the data and once for the draw (K. Lum, Y. Zhang, A. Bower 2022,
    De-biasing "bias" measurement, FAccT '22). The lower limit is not above what equal slices at the rate of
    all would leave: at rare rates the noise of each slice's own rate is known too badly. The upper limit is
    not below 0, as no variance is.

    Parameters
    ----------
    value, trials : float arrays of shape (slices,)
        Rates and (effective) denominators of at least two slices.
    confidence : float
    """
    n = np.maximum(np.round(trials), 2)
    seen = float(np.var(value, ddof=1))
    point = seen - float((value * (1 - value) / (n - 1)).mean())
    tail = (1 - confidence) / 2
    # A rate of 0 in few rows is not known to be 0: four rows at the rate of all are added to each slice.
    common = ((value * n).sum() + 1) / (n.sum() + 2)
    smooth = (value * n + 4 * common) / (n + 4)
    apart = _noisy_variance(value - smooth, smooth, n) - 2 * float((smooth * (1 - smooth) / n).mean())
    equal = seen - _noisy_variance(np.zeros_like(n), np.full_like(n, common), n)
    low = min(float(np.quantile(apart, tail)), float(np.quantile(equal, tail)))
    return point, min(low, point), max(float(np.quantile(apart, 1 - tail)), point, 0.0)


def _noisy_variance(shift: Floats, rate: Floats, n: Floats) -> Floats:
    """Draws of the variance between slices of ``shift`` and rates seen in ``n`` rows at the true ``rate``."""
    generator = np.random.default_rng(SEED)
    # Over many slices the variance hardly varies from draw to draw, and fewer of them do.
    draws = max(200, min(DRAWS, 1_000_000 // len(n)))
    block = max(1, 1_000_000 // len(n))
    parts = []
    for start in range(0, draws, block):
        seen = generator.binomial(n.astype(np.int64), rate, (min(block, draws - start), len(n))) / n
        parts.append(np.var(shift + seen, axis=1, ddof=1))
    return np.concatenate(parts)


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
