"""Figures of scores held to scikit-learn, to DeLong's formula written out and to brute force."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sklearn.metrics as sk
from fairweigh.metrics import scores
from fairweigh.metrics.histogram import HISTOGRAM_BINS, histogram_edges
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.score_values import SCORE
from fairweigh.metrics.standardised import smd_figure
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

if TYPE_CHECKING:
    from .conftest import Scored


rows = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.05, 0.3, 0.31, 0.7, 1.0]), st.booleans(), st.sampled_from([0.5, 1.0, 3.0])
    ),
    min_size=4,
    max_size=50,
)


def arrays(data: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    score, label, weight = map(np.array, zip(*data, strict=True))
    return score.astype(float), label.astype(bool), weight.astype(float)


def sample(n: int = 200, seed: int = 0, ties: bool = False) -> tuple[NDArray[np.float64], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.4
    score = np.clip(rng.normal(0.45 + 0.2 * label, 0.2), 0.001, 0.999)
    return (np.round(score, 1) if ties else score), label


def delong(score: Any, label: Any) -> tuple[Any, Any]:
    """AUC and variance from every pair (E. R. DeLong et al. 1988, Biometrics 44:837-845, eqs 2-4)."""
    x, y = score[label], score[~label]
    psi = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    v10, v01 = psi.mean(1), psi.mean(0)
    return psi.mean(), v10.var(ddof=1) / len(x) + v01.var(ddof=1) / len(y)


@settings(deadline=None)
@given(rows)
def test_weighted_auc_equals_sklearn(scored: Callable[..., Scored], data: Any) -> None:
    score, label, weight = arrays(data)
    ours = scored(score, label, weight=weight).figure("auc").value[0]
    if label.all() or not label.any():
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(sk.roc_auc_score(label, score, sample_weight=weight))


@settings(deadline=None)
@given(rows)
def test_weighted_means_equal_sklearn_and_numpy(scored: Callable[..., Scored], data: Any) -> None:
    score, label, weight = arrays(data)
    found = scored(score, label, weight=weight)
    assert found.figure("brier_score").value[0] == pytest.approx(
        np.average((score - label) ** 2, weights=weight)
    )
    assert found.figure("mean_score").value[0] == pytest.approx(np.average(score, weights=weight))
    assert found.figure("calibration_bias").value[0] == pytest.approx(
        np.average(score - label, weights=weight)
    )
    p = np.clip(score, 1e-15, 1 - 1e-15)
    loss = sk.log_loss(label, p, labels=[False, True], sample_weight=weight)
    assert found.figure("log_loss").value[0] == pytest.approx(loss, abs=1e-12)


@settings(deadline=None)
@given(rows)
def test_calibration_error_equals_a_loop_over_bins(scored: Callable[..., Scored], data: Any) -> None:
    score, label, weight = arrays(data)
    total = 0.0
    for b in range(10):
        held = (score >= b / 10) & ((score < (b + 1) / 10) | (b == 9))
        total += abs(np.sum(weight[held] * (score[held] - label[held])))
    found = scored(score, label, weight=weight).figure("expected_calibration_error").value[0]
    assert found == pytest.approx(total / weight.sum())


@pytest.mark.parametrize("ties", [False, True])
def test_auc_variance_equals_delongs_formula(scored: Callable[..., Scored], ties: bool) -> None:
    score, label = sample(ties=ties)
    ranking = scored(score, label).ranking
    assert (ranking.area[0], ranking.variance[0]) == pytest.approx(delong(score, label))


def test_auc_variance_of_each_slice_is_its_own(scored: Callable[..., Scored]) -> None:
    score, label = sample(ties=True)
    slices = np.arange(len(score)) % 3
    ranking = scored(score, label, slices).ranking
    for s in range(3):
        chosen = slices == s
        assert (ranking.area[s], ranking.variance[s]) == pytest.approx(delong(score[chosen], label[chosen]))


def test_auc_limits_hold_wilsons_on_the_effective_rows(scored: Callable[..., Scored]) -> None:
    # M. Kottas et al. 2014, BMC Med. Res. Methodol. 14:26: Wilson on A (1 - A) / variance rows.
    score, label = sample()
    area, variance = delong(score, label)
    rows = min(area * (1 - area) / variance, len(score))
    expected = proportion_confint(area * rows, rows, method="wilson")
    low, high = scored(score, label).figure("auc").limits(stats.norm.ppf(0.975), 1)
    assert low[0] == pytest.approx(expected[0], abs=0.01)
    assert high[0] == pytest.approx(expected[1], abs=0.01)
    assert low[0] <= expected[0] + 1e-12
    assert high[0] >= expected[1] - 1e-12


def test_auc_of_one_is_not_certain(scored: Callable[..., Scored]) -> None:
    # R. G. Newcombe 2006, Stat. Med. 25:559-573, method 5, with h = (m + n) / 2:
    # 1 - t = z sqrt(t (1 - t) (2h - 1 - (3h - 3) / ((2 - t)(1 + t))) / mn)
    label = np.arange(40) < 20
    low, high = scored(np.where(label, 0.9, 0.1), label).figure("auc").limits(stats.norm.ppf(0.975), 1)
    t, h = low[0], 20
    spread = np.sqrt(t * (1 - t) * (2 * h - 1 - (3 * h - 3) / ((2 - t) * (1 + t))) / 400)
    assert 1 - t == pytest.approx(1.959964 * spread, abs=1e-6)
    assert high[0] == pytest.approx(1)


@pytest.mark.parametrize("far", [0.1, 0.9])
def test_auc_without_spread_counts_clusters_and_not_rows(scored: Callable[..., Scored], far: float) -> None:
    # Every row stands nine times over, as one cluster: nothing is known that one row each would not say.
    label = np.arange(40) < 20
    score = np.where(label, 1 - far, far)
    alone = scored(score, label).figure("auc")
    many = scored(np.repeat(score, 9), np.repeat(label, 9), cluster=np.repeat(np.arange(40), 9)).figure("auc")
    assert many.value[0] == alone.value[0] == (far == 0.1)
    for mine, theirs in zip(many.limits(1.96, 1), alone.limits(1.96, 1), strict=True):
        assert mine[0] == pytest.approx(theirs[0], abs=1e-9)


@settings(deadline=None)
@given(rows)
def test_roc_points_lie_on_sklearns_curve(scored: Callable[..., Scored], data: Any) -> None:
    score, label, weight = arrays(data)
    curve = scored(score, label, weight=weight).curves(True, 1.96).roc[0]
    if label.all() or not label.any():
        assert curve == []
        return
    x, y, _ = sk.roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    assert np.array(curve) == pytest.approx(np.column_stack([x, y]))


@pytest.mark.parametrize("probability", [True, False])
def test_binned_scores_are_within_the_stated_bound(scored: Callable[..., Scored], probability: bool) -> None:
    rng = np.random.default_rng(3)
    label = rng.random(5000) < 0.3
    # Scores so close together that many share a bin.
    score = 0.5 + rng.normal(2e-4 * label, 2e-4)
    score = score if probability else score * 1e4
    exact = scored(score, label)
    binned = scored(score, label, batches=7, exact_rows=100, probability=probability)
    bound = binned.ranking.rounding
    assert not binned.table.exact
    assert exact.ranking.rounding == 0 < bound
    assert abs(binned.ranking.area[0] - exact.ranking.area[0]) <= bound
    assert binned.figure("mean_score").value[0] == pytest.approx(score.mean())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("probability", [True, False])
def test_bins_of_several_slices_rank_as_scikit_learn_ranks_the_bins(
    scored: Callable[..., Scored], probability: bool, weighted: bool
) -> None:
    rng = np.random.default_rng(4)
    label, slices = rng.random(6000) < 0.3, rng.choice(["a", "b", "c"], 6000, p=[0.7, 0.25, 0.05])
    # Two scores in each bin, both of the same bin of either kind.
    score = np.clip(np.round(rng.normal(0.5 + 0.1 * label, 0.2), 2), 0.01, 0.99) + rng.choice([0, 1e-7], 6000)
    weight = rng.lognormal(0, 0.5, 6000) if weighted else None
    found = scored(score, label, slices, weight=weight, batches=5, exact_rows=100, probability=probability)
    assert not found.table.exact
    for i, name in enumerate("abc"):
        held = slices == name
        expected = sk.roc_auc_score(
            label[held], np.round(score[held], 2), sample_weight=None if weight is None else weight[held]
        )
        assert found.ranking.area[i] == pytest.approx(expected, rel=1e-12)
    whole = SlicedScores(found.table, (), [()])
    expected = sk.roc_auc_score(label, np.round(score, 2), sample_weight=weight)
    assert whole.ranking.area[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_bins_that_nearly_all_hold_rows_rank_as_scikit_learn_ranks_them(
    scored: Callable[..., Scored], weighted: bool
) -> None:
    rng = np.random.default_rng(5)
    label, slices = rng.random(6000) < 0.3, rng.choice(["a", "b", "c"], 6000)
    bins = rng.integers(0, 80, 6000) + 10 * label
    weight = rng.lognormal(0, 0.5, 6000) if weighted else None
    found = scored((bins + rng.random(6000)) / scores.BINS, label, slices, weight=weight, exact_rows=100)
    assert found.table.tie.max() * 3 < len(found.table) < 6000
    for i, name in enumerate("abc"):
        held = slices == name
        weights = None if weight is None else weight[held]
        expected = sk.roc_auc_score(label[held], bins[held], sample_weight=weights)
        assert found.ranking.area[i] == pytest.approx(expected, rel=1e-12)
    whole = SlicedScores(found.table, (), [()])
    expected = sk.roc_auc_score(label, bins, sample_weight=weight)
    assert whole.ranking.area[0] == pytest.approx(expected, rel=1e-12)


def test_slices_that_leave_no_room_for_every_bin_change_no_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether each bin has a place of its own to the end, or only until slices come that are too many."""
    rng, tables = np.random.default_rng(6), []
    score, label, weight = rng.random(900), rng.random(900) < 0.4, rng.lognormal(0, 0.5, 900)
    for most in (scores.MOST_CELLS, 2 * scores.BINS):
        monkeypatch.setattr(scores, "MOST_CELLS", most)
        collector = scores.ScoreCollector(("s",), True, exact_rows=100)
        for k in range(3):
            part, keys = slice(300 * k, 300 * k + 300), [(str(i),) for i in range(k + 1)]
            collector.add(np.arange(300) % (k + 1), keys, score[part], label[part], weight[part])
        tables.append(collector.table())
    for name in ("codes", "keys", "score", "tie", "label", "count", "weight", "square"):
        np.testing.assert_array_equal(*(getattr(table, name) for table in tables))


def jackknifed(values: Any, weights: NDArray[np.float64], clusters: NDArray[np.int64]) -> tuple[Any, Any]:
    """Variance of a mean with each cluster left out in turn, and the degrees of freedom of its influences."""
    found = np.unique(clusters)
    whole = np.average(values, weights=weights)
    left = [np.average(values[clusters != c], weights=weights[clusters != c]) for c in found]
    away = np.array(left) - whole
    return (away**2).sum() * (len(found) - 1) / len(found), (away**2).sum() ** 2 / (away**4).sum()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_variance_of_a_clustered_mean_is_the_jackknifes(
    scored: Callable[..., Scored], weighted: bool
) -> None:
    """Leaving a cluster out of a ratio changes it by its residual over 1 - its share: CR3, exactly."""
    score, label = sample(120)
    rng = np.random.default_rng(1)
    clusters, weight = rng.integers(0, 15, 120), rng.lognormal(0, 0.8, 120)
    weight = weight if weighted else np.ones(120)
    found = scored(score, label, cluster=clusters, weight=weight if weighted else None)
    _, variance, freedom = found._moments(SCORE)
    expected = jackknifed(score, weight, clusters)
    assert variance[0] == pytest.approx(expected[0])
    sums = np.bincount(clusters, weight)
    assert freedom[0] == pytest.approx(min(expected[1], sums.sum() ** 2 / (sums**2).sum() - 1))


def test_the_clustered_variance_of_the_auc_counts_whole_clusters(scored: Callable[..., Scored]) -> None:
    score, label = sample(120)
    clusters = np.random.default_rng(1).integers(0, 15, 120)
    found = scored(score, label, cluster=clusters)
    x, y = score[label], score[~label]
    place = np.where(label, (score[:, None] > y).mean(1) / len(x), (x > score[:, None]).mean(1) / len(y))
    influence = place - delong(score, label)[0] / np.where(label, len(x), len(y))
    u = np.bincount(clusters, influence) / (1 - np.bincount(clusters) / 120)
    freedom = min((u**2).sum() ** 2 / (u**4).sum(), 120**2 / (np.bincount(clusters) ** 2).sum() - 1)
    wide = (stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975)) ** 2
    assert found.ranking.variance[0] == pytest.approx((u**2).sum() * 14 / 15 * wide)


def test_limits_of_constant_scores_are_clopper_pearsons(scored: Callable[..., Scored]) -> None:
    """With one score s the bias of a row is s - y: one more row at either end is one more label."""
    label = np.arange(40) < 3
    figure = scored(np.full(40, 1.0), label).figure("calibration_bias")
    _, high = figure.limits(stats.norm.ppf(0.975), 1)
    # Between -1 and 1 the values are 1 and 0: one more row at 1 is one more negative.
    assert 1 - high[0] == pytest.approx(proportion_confint(3, 40, method="beta")[0], abs=2e-3)
    brier = scored(np.full(40, 0.0), label).figure("brier_score")
    assert np.ravel(brier.limits(stats.norm.ppf(0.975), 1)) == pytest.approx(
        proportion_confint(3, 40, method="beta"), abs=2e-3
    )


def test_one_class_only_leaves_the_other_possible(scored: Callable[..., Scored]) -> None:
    # Wilson's upper limit of 0 positives in 30 rows is 0.114; a calibration bias of 0.1 is not proven.
    low, high = scored(np.full(30, 0.1), np.zeros(30, bool)).figure("calibration_bias").limits(1.959964, 1)
    assert low[0] < 0 < 0.1 <= high[0]


def test_calibration_curve_has_exact_limits(scored: Callable[..., Scored]) -> None:
    score, label = sample()
    for low, high, n, mean, rate, rate_low, rate_high in (
        scored(score, label).curves(True, 1.959964).calibration[0]
    ):
        held = (score >= low - 1e-12) & (score < high - 1e-12)
        assert (n, mean, rate) == pytest.approx((held.sum(), score[held].mean(), label[held].mean()))
        expected = proportion_confint(label[held].sum(), n, method="beta")
        assert (rate_low, rate_high) == pytest.approx(expected, abs=1e-6)


def test_standardised_difference_equals_cohens_d(scored: Callable[..., Scored]) -> None:
    score, label = sample()
    slices = (np.arange(len(score)) % 2).astype(str)
    found = smd_figure(scored(score, label, slices), 0)
    a, b = score[slices == "1"], score[slices == "0"]
    pooled = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2))
    assert found.value[1] == pytest.approx((a.mean() - b.mean()) / pooled)


@pytest.mark.parametrize("at", [0.1, 3.0, -7.5, 1e17, -1e17, 1e50, -1e50])
@pytest.mark.parametrize("floats", [0, 1, 3, 19])
def test_scores_that_floats_hardly_part_stand_in_one_bin(
    scored: Callable[..., Scored], at: Any, floats: int
) -> None:
    """Among so few floats 20 bins have no ascending edges; numpy counts alike in the bins drawn instead."""
    score = at + np.spacing(at) * np.tile([0, floats], 20)
    edges = histogram_edges(score.min(), score.max())
    assert (np.diff(edges) > 0).all()
    found = scored(score, np.tile([True, False], 20)).curves(False, 1.96).histogram[0]
    assert found.tolist() == [40] + [0] * (HISTOGRAM_BINS - 1)
    np.testing.assert_array_equal(found, np.histogram(score, edges)[0])


def test_the_variance_of_numbers_whose_fourth_powers_are_no_float_is_that_of_smaller_ones(
    scored: Callable[..., Scored],
) -> None:
    """Of values times 1e90 the variance is 1e180 times as large, and its degrees of freedom are the same."""
    rng = np.random.default_rng(3)
    values, units = rng.normal(size=60), scored(rng.random(60), np.tile([True, False], 30)).units
    small, large = units.variance(values), units.variance(values * 1e90)
    np.testing.assert_allclose(large[0], small[0] * 1e180, rtol=1e-12)
    np.testing.assert_allclose(large[1], small[1], rtol=1e-12)
