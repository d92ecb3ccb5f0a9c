"""Gaps of distributions and quantiles against scipy, numpy and exact order statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics.distribution import Distributions
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.intervals import normal_quantile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

Z = normal_quantile(0.95)


def drawn(
    seed: int, n: int = 200, slices: int = 3, digits: int = 1
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    slice_of = rng.integers(0, slices, n)
    return slice_of, (rng.normal(size=n) + 0.4 * slice_of).round(digits)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(12, 80))
def test_gaps_are_the_statistic_of_kolmogorov_and_smirnov(seed: int, n: int) -> None:
    slices, values = drawn(seed, n)
    found = Distributions(SlicedRows(slices, 3), values)
    pairs = np.array([0, 1, 2]), np.array([1, 2, 2])
    gaps, to_all = found.gaps(*pairs), found.gap_to_all()
    for i, (one, other) in enumerate(zip(*pairs, strict=True)):
        own = values[slices == one], values[slices == other]
        if min(map(len, own)) == 0:
            assert np.isnan(gaps.value[i])
        else:
            # Of two slices of hardly any rows scipy's p is of no rows at all; it is not asked for.
            with np.errstate(divide="ignore"):
                assert gaps.value[i] == pytest.approx(stats.ks_2samp(*own, method="asymp").statistic)
    for i in range(3):
        if np.any(slices == i):
            assert to_all.value[i] == pytest.approx(stats.ks_2samp(values[slices == i], values).statistic)
    for figure in (gaps, to_all):
        low, high = figure.limits(Z, 1.0)
        held = figure.defined
        assert np.all((low[held] >= 0) & (low[held] <= figure.value[held]))
        assert np.all((high[held] >= figure.value[held]) & (high[held] <= 1))


def test_a_slice_that_is_all_has_no_gap() -> None:
    found = Distributions(SlicedRows(np.zeros(20, int), 1), np.arange(20.0)).gap_to_all()
    assert [float(v[0]) for v in (found.value, *found.limits(Z, 1.0))] == [0, 0, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_quantiles_are_those_of_numpy(seed: int, share: Any) -> None:
    slices, values = drawn(seed)
    copies = np.random.default_rng(seed).integers(1, 4, 200)
    plain = Distributions(SlicedRows(slices, 3), values).quantile(share)
    weighted = Distributions(SlicedRows(slices, 3, copies.astype(float)), values).quantile(share)
    for i in range(3):
        own, times = values[slices == i], copies[slices == i]
        assert plain.value[i] == np.quantile(own, share, method="inverted_cdf")
        assert weighted.value[i] == np.quantile(np.repeat(own, times), share, method="inverted_cdf")


def test_limits_of_a_median_are_exact_order_statistics() -> None:
    """Of 30 values the 10th and the 21st: P(9 < B(30, 1/2) < 21) = .957."""
    values: Any = np.random.default_rng(1).permutation(30) + 1.0
    low, high = Distributions(SlicedRows(np.zeros(30, int), 1), values).quantile(0.5).limits(Z, 1.0)
    assert (low[0], high[0]) == (10, 21)
    assert stats.binom.cdf(20, 30, 0.5) - stats.binom.cdf(9, 30, 0.5) == pytest.approx(0.957, abs=5e-4)


def test_few_rows_say_nothing_of_a_far_quantile() -> None:
    found = Distributions(SlicedRows(np.zeros(10, int), 1), np.arange(10.0)).quantile(0.9)
    low, high = found.limits(Z, 1.0)
    assert np.isnan(high[0])
    assert low[0] < found.value[0] == 8


def test_copies_in_clusters_say_no_more_than_rows() -> None:
    slices, values = drawn(2, 400)
    once = Distributions(SlicedRows(slices, 3), values)
    many = Distributions(
        SlicedRows(np.repeat(slices, 6), 3, None, np.repeat(np.arange(400), 6)), np.repeat(values, 6)
    )
    for one, other in (
        (once.gap_to_all(), many.gap_to_all()),
        (once.gaps(np.array([0]), np.array([1])), many.gaps(np.array([0]), np.array([1]))),
    ):
        assert other.value == pytest.approx(one.value)
        width = [f.limits(Z, 1.0)[1] - f.value for f in (one, other)]
        assert width[1] == pytest.approx(width[0], rel=0.1)
        assert np.all(width[1] > 0.98 * width[0])
    ends = [np.subtract(*f.quantile(0.5).limits(Z, 1.0)) for f in (once, many)]
    assert ends[0] == pytest.approx(ends[1], rel=0.35)


def test_uneven_weights_widen_the_limits() -> None:
    slices, values = drawn(3, 300)
    weight = np.random.default_rng(3).lognormal(0, 1, 300)
    plain, weighted = (Distributions(SlicedRows(slices, 3, w), values) for w in (None, weight))
    assert np.all(weighted.effective < 0.7 * plain.effective)
