"""Figures of predicted numbers against scikit-learn, scipy and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics import compare, regression
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.rows import Rows
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.score_values import SCORE
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import r2_score, root_mean_squared_error

Z = normal_quantile(0.95)


def drawn(
    n: int = 300, slices: int = 3, seed: int = 0, noise: float = 0.5
) -> tuple[SlicedRows, NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=n)
    return SlicedRows(rng.integers(0, slices, n), slices), outcome, outcome + rng.normal(0, noise, n)


def root_mean_squared(rows: SlicedRows, outcome: Any, prediction: Any) -> Figure:
    found = Rows(("s",))
    keys = [(str(i),) for i in range(rows.size)]
    found.add(
        rows.slices, keys, {"square": (prediction - outcome) ** 2}, rows.weight if rows.weighted else None
    )
    return regression.root_mean(SlicedScores(found.table("square"), ("s",), keys).mean(SCORE))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.booleans(), st.sampled_from([1.0, 1e6]))
def test_values_are_those_of_scikit_learn_and_inside_of_their_limits(
    seed: Any, n: Any, weighted: Any, shift: Any
) -> None:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=n).round(1) + shift
    prediction = (outcome + rng.normal(0, rng.choice([0, 0.1, 3]), n)).round(1)
    weight = rng.lognormal(size=n) if weighted else None
    rows = SlicedRows(np.zeros(n, int), 1, weight)
    figure = regression.r_squared(rows, outcome, prediction)
    root = root_mean_squared(rows, outcome, prediction)
    assert root.value[0] == pytest.approx(root_mean_squared_error(outcome, prediction, sample_weight=weight))
    if np.ptp(outcome) > 0:
        expected = r2_score(outcome, prediction, sample_weight=weight)
        assert figure.value[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)
        low, high = figure.limits(Z, 1.0)
        assert low[0] <= figure.value[0] <= high[0] <= 1
        assert low[0] < high[0]
    low, high = root.limits(Z, 1.0)
    # Errors that are all the same show no range, and have no limits.
    assert np.isnan(low[0]) or 0 <= low[0] <= root.value[0] < high[0]
    assert np.isnan(low[0]) == (np.ptp((prediction - outcome) ** 2) == 0)


def test_a_mean_of_sizes_is_not_negative() -> None:
    found, keys = Rows(("s",)), [("0",)]
    found.add(np.zeros(3, int), keys, {"size": np.array([0.0, 0.1, 2.0])})
    mean = SlicedScores(found.table("size"), ("s",), keys).mean(SCORE)
    assert mean.limits(Z, 1.0)[0][0] < 0
    held = regression.not_negative(mean)
    assert held.limits(Z, 1.0)[0][0] == 0
    assert held.limits(Z, 1.0)[1] == mean.limits(Z, 1.0)[1]


def test_r_squared_of_equal_outcomes_does_not_exist() -> None:
    rows = SlicedRows(np.zeros(5, int), 1)
    assert np.isnan(regression.r_squared(rows, np.ones(5), np.arange(5.0)).value[0])


def test_a_perfect_prediction_leaves_open_what_one_more_row_would() -> None:
    rows, outcome, _ = drawn()
    low, high = regression.r_squared(rows, outcome, outcome).limits(Z, 1.0)
    assert np.all(high == 1)
    assert np.all((low > 0.3) & (low < 0.95))
    same, p = regression.r_squared_change(rows, outcome, outcome, outcome)
    low, high = same.limits(Z, 1.0)
    assert np.all((low < -0.05) & (high > 0.05) & (p == 1))


def test_the_correlation_is_pearsons_with_limits_near_fishers() -> None:
    rows, outcome, prediction = drawn(3000)
    figure = regression.correlation(rows, outcome, prediction)
    low, high = figure.limits(Z, 1.0)
    for i in range(3):
        own = rows.slices == i
        outside = stats.pearsonr(outcome[own], prediction[own])
        ends = outside.confidence_interval()
        assert figure.value[i] == pytest.approx(outside.statistic)
        assert (high[i] - low[i]) / (ends.high - ends.low) == pytest.approx(1.1, abs=0.15)


def test_limits_of_r_squared_are_the_delta_methods_of_many_normal_rows() -> None:
    """var log(1 - R2) is 4 R2 / n of normal errors and outcomes."""
    rows, outcome, prediction = drawn(40_000, 1, noise=1.0)
    figure = regression.r_squared(rows, prediction, outcome)
    low, high = figure.limits(Z, 1.0)
    width = np.log1p(-low[0]) - np.log1p(-high[0])
    assert width == pytest.approx(2 * Z * np.sqrt(4 * 0.5 / 40_000), rel=0.06)


def test_a_ratio_of_means_is_positive_and_scale_free() -> None:
    rows, one, other = drawn(40)
    one, other = np.exp(one), np.exp(other)
    figure = regression.ratio_of_means(rows, one, other)
    doubled = regression.ratio_of_means(rows, 2 * one, other)
    assert figure.value == pytest.approx(rows.mean(one) / rows.mean(other))
    for i in (0, 1):
        assert doubled.limits(Z, 1.0)[i] == pytest.approx(2 * figure.limits(Z, 1.0)[i])
        assert np.all(figure.limits(Z, 1.0)[i] > 0)
    negative = regression.ratio_of_means(rows, one, other - 100)
    assert np.isnan(negative.value).all()


@pytest.mark.parametrize(
    "change", ["r_squared_change", "root_mean_change", "correlation_change", "ratio_of_means_change"]
)
def test_a_change_is_the_difference_and_its_limits_hold_it(change: str) -> None:
    rows, outcome, before = drawn(500)
    outcome, before = np.exp(outcome), np.exp(before)
    after = before * 0.8 + 0.1
    arguments = (
        (before, after, outcome)
        if change in ("correlation_change", "ratio_of_means_change")
        else (outcome, before, after)
    )
    figure, p = getattr(regression, change)(rows, *arguments)
    of = {
        "r_squared_change": r2_score,
        "root_mean_change": root_mean_squared_error,
        "correlation_change": lambda y, v: np.corrcoef(y, v)[0, 1],
        "ratio_of_means_change": lambda y, v: v.mean() / y.mean(),
    }[change]
    for i in range(3):
        own = rows.slices == i
        expected = of(outcome[own], after[own]) - of(outcome[own], before[own])
        assert figure.value[i] == pytest.approx(expected)
    low, high = figure.limits(Z, 1.0)
    assert np.all((low < figure.value) & (figure.value < high))
    assert np.all((p >= 0) & (p <= 1))


def test_the_limits_of_a_change_agree_with_those_of_the_jackknife() -> None:
    rows, outcome, before = drawn(400, 1)
    after = before * 0.9
    figure, _ = regression.r_squared_change(rows, outcome, before, after)

    def of(keep: Any) -> Any:
        return r2_score(outcome[keep], after[keep]) - r2_score(outcome[keep], before[keep])

    left_out = np.array([of(np.arange(400) != i) for i in range(400)])
    error = np.sqrt(399 / 400 * ((left_out - left_out.mean()) ** 2).sum())
    low, high = figure.limits(Z, 1.0)
    assert (high[0] - low[0]) / 2 / error == pytest.approx(Z, rel=0.25)
    assert (high[0] - low[0]) / 2 / error > Z * 0.99


def test_a_cluster_of_copies_weighs_as_one_row() -> None:
    rows, outcome, prediction = drawn(60, 2)
    slices, copies = np.repeat(rows.slices, 4), [np.repeat(v, 4) for v in (outcome, prediction)]
    clustered = SlicedRows(slices, 2, None, np.repeat(np.arange(60), 4))
    once = regression.r_squared(rows, outcome, prediction)
    many = regression.r_squared(clustered, *copies)
    assert many.value == pytest.approx(once.value)
    for i in (0, 1):
        assert many.limits(Z, 1.0)[i] == pytest.approx(once.limits(Z, 1.0)[i])
    assert many.effective_n == pytest.approx(np.bincount(rows.slices), rel=0.35)


def test_slices_that_share_clusters_are_compared_by_what_they_share() -> None:
    """Both slices of each cluster have the same rows: their difference varies not at all."""
    rng = np.random.default_rng(5)
    outcome = rng.normal(size=200)
    prediction = outcome + rng.normal(0, 0.5, 200)
    rows = SlicedRows(np.repeat([0, 1], 200), 2, None, np.tile(np.arange(200), 2))
    figure = regression.r_squared(rows, np.tile(outcome, 2), np.tile(prediction, 2))
    assert figure.dependence is not None
    index = np.array([0]), np.array([1])
    alike = figure.dependence.correlation(*index)
    assert alike[0] == pytest.approx(0.75)  # as much as is ever counted
    _, (low, high) = compare.difference(figure, *index, Z)
    own = figure.limits(Z, 1.0)
    assert high[0] - low[0] < 1.1 * (own[1][0] - own[0][0])
