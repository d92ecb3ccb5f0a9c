"""Limits of means held to Clopper and Pearson's, to random weights drawn, and to their range."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.metrics.heavy import WeightCounts, rare_heavy
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.means import BINS, Atoms, binned, mean_limits, points
from fairweigh.metrics.units import student
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

if TYPE_CHECKING:
    from .conftest import Scored


Z = normal_quantile(0.95)


@pytest.mark.parametrize(
    ("x", "n"), [(0, 1), (1, 1), (0, 10), (3, 10), (1, 30), (15, 30), (3, 1000), (500_000, 1_000_000)]
)
def test_of_zeros_and_ones_the_limits_are_clopper_and_pearsons(x: int, n: int) -> None:
    share = np.array([[1 - x / n, x / n]])
    atoms = Atoms(np.array([[0.0, 1.0]]), share, np.zeros(1), np.ones(1))
    found = mean_limits(np.array([x / n]), atoms, np.array([float(n)]))(Z, 1.0)
    expected = proportion_confint(x, n, method="beta")
    # The saddlepoint errs by .0016 in one row, by less in more.
    assert np.ravel(found) == pytest.approx(np.nan_to_num(expected, nan=0.0), abs=2e-3)


def test_the_limits_are_quantiles_of_the_randomly_weighted_mean() -> None:
    """N. Gaffke's bound by its definition: uniform shares of all rows and one more at the end."""
    rng = np.random.default_rng(0)
    value = rng.beta(0.5, 3, 25)
    atoms = Atoms(value[None], np.full((1, 25), 1 / 25), np.zeros(1), np.ones(1))
    low, high = mean_limits(np.array([value.mean()]), atoms, np.array([25.0]))(Z, 1.0)
    share = rng.dirichlet(np.ones(26), 400_000)
    drawn = [np.quantile(share @ np.append(value, end), q) for end, q in ((0, 0.025), (1, 0.975))]
    assert (low[0], high[0]) == pytest.approx(drawn, abs=1e-3)


def test_points_of_bins_have_their_mean_and_variance_and_stay_inside() -> None:
    rng = np.random.default_rng(1)
    value = np.append(rng.beta(0.3, 2, 500), [0.0, 1.0])
    weight = rng.lognormal(0, 1, 502)
    cell = np.minimum((value * BINS).astype(int), BINS - 1)
    place, share = points(binned(cell, 1, weight, value), np.linspace(0, 1, BINS + 1))
    mean = np.average(value, weights=weight)
    assert share.sum() == pytest.approx(1)
    assert (share * place).sum() == pytest.approx(mean)
    assert (share * (place - mean) ** 2).sum() == pytest.approx(
        np.average((value - mean) ** 2, weights=weight)
    )
    assert share.min() >= -1e-12
    assert 0 <= place.min() <= place.max() <= 1


extreme = st.sampled_from([0.0, 1e-9, 1e-3, 0.01, 0.5, 0.99, 1.0])
some_rows = st.lists(
    st.tuples(extreme, st.booleans(), st.sampled_from([0.5, 1.0, 30.0])), min_size=1, max_size=30
)
RANGES = {
    "mean_score": (0, 1),
    "brier_score": (0, 1),
    "calibration_bias": (-1, 1),
    "log_loss": (0, -np.log(1 - (1 - 1e-15))),
}


@settings(deadline=None, max_examples=60)
@given(some_rows, st.sampled_from(["rows", "weights", "clusters"]), st.sampled_from([0.9, 0.95, 0.9999]))
def test_limits_hold_the_value_and_never_leave_the_possible_range(
    scored: Callable[..., Scored], data: Any, kind: Any, confidence: Any
) -> None:
    score, label, weight = map(np.array, zip(*data, strict=True))
    more = {"weights": {"weight": weight}, "clusters": {"cluster": np.arange(len(score)) // 3}}.get(kind, {})
    found = scored(score, label, **more)
    for name, (least, most) in RANGES.items():
        figure = found.figure(name)
        low, high = figure.limits(normal_quantile(confidence), 1.0)
        assert least - 1e-9 <= low[0] <= figure.value[0] <= high[0] <= most + 1e-9
        assert high[0] > low[0], "no finite sample is certain"


@pytest.mark.parametrize("probability", [True, False])
def test_equal_scores_of_one_slice_are_not_certain(scored: Callable[..., Scored], probability: bool) -> None:
    score = np.append(np.full(30, 0.4), np.linspace(0.1, 0.9, 30))
    slices = np.repeat([0, 1], 30)
    figure = scored(score, score > 0.5, slices, probability=probability).figure("mean_score")
    low, high = figure.limits(Z, 1.0)
    # What one more row leaves open: at 1, or at the largest score seen in any slice.
    end = 1.0 if probability else 0.9
    assert high[0] == pytest.approx(0.4 + (end - 0.4) * stats.beta.ppf(0.975, 1, 30), abs=1e-3)
    assert low[0] < 0.4


def test_scores_without_any_range_have_no_limits(scored: Callable[..., Scored]) -> None:
    figure = scored(np.full(20, 3.0), np.arange(20) < 9, probability=False).figure("mean_score")
    assert figure.value[0] == 3
    assert np.isnan(figure.limits(Z, 1.0)[0][0])


def test_symmetric_scores_cost_little_more_than_students_interval(scored: Callable[..., Scored]) -> None:
    score = np.random.default_rng(2).normal(size=400)
    low, high = scored(score, score > 0, probability=False).figure("mean_score").limits(Z, 1.0)
    plain = stats.t.interval(0.95, 399, score.mean(), score.std(ddof=1) / 20)
    assert low[0] <= plain[0] + 1e-9 < plain[1] - 1e-9 <= high[0]
    assert high[0] - low[0] < 1.2 * (plain[1] - plain[0])


def test_a_mean_of_one_cluster_is_as_unsure_as_one_row(scored: Callable[..., Scored]) -> None:
    score, label = np.linspace(0.2, 0.6, 50), np.arange(50) < 20
    low, high = scored(score, label, cluster=np.zeros(50)).figure("mean_score").limits(Z, 1.0)
    assert low[0] < 0.05
    assert high[0] > 0.95


def test_more_rows_narrow_the_limits(scored: Callable[..., Scored]) -> None:
    score = np.random.default_rng(3).beta(0.3, 3, 100)
    figure = scored(score, score > 0.1).figure("mean_score")
    widths = [float(np.ptp(np.ravel(figure.limits(Z, scale)))) for scale in (1, 4, 1000, 4000)]
    # With few rows the one more row counts, too.
    assert widths[1] < widths[0] / 2
    assert widths[3] == pytest.approx(widths[2] / 2, rel=0.01)


def test_a_rare_heavy_stratum_is_told_with_its_share_and_effective_rows() -> None:
    weight = np.where(np.arange(200) < 10, 20.0, 1.0)
    found = rare_heavy(weight)
    assert (found.rows, found.weight) == pytest.approx((0.05, 200 / 390))
    assert found.effective == pytest.approx(390**2 / (10 * 400 + 190))
    assert rare_heavy(np.random.default_rng(0).lognormal(0, 0.5, 5000)) is None
    assert rare_heavy(np.ones(5)) is None
    assert rare_heavy(np.zeros(5)) is None
    counted = WeightCounts()
    for part in np.array_split(weight, 7):
        counted.add(part)
    assert counted.rare_heavy().weight == pytest.approx(200 / 390)


@pytest.mark.parametrize("z", [0.5, 1.96, 5.0, 8.0, 8.5, 12.0])
def test_students_quantile_cuts_off_the_same_tail_however_far_out(z: float) -> None:
    found = student(z, np.array([3.0, 40.0, 1e6]))
    assert found == pytest.approx(stats.t.isf(stats.norm.sf(z), [3.0, 40.0, 1e6]), rel=0.03)


@pytest.mark.parametrize("z", [0.5, 1.96, 5.0, 7.0, 8.2, 12.0])
def test_students_quantile_of_one_degree_of_freedom_is_cauchys(z: float) -> None:
    """In closed form 1 / tan(pi * tail); by the other tail it was 4e-5 less at 7. scipy 1.14 is 2e-11 off."""
    assert student(z, np.array([1.0]))[0] == pytest.approx(1 / np.tan(np.pi * stats.norm.sf(z)), rel=1e-10)
