"""Exact p-values and limits of one and two proportions, held to scipy, quadrature and closed forms."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from fairweigh.metrics import exact
from fairweigh.metrics.contrast import DIFFERENCE, F1, ODDS, RATIO, Contrast, Scale
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ..melded import melded, melded_p, melded_ratio

TABLES = [
    (3, 10, 1, 8), (0, 7, 4, 9), (5, 5, 2, 6), (0, 30, 0, 12), (12, 12, 40, 40), (2, 28, 11, 2039),
    (400, 800, 7, 9), (1, 1, 0, 1), (51, 9779, 619, 1850), (4, 766, 2427, 8132),
]  # fmt: skip
table = st.tuples(*[st.integers(1, 200), st.floats(0, 1)] * 2).map(
    lambda t: (round(t[0] * t[1]), t[0], round(t[2] * t[3]), t[2])
)


def test_a_proportion_has_the_binomial_tails() -> None:
    r = np.random.default_rng(0)
    n = np.exp(r.uniform(0, np.log(1e6), 500)).astype(int)
    x, bound = r.binomial(n, r.random(500)), r.random(500)
    np.testing.assert_allclose(exact.p_above(x, n, bound), stats.binom.sf(x - 1, n, bound), rtol=1e-9)
    np.testing.assert_allclose(exact.p_below(x, n, bound), stats.binom.cdf(x, n, bound), rtol=1e-9)
    for alpha in (0.05, 0.001):
        low, high = exact.clopper_pearson(x, n, alpha / 2)
        theirs = proportion_confint(x, n, alpha=alpha, method="beta")
        np.testing.assert_allclose(low, np.nan_to_num(theirs[0]), rtol=1e-9)
        np.testing.assert_allclose(high, np.where(x == n, 1, theirs[1]), rtol=1e-9)


def test_none_and_all_have_their_closed_forms() -> None:
    # (1 - p)^n = level and p^n = level; the "rule of three" of J. A. Hanley, A. Lippman-Hand 1983.
    for n in (1, 30, 1000):
        assert exact.upper(0, n, 0.05) == pytest.approx(1 - 0.05 ** (1 / n))
        assert exact.lower(n, n, 0.05) == pytest.approx(0.05 ** (1 / n))
        assert (exact.lower(0, n, 0.05), exact.upper(n, n, 0.05)) == (0, 1)  # type: ignore[comparison-overlap]
        assert (exact.p_above(0, n, 0.3), exact.p_below(n, n, 0.3)) == (1, 1)  # type: ignore[comparison-overlap]
    assert np.isnan(exact.p_above(0, 0, 0.5))
    assert np.isnan(exact.upper(0, 0, 0.5))


def test_the_first_case_of_the_corners() -> None:
    """2 of 28 at a limit of .01: the binomial p is .032, over 20 slices .64."""
    p = float(exact.p_above(2, 28, 0.01))
    assert p == pytest.approx(1 - 0.99**28 - 28 * 0.01 * 0.99**27)
    assert p == pytest.approx(0.032, abs=5e-4)


def test_p_of_no_difference_is_fishers_one_sided() -> None:
    r = np.random.default_rng(1)
    n = np.exp(r.uniform(0, np.log(1e4), (2, 4000))).astype(int)
    x = r.binomial(n, np.clip(r.random(4000) + r.normal(0, 0.1, (2, 4000)), 0, 1))
    whole, drawn = n.sum(0), x.sum(0)
    above = stats.hypergeom.sf(x[0] - 1, whole, drawn, n[0])
    below = stats.hypergeom.cdf(x[0], whole, drawn, n[0])
    for found, theirs, error in (
        (exact.pair_p_above(x[0], n[0], x[1], n[1], 0), above, 1e-5),
        (exact.pair_p_below(x[0], n[0], x[1], n[1], 0), below, 1e-5),
        (exact.pair_p_above(x[0], n[0], x[1], n[1], 1, RATIO), above, 3e-4),
    ):
        # Nothing beyond 6e-16 is integrated.
        np.testing.assert_allclose(found, theirs, rtol=error, atol=2e-15)


@pytest.mark.parametrize("counts", [(500_000_500_000, 500_000_000_000), (333_334_333_333, 333_333_333_333)])
def test_a_trillion_rows_take_no_more_memory_than_few(counts: tuple[int, int]) -> None:
    """Against the normal score test, which they equal there."""
    one, other, n = *counts, 10**12
    pooled = (one + other) / (2 * n)
    score = stats.norm.sf((one - other) / n / np.sqrt(2 * pooled * (1 - pooled) / n))
    tracemalloc.start()
    found = float(exact.pair_p_above(one, n, other, n, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    assert found == pytest.approx(score, rel=1e-4)


@pytest.mark.parametrize("form", ["difference", "ratio"])
@pytest.mark.parametrize("counts", TABLES)
def test_melded_p_equals_quadrature(counts: Any, form: str) -> None:
    x1, n1, x2, n2 = counts
    contrast = RATIO if form == "ratio" else DIFFERENCE
    for bound in (0.05, 0.8, 1.0, 1.25, 6.0) if form == "ratio" else (-0.4, -0.1, 0.0, 0.05, 0.3):
        expected = melded_p((x1, n1), (x2, n2), bound, form)
        found = float(exact.pair_p_above(x1, n1, x2, n2, bound, contrast))
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-9)
        # The other side is that of the failures, or of the inverse ratio.
        if form == "difference":
            expected = melded_p((n1 - x1, n1), (n2 - x2, n2), -bound, form)
        else:
            expected = melded_p((x2, n2), (x1, n1), 1 / bound, form)
        found = float(exact.pair_p_below(x1, n1, x2, n2, bound, contrast))
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_melded_limits_have_that_p_by_quadrature() -> None:
    for one, other in (((9, 10), (3, 10)), ((2, 28), (11, 300)), ((1, 900), (3, 40)), ((0, 12), (5, 9))):
        for level in (0.05, 0.001):
            low, high = exact.pair_lower(*one, *other, level), exact.pair_upper(*one, *other, level)
            assert melded_p(one, other, float(low)) == pytest.approx(level, rel=2e-3)
            failures: list[Any] = [(n - x, n) for x, n in (one, other)]
            assert melded_p(failures[0], failures[1], -float(high)) == pytest.approx(level, rel=2e-3)
            high = exact.pair_upper(*one, *other, level, RATIO)
            assert melded_p(other, one, 1 / float(high), "ratio") == pytest.approx(level, rel=2e-3)
    assert melded((9, 10), (3, 10)) == pytest.approx(
        (float(exact.pair_lower(9, 10, 3, 10, 0.05)), float(exact.pair_upper(9, 10, 3, 10, 0.05))), abs=1e-6
    )
    assert melded_ratio((9, 10), (3, 10))[0] == pytest.approx(
        float(exact.pair_lower(9, 10, 3, 10, 0.05, RATIO)), rel=1e-5
    )


@pytest.mark.parametrize("contrast", [DIFFERENCE, RATIO, Contrast(scale=ODDS)])
def test_limits_that_are_solved_for_together_are_those_of_each_alone(contrast: Contrast) -> None:
    x1, n1, x2, n2 = (np.array(column, float) for column in zip(*TABLES, strict=True))
    levels = np.array([[0.05], [0.001]])
    low, high = exact.pair_limits(x1, n1, x2, n2, levels, contrast)
    for row, level in enumerate(levels[:, 0]):
        for i, counts in enumerate(TABLES):
            assert low[row, i] == exact.pair_lower(*counts, level, contrast)
            assert high[row, i] == exact.pair_upper(*counts, level, contrast)


def test_a_rare_rate_over_a_common_one_equals_quadrature() -> None:
    """The log of the rare one varies most, though its standard deviation is the smallest."""
    r = np.random.default_rng(5)
    for _ in range(15):
        one, other = (int(r.integers(0, 60)), int(r.integers(2000, 9000))), (int(r.integers(300, 900)), 2000)
        bound = (one[0] + 1) / one[1] / (other[0] / other[1]) * float(r.choice([0.6, 0.8, 1.3]))
        expected = melded_p(one, other, bound, "ratio")
        found = float(exact.pair_p_above(*one, *other, bound, RATIO))
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-9)
        expected = melded_p(other, one, 1 / bound, "ratio")
        assert float(exact.pair_p_below(*one, *other, bound, RATIO)) == pytest.approx(
            expected, rel=1e-4, abs=1e-9
        )


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("scale", [F1, ODDS], ids=["f1", "odds"])
def test_other_scales_equal_a_million_draws(scale: Scale, ratio: bool) -> None:
    """Chance that a draw of the first's lower limits is beyond one of the second's upper ones."""
    r, draws = np.random.default_rng(2), 1_000_000
    figure = {F1: lambda s: 2 * s / (1 + s), ODDS: lambda s: s / (1 - s)}[scale]
    for (x1, n1), (x2, n2) in (((12, 40), (30, 50)), ((2, 28), (200, 400)), ((390, 400), (9, 10))):
        one, two = figure(r.beta(x1, n1 - x1 + 1, draws)), figure(r.beta(x2 + 1, n2 - x2, draws))
        drawn = one / two if ratio else one - two
        for share in (0.01, 0.1, 0.5, 0.9):
            bound = np.quantile(drawn, share)
            found = float(exact.pair_p_above(x1, n1, x2, n2, bound, Contrast(ratio, scale)))
            assert found == pytest.approx(share, abs=6 * np.sqrt(share * (1 - share) / draws))


def test_fractional_counts_lie_between_whole_ones() -> None:
    x = np.linspace(0, 9, 37)
    for found in (exact.p_above(x, 9, 0.4), exact.pair_p_above(x, 9, 3, 8, 0.1)):
        assert np.all(np.diff(found) < 0)
    assert exact.p_above(4.5, 10.5, 0.3) == pytest.approx(stats.beta.cdf(0.3, 4.5, 7))


@pytest.mark.parametrize("contrast", [DIFFERENCE, RATIO, Contrast(False, F1), Contrast(True, ODDS)])
@given(table, st.floats(1e-4, 0.4))
@settings(deadline=None, max_examples=40)
def test_limits_are_where_p_reaches_the_level(
    contrast: Contrast, counts: tuple[Any, Any, Any, Any], level: Any
) -> None:
    x1, n1, x2, n2 = counts
    low = float(exact.pair_lower(x1, n1, x2, n2, level, contrast))
    high = float(exact.pair_upper(x1, n1, x2, n2, level, contrast))
    with np.errstate(all="ignore"):
        value = float(contrast.value(np.array(x1 / n1), np.array(x2 / n2)))
    if not np.isnan(value):
        assert low <= value + 1e-9 or np.isinf(value)
        assert value - 1e-9 <= high
    inside = (1e-6, 1e6) if contrast.ratio else (-1 + 1e-6, 1 - 1e-6)
    if inside[0] < low < inside[1]:
        assert float(exact.pair_p_above(*counts, low, contrast)) == pytest.approx(level, rel=1e-4)
    if inside[0] < high < inside[1]:
        assert float(exact.pair_p_below(*counts, high, contrast)) == pytest.approx(level, rel=1e-4)


@given(table)
@settings(deadline=None, max_examples=40)
def test_p_rises_with_the_bound_and_falls_with_the_first(counts: tuple[Any, Any, Any, Any]) -> None:
    x1, n1, x2, n2 = counts
    bounds = np.linspace(-0.99, 0.99, 41)
    p = exact.pair_p_above(*counts, bounds)
    assert np.all((p >= 0) & (p <= 1))
    assert np.all(np.diff(p) > -1e-9)
    assert np.all(np.diff(exact.pair_p_below(*counts, bounds)) < 1e-9)
    more = exact.pair_p_above(np.arange(n1 + 1), n1, x2, n2, 0.1)
    assert np.all(np.diff(more) < 1e-9)
    # Exchanging the two turns the difference round.
    back = exact.pair_p_below(x2, n2, x1, n1, -bounds)
    np.testing.assert_allclose(p, back, rtol=2e-3, atol=1e-9)


def test_nothing_is_said_of_no_rows() -> None:
    for found in (
        exact.pair_p_above(0, 0, 3, 9, 0.1), exact.pair_p_below(3, 9, 0, 0, 0.1),
        exact.pair_lower(0, 0, 3, 9, 0.05), exact.pair_upper(3, 9, 0, 0, 0.05),
    ):  # fmt: skip
        assert np.isnan(found)


def test_an_exact_level_is_kept_by_enumeration() -> None:
    """Of every pair of tables: p at most .05 in at most 5 % where the difference is the bound."""
    for n1, n2, p2, bound in (
        (12, 30, 0.1, 0.1),
        (30, 7, 0.02, 0.05),
        (40, 40, 0.5, -0.2),
        (25, 60, 0.9, 0.0),
    ):
        x1, x2 = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
        chance = np.outer(stats.binom.pmf(x1[:, 0], n1, p2 + bound), stats.binom.pmf(x2[0], n2, p2))
        for p in (exact.pair_p_above(x1, n1, x2, n2, bound), exact.pair_p_below(x1, n1, x2, n2, bound)):
            for level in (0.05, 0.0025):
                assert chance[p <= level].sum() <= level


def test_no_effective_rows_bound_a_ratio_from_above() -> None:
    """An eighth of a row on the other side: no ratio is too large, and that is an answer, not an error."""
    assert exact.pair_upper(14.5595, 14.8397, 0.06245, 0.1249, 0.01049, RATIO) == np.inf
    assert exact.pair_p_above(3, 10, 2, 10, np.inf, RATIO) == 1
    assert exact.pair_p_below(3, 10, 2, 10, np.inf, RATIO) == 0
