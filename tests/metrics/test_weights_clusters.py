"""Weighted and clustered rates held to numpy, to an independent cluster bootstrap and to plain rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics import compare
from fairweigh.metrics.clusters import Dependence
from fairweigh.metrics.codes import numbered
from fairweigh.metrics.table import METRICS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Z = 1.959963984540054
rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 1), st.floats(0.1, 10)),
    min_size=2,
    max_size=50,
)


def clustered_rows(seed: int = 0, clusters: int = 60) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 15, clusters)
    cluster = np.repeat(np.arange(clusters), size)
    decision = (rng.random(len(cluster)) < rng.beta(2, 3, clusters)[cluster]).astype(int)
    return cluster, decision


@settings(deadline=None)
@given(rows)
def test_weighted_rates_equal_numpy(counted_figure: Any, data: Any) -> None:
    slices, label, decision, weight = map(np.array, zip(*data, strict=True))
    selected = counted_figure("selection_rate", slices, label, decision, weight)
    recall = counted_figure("true_positive_rate", slices, label, decision, weight)
    for k, s in enumerate(sorted(set(slices))):
        here = slices == s
        assert selected.value[k] == pytest.approx(np.average(decision[here], weights=weight[here]))
        positive = here & (label == 1)
        if positive.any():
            assert recall.value[k] == pytest.approx(np.average(decision[positive], weights=weight[positive]))
        else:
            assert np.isnan(recall.value[k])


@settings(deadline=None)
@given(rows)
def test_effective_rows_are_at_most_kishs(counted_figure: Any, data: Any) -> None:
    slices, label, decision, weight = map(np.array, zip(*data, strict=True))
    effective = counted_figure("selection_rate", slices, label, decision, weight).effective_n
    for k, s in enumerate(sorted(set(slices))):
        w = weight[slices == s]
        assert effective[k] <= w.sum() ** 2 / (w**2).sum() * (1 + 1e-9) <= len(w) * (1 + 1e-8)


def test_equal_weights_change_nothing(counted_figure: Any) -> None:
    decision = np.arange(50) % 3 == 0
    plain = counted_figure("selection_rate", ["a"] * 50, decision, decision)
    weighed = counted_figure("selection_rate", ["a"] * 50, decision, decision, np.full(50, 7.0))
    expected = proportion_confint(decision.sum(), 50, method="beta")
    for figure in (plain, weighed):
        assert np.ravel(figure.limits(Z, 1)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "name", [name for name, m in METRICS.items() if not {"score", "probability"} & {*m.needs}]
)
def test_a_slice_without_weight_has_no_figure(name: str, counted_figure: Any) -> None:
    rng = np.random.default_rng(5)
    slices, (label, decision) = np.repeat(["a", "b"], 60), rng.integers(0, 2, (2, 120))
    weight = np.where(slices == "a", 0, rng.random(120) + 0.1)
    figure = counted_figure(name, slices, label, decision, weight)
    low, high = figure.limits(Z, 1)
    assert np.isnan([figure.value[0], low[0], high[0]]).all()
    assert low[1] < figure.value[1] < high[1]


def test_weighted_variance_equals_a_bootstrap_of_the_rows(counted_figure: Any) -> None:
    rng = np.random.default_rng(4)
    weight = rng.lognormal(0, 0.8, 400)
    decision = rng.random(400) < 0.3
    figure = counted_figure("selection_rate", ["a"] * 400, decision, decision, weight)
    drawn = rng.poisson(1, (4000, 400)) * weight
    spread = np.var(drawn @ decision / drawn.sum(1))
    p = figure.value[0]
    assert p * (1 - p) / figure.effective_n[0] == pytest.approx(spread, rel=0.15)


def test_clustered_variance_equals_a_bootstrap_of_the_clusters(counted_figure: Any) -> None:
    cluster, decision = clustered_rows(clusters=300)
    figure = counted_figure("selection_rate", ["a"] * len(cluster), decision, decision, cluster=cluster)
    rng = np.random.default_rng(5)
    times = rng.poisson(1, (4000, cluster.max() + 1))
    n, x = np.bincount(cluster), np.bincount(cluster, decision)
    spread = np.var(times @ x / (times @ n))
    p = figure.value[0]
    assert p * (1 - p) / figure.effective_n[0] == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("times", [2, 10])
def test_copies_of_rows_in_clusters_add_nothing(counted_figure: Any, times: int) -> None:
    # 400 rows, each copied into a cluster of its own, tell no more than the 400, of which the variance has
    # (sum r^2)^2 / sum r^4 degrees of freedom.
    decision = (np.arange(400) % 5 == 0).astype(int)
    copied, cluster = np.repeat(decision, times), np.repeat(np.arange(400), times)
    figure = counted_figure("selection_rate", ["a"] * len(copied), copied, copied, cluster=cluster)
    squares = (decision - decision.mean()) ** 2
    freedom = squares.sum() ** 2 / (squares**2).sum()
    rows = 400 * (Z / stats.t.ppf(0.975, freedom)) ** 2
    x = decision.mean() * rows
    expected = stats.beta.ppf([0.025, 0.975], [x, x + 1], [rows - x + 1, rows - x])
    assert figure.effective_n[0] == pytest.approx(rows, rel=0.01)
    assert np.ravel(figure.limits(Z, 1)) == pytest.approx(expected, abs=3e-4)


def test_few_clusters_widen_the_limits(counted_figure: Any) -> None:
    decision = np.tile([1, 0, 0, 0], 25)
    limits = []
    for groups in (100, 10, 2):
        cluster = np.arange(100) % groups
        figure = counted_figure("selection_rate", ["a"] * 100, decision, decision, cluster=cluster)
        low, high = figure.limits(Z, 1)
        limits.append(high[0] - low[0])
    assert limits == sorted(limits)


def test_one_cluster_tells_as_much_as_one_row(counted_figure: Any) -> None:
    decision = np.tile([1, 0], 20)
    figure = counted_figure("selection_rate", ["a"] * 40, decision, decision, cluster=np.zeros(40))
    assert figure.effective_n[0] <= 1
    assert np.ravel(figure.limits(Z, 1)) == pytest.approx(
        stats.beta.ppf([0.025, 0.975], [0.5, 1.5], [1.5, 0.5])
    )


def test_rows_in_clusters_are_no_more_than_the_rows(counted_figure: Any) -> None:
    # Clusters in which decisions differ more than by chance would count for more than their rows.
    decision = np.tile([1, 0], 50)
    figure = counted_figure(
        "selection_rate",
        ["a"] * 100,
        decision,
        decision,
        np.tile([1.0, 3.0], 50),
        cluster=np.arange(100) // 2,
    )
    assert figure.effective_n[0] <= 200**2 / 500


def test_matched_clusters_hold_the_difference(counted_figure: Any) -> None:
    """200 pairs, one of each chosen and the two never together: the covariance is that of a choice of one.

    The difference of the two rates is 2 X / 200 - 1 with X binomial, whose standard deviation is sqrt 2 times
    that of independent slices; limits that do not know this hold it in 80 to 83 % of samples.
    """
    r, pairs = np.random.default_rng(8), 200
    cluster, slices = np.repeat(np.arange(pairs), 2), np.tile(["a", "b"], pairs)
    one, other = np.array([0]), np.array([1])
    hits = {True: 0, False: 0}
    for _ in range(150):
        first = r.random(pairs) < 0.5
        decision = np.stack([first, ~first], axis=1).ravel()
        for told in hits:
            more = {"cluster": cluster} if told else {}
            figure = counted_figure("selection_rate", slices, decision, decision, **more)
            _, (low, high) = compare.difference(figure, one, other, Z)
            hits[told] += bool(low[0] <= 0 <= high[0])
    assert hits[True] >= stats.binom.ppf(1e-3, 150, 0.95)
    assert hits[False] < 0.9 * 150


def test_matched_clusters_that_agree_make_a_difference_sharper(counted_figure: Any) -> None:
    """Where both of a pair are decided alike, nearly all of either's variance is shared."""
    r, pairs = np.random.default_rng(9), 200
    first = r.random(pairs) < 0.5
    second = np.where(r.random(pairs) < 0.1, ~first, first)
    decision, slices = np.stack([first, second], axis=1).ravel(), np.tile(["a", "b"], pairs)
    widths = []
    for more in ({}, {"cluster": np.repeat(np.arange(pairs), 2)}):
        figure = counted_figure("selection_rate", slices, decision, decision, **more)
        _, (low, high) = compare.difference(figure, np.array([0]), np.array([1]), Z)
        widths.append(high[0] - low[0])
    # The paired variance is that of the mean of second - first; at most four times the rows are taken.
    paired = np.std(second.astype(float) - first) / np.sqrt(pairs) * 2 * Z
    assert 0.95 * paired < widths[1] < 0.65 * widths[0]


@pytest.mark.parametrize(("slices", "clusters"), [(6, 40), (1500, 300)])
def test_covariances_of_slices_that_share_clusters_are_those_of_the_definition(
    slices: int, clusters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    r = np.random.default_rng(2)
    held = r.random((slices, clusters)) < (0.6 if slices < 10 else 0.02)
    pull = np.where(held, r.normal(0, 1, held.shape), 0)
    owner, cluster = np.nonzero(held)
    members = held.sum(1)
    one, other = r.integers(0, slices, (2, 300))
    most = np.maximum(members[one], members[other])
    wanted = (pull[one] * pull[other]).sum(1) * (most - 1) / np.maximum(most, 1)
    found = Dependence.of(owner, cluster, pull[held], slices)
    np.testing.assert_allclose(found.covariance(one, other), wanted, atol=1e-12)
    # Some slices alone, one of them twice.
    chosen = np.array([3, 1, 3, 0])
    np.testing.assert_allclose(found.take(chosen).variance, found.variance[chosen])
    pairs = np.array([0, 1, 2]), np.array([1, 3, 3])
    np.testing.assert_allclose(
        found.take(chosen).covariance(*pairs), found.covariance(chosen[pairs[0]], chosen[pairs[1]])
    )
    # Where the products would be more than the pulls these are kept instead.
    monkeypatch.setattr("fairweigh.metrics.clusters.MOST_PRODUCTS", 0)
    monkeypatch.setattr("fairweigh.metrics.clusters.FEW_PAIRS", slices**2)
    kept = Dependence.of(owner, cluster, pull[held], slices)
    assert kept.products is None
    np.testing.assert_allclose(kept.covariance(one, other), wanted, atol=1e-12)


@pytest.mark.parametrize("name", ["selection_rate", "true_positive_rate", "precision", "f1"])
def test_clusters_of_equal_counts_held_once_give_the_figures_of_each(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    r = np.random.default_rng(8)
    table = {"g": r.choice(list("abc"), 4000), "c": r.integers(0, 900, 4000).astype(str)}
    table |= {"y_true": r.integers(0, 2, 4000), "y_pred": r.integers(0, 2, 4000)}
    cube = counted(ARROW, pa.table(table), ["g", "y_true", "y_pred"], cluster="c")
    each = METRICS[name].estimator.of(cube.tally(["g"]))  # type: ignore[attr-defined]
    monkeypatch.setattr("fairweigh.metrics.profiles.MANY", 0)
    tally = cube.tally(["g"])
    assert len(tally.clusters.once.owner) < len(tally.clusters.owner) / 8
    once = METRICS[name].estimator.of(tally)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(once.value, each.value)
    np.testing.assert_allclose(once.size, each.size, rtol=1e-10)
    pairs = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 2])
    wanted = each.dependence.covariance(*pairs)
    np.testing.assert_allclose(once.dependence.covariance(*pairs), wanted, rtol=1e-9, atol=1e-16)
    np.testing.assert_allclose(once.dependence.variance, each.dependence.variance, rtol=1e-10)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(41, 2000))
def test_numbers_of_codes_are_those_of_numpy(codes: Any, size: Any) -> None:
    found, place = numbered(np.array(codes, np.int64), size)
    wanted, inverse = np.unique(np.array(codes, np.int64), return_inverse=True)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(place, inverse.reshape(-1))


def test_sums_and_products_over_clusters_do_not_tell_how_many_rows_they_amount_to() -> None:
    """Two sets of 30 clusters of ten rows whose selected rows have one sum and one sum of squares.

    Few clusters far off leave fewer degrees of freedom (a sum of fourth powers) than many that are not so
    far: an engine that gave sums of t and of t t^T alone could not give these limits.
    """
    parts = [np.tile(part, 6) for part in ([7, 3, 7, 3, 5], [8, 3, 4, 6, 4])]
    assert len({(part.sum(), (part**2).sum(), len(part)) for part in parts}) == 1
    found = []
    for part in parts:
        chosen = np.arange(10) < part[:, None]
        table = pa.table(
            {"y_pred": chosen.ravel().astype(int), "c": np.repeat(np.arange(30), 10).astype(str)}
        )
        cube = counted(ARROW, table, ["y_pred"], cluster="c")
        found.append(METRICS["selection_rate"].estimator.of(cube.tally()))  # type: ignore[attr-defined]
    assert found[0].value == found[1].value
    assert found[0].effective_n > 1.01 * found[1].effective_n
