"""Calibration's covariance, test and limits against brute force, statsmodels and samples of known truth."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.metrics.calibration import BINS
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

if TYPE_CHECKING:
    from .conftest import Scored


Z = stats.norm.ppf(0.975)


def calibrated(n: int = 300, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    score = rng.beta(1, 2, n)
    return score, rng.random(n) < score


def test_the_covariance_of_clustered_gaps_is_the_jackknifes(scored: Callable[..., Scored]) -> None:
    score, label = calibrated()
    cluster = np.random.default_rng(1).integers(0, 20, 300)
    found = scored(score, label, cluster=cluster).calibration
    bins = np.minimum((score * BINS).astype(int), BINS - 1)
    away = score - label
    whole = np.bincount(bins, away, BINS) / 300
    left = np.array(
        [np.bincount(bins[cluster != c], away[cluster != c], BINS) / (cluster != c).sum() for c in range(20)]
    )
    expected = (left - whole).T @ (left - whole) * 19 / 20
    alone = np.diag(found._apart[0])
    assert found.gaps[0] == pytest.approx(whole)
    # One cluster's weight goes to rows that depend on each other wholly.
    assert found.covariance[0] == pytest.approx((20 * expected + alone) / 21)


def test_limits_reach_as_far_as_any_signs_of_the_bins(scored: Callable[..., Scored]) -> None:
    score, label = calibrated(150)
    cluster = np.random.default_rng(2).integers(0, 15, 150)
    found = scored(score, label, cluster=cluster)
    figure = found.figure("expected_calibration_error")
    covariance = found.calibration.covariance[0]
    signs = np.array(list(product((-1, 1), repeat=BINS)))
    spread = np.sqrt(np.max(np.sum(signs @ covariance * signs, axis=1)))
    used = len(np.unique(np.minimum((score * BINS).astype(int), BINS - 1)))
    sizes = np.bincount(cluster)
    t = stats.t.isf(0.05 / 2**used, 150**2 / (sizes**2).sum() - 1)
    assert figure.limits(Z, 1)[1][0] == pytest.approx(min(figure.value[0] + t * spread, 1), rel=1e-5)


def test_clusters_that_err_together_do_not_prove_an_error(scored: Callable[..., Scored]) -> None:
    """40 clusters of 20 rows, each of one label: a calibrated model's error is 0, whatever a sample shows."""
    rng = np.random.default_rng(3)
    missed = missed_as_rows = 0
    for _ in range(60):
        chance = rng.uniform(0.05, 0.95, 40)
        label = np.repeat(rng.random(40) < chance, 20)
        score, cluster = np.repeat(chance, 20), np.repeat(np.arange(40), 20)
        by_cluster = scored(score, label, cluster=cluster).figure("expected_calibration_error")
        by_row = scored(score, label).figure("expected_calibration_error")
        missed += by_cluster.limits(Z, 1)[0][0] > 0
        missed_as_rows += by_row.limits(Z, 1)[0][0] > 0
    assert missed_as_rows >= 45
    assert missed <= 2


def test_the_test_of_few_bins_is_a_chi_square_of_standardised_gaps(scored: Callable[..., Scored]) -> None:
    """Many rows: the sum of squared Spiegelhalter-like z of the groups, the chi-square as it stands."""
    rng = np.random.default_rng(4)
    score = rng.choice([0.15, 0.45, 0.75], 30_000)
    label = rng.random(30_000) < score + 0.004
    p = scored(score, label).calibration.p()[0]
    z = [
        (label[score == s].sum() - s * (score == s).sum()) / np.sqrt(s * (1 - s) * (score == s).sum())
        for s in np.unique(score)
    ]
    assert p == pytest.approx(stats.chi2.sf(np.sum(np.square(z)), 3), abs=2e-3)


def test_the_test_over_clusters_is_students_where_they_are_few(scored: Callable[..., Scored]) -> None:
    """With too few clusters for several groups it is the t test of the clusters' sums, here of equal size."""
    score, label = calibrated(120, seed=5)
    cluster = np.arange(120) % 12
    p = scored(score, label, cluster=cluster).calibration.p()[0]
    sums = np.bincount(cluster, score - label)
    assert p == pytest.approx(stats.ttest_1samp(sums, 0).pvalue)


def test_a_miscalibrated_model_is_found_and_its_error_kept(scored: Callable[..., Scored]) -> None:
    rng = np.random.default_rng(6)
    score = rng.uniform(0, 1, 4000)
    label = rng.random(4000) < 0.25 + 0.5 * score
    found = scored(score, label)
    value = found.figure("expected_calibration_error").value[0]
    assert found.calibration.p()[0] < 1e-6
    assert 0.9 * value < found.calibration.debiased()[0] <= value


def test_what_chance_adds_to_the_error_is_mostly_taken_off(scored: Callable[..., Scored]) -> None:
    """Calibrated scores: the plain error of 200 rows is .06 on average, and 0 in truth."""
    rng = np.random.default_rng(7)
    slices = np.repeat(np.arange(100), 200)
    score = rng.uniform(0, 1, 20_000)
    found = scored(score, rng.random(20_000) < score, slices)
    plain = found.figure("expected_calibration_error").value.mean()
    assert plain > 0.06
    assert found.calibration.debiased().mean() < 0.5 * plain


def test_rows_that_say_too_little_have_no_p(scored: Callable[..., Scored]) -> None:
    # Three rows with a chance of .01 leave .03 of a row open.
    assert np.isnan(scored(np.full(3, 0.01), [False, False, False]).calibration.p()[0])
    assert np.isnan(scored(np.full(9, 0.5), np.arange(9) < 4, cluster=np.zeros(9)).calibration.p()[0])


def test_rates_of_bins_rest_on_clusters(scored: Callable[..., Scored]) -> None:
    """Twenty rows of equal label in each of 30 clusters are 30 rows, within what few clusters add."""
    label = np.repeat(np.arange(30) % 3 == 0, 20)
    (row,) = (
        scored(np.full(600, 0.35), label, cluster=np.repeat(np.arange(30), 20)).curves(True, Z).calibration[0]
    )
    narrow, wide = (proportion_confint(n / 3, n, method="beta") for n in (30, 22))
    assert wide[0] < row[5] < narrow[0]
    assert narrow[1] < row[6] < wide[1]
