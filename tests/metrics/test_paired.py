"""Changes on the same rows against published examples, statsmodels, closed forms and plain recounting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics.counts import Counts, Tally
from fairweigh.metrics.intervals import normal_quantile, tango
from fairweigh.metrics.joint import JointTally, joint
from fairweigh.metrics.paired import mcnemar_mid_p
from fairweigh.metrics.table import METRICS
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

Z = normal_quantile(0.95)
COUNT_METRICS = [
    m.name for m in METRICS.values() if not {"score", "probability"} & set(m.needs) and "decision" in m.needs
]
RATES = [
    "selection_rate", "accuracy", "error_rate", "true_positive_rate", "true_negative_rate",
    "false_positive_rate", "false_negative_rate",
]  # fmt: skip


def rows(
    label: NDArray[Any] | None,
    before: Any,
    after: Any,
    slices: Any = None,
    weight: NDArray[Any] | None = None,
    cluster: NDArray[Any] | None = None,
) -> JointTally:
    columns = {
        "s": [str(s) for s in (np.zeros(len(before), int) if slices is None else slices)],
        "y_pred": np.asarray(before, int),
        "y_after": np.asarray(after, int),
    }
    if label is not None:
        columns["y_true"] = np.asarray(label, int)
    axes = list(columns)
    if weight is not None:
        columns["weight"] = np.asarray(weight, float)
    if cluster is not None:
        columns["cluster"] = [str(c) for c in cluster]
    weighted, clustered = (name if name in columns else None for name in ("weight", "cluster"))
    return joint(counted(ARROW, pa.table(columns), axes, weighted, cluster=clustered), ("s",))


def drawn(
    n: int = 900, slices: int = 3, flips: float = 0.05, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    r = np.random.default_rng(seed)
    label = r.random(n) < 0.4
    before = np.where(r.random(n) < 0.8, label, ~label)
    after = np.where(r.random(n) < flips, ~before, before)
    return label, before, after, r.integers(0, slices, n)


def change(name: str, tally: JointTally) -> tuple[Any, Any]:
    """The change of a metric and its p."""
    estimator: Any = METRICS[name].estimator
    return estimator.change_of(tally), estimator.change_p(tally)


@pytest.mark.parametrize("name", COUNT_METRICS)
def test_a_change_is_the_metric_after_less_the_metric_before(name: str) -> None:
    label, before, after, slices = drawn()
    figure = change(name, rows(label, before, after, slices))[0]
    for i in range(3):
        one = slices == i
        value = [
            METRICS[name].estimator.of(side).value[0]  # type: ignore[attr-defined]
            for side in (_plain(label[one], before[one]), _plain(label[one], after[one]))
        ]
        assert figure.value[i] == pytest.approx(value[1] - value[0])
    low, high = figure.limits(Z, 1.0)
    assert np.all((low < figure.value) & (figure.value < high))


def _plain(label: Any, decision: Any) -> Tally:
    y, d = np.asarray(label, bool), np.asarray(decision, bool)
    tp, fp, fn, tn = (np.array([int(v.sum())]) for v in (y & d, ~y & d, y & ~d, ~y & ~d))
    return Tally(("s",), [("0",)], Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn))


def test_the_published_example_of_tango_and_its_mid_p() -> None:
    """T. Tango 1998 (1, 1, 7, 12); mid-p 0.0391 in M. W. Fagerland et al. 2013."""
    before = [1] * 1 + [1] * 1 + [0] * 7 + [0] * 12
    after = [1] * 1 + [0] * 1 + [1] * 7 + [0] * 12
    tally = rows(None, before, after)
    figure = change("selection_rate", tally)[0]
    low, high = figure.limits(Z, 1.0)
    assert (-high[0], -low[0]) == pytest.approx((-0.517, -0.026), abs=1e-3)
    assert figure.value[0] == pytest.approx(6 / 21)
    assert change("selection_rate", tally)[1][0] == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize("table", [(1, 7), (0, 5), (12, 3), (40, 61), (8, 8), (1, 0), (500, 430)])
def test_mid_p_is_the_exact_p_less_the_chance_of_the_table_seen(table: tuple[int, int]) -> None:
    b, c = table
    exact = mcnemar([[5, b], [c, 9]], exact=True).pvalue
    mid = float(mcnemar_mid_p(np.array([b]), np.array([c]))[0])
    if b == c:
        assert mid == 1
    else:
        assert mid == pytest.approx(exact - stats.binom.pmf(min(b, c), b + c, 0.5), rel=1e-9)


@pytest.mark.parametrize("name", RATES)
def test_a_rate_uses_the_rows_that_it_counts_alone(name: str) -> None:
    """Gained and lost rows and the denominator are recounted with plain masks."""
    label, before, after, slices = drawn(seed=3)
    figure = change(name, rows(label, before, after, slices))[0]
    assert figure.method == "tango"
    inside = {"selection_rate": label | True, "accuracy": label | True, "error_rate": label | True,
              "true_positive_rate": label, "false_negative_rate": label,
              "true_negative_rate": ~label, "false_positive_rate": ~label}[name]  # fmt: skip
    hit = {"selection_rate": lambda d: d, "true_positive_rate": lambda d: d,
           "false_positive_rate": lambda d: d, "accuracy": lambda d: d == label,
           "error_rate": lambda d: d != label,
           "false_negative_rate": lambda d: ~d, "true_negative_rate": lambda d: ~d}[name]  # fmt: skip
    low, high = figure.limits(Z, 1.0)
    for i in range(3):
        one = inside & (slices == i)
        gained = int((one & ~hit(before) & hit(after)).sum())
        lost = int((one & hit(before) & ~hit(after)).sum())
        expected = tango(gained, lost, int(one.sum()), Z)
        assert (low[i], high[i]) == pytest.approx((float(expected[0]), float(expected[1])))
        assert figure.n[i] == one.sum()


def test_nothing_changed_in_200_rows_leaves_room_for_two_percent() -> None:
    """Of zero flips in 200 rows Tango's limits are z^2 / (n + z^2), about 0.0188."""
    label = np.arange(200) % 2
    for name in ("selection_rate", "accuracy"):
        figure = change(name, rows(label, label, label))[0]
        low, high = figure.limits(Z, 1.0)
        assert figure.value[0] == 0
        assert (low[0], high[0]) == pytest.approx((-0.0188, 0.0188), abs=5e-5)


def test_posterior_limits_too_leave_room_where_nothing_changed() -> None:
    label, before, _, _ = drawn(200, 1)
    for name in ("precision", "f1", "matthews_correlation", "balanced_accuracy"):
        low, high = change(name, rows(label, before, before))[0].limits(Z, 1.0)
        assert low[0] < -0.003
        assert high[0] > 0.003


def test_limits_of_one_slice_do_not_depend_on_the_others() -> None:
    label, before, after, slices = drawn()
    whole = rows(label, before, after, slices)
    for name in ("precision", "f1", "true_positive_rate"):
        together = change(name, whole)[0].limits(Z, 1.0)
        alone = change(name, whole.take([2]))[0].limits(Z, 1.0)
        assert (together[0][2], together[1][2]) == (alone[0][0], alone[1][0])


def test_an_undefined_rate_has_no_change() -> None:
    label = np.array([0, 0, 1, 1])
    slices = [0, 0, 1, 1]
    figure = change("true_positive_rate", rows(label, [0, 1, 1, 1], [1, 1, 1, 0], slices))[0]
    assert np.isnan(figure.value[0])
    assert np.isnan(figure.limits(Z, 1.0)[0][0])
    assert figure.value[1] == -0.5
    precision = change("precision", rows(label, [1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]))[0]
    assert np.isnan(precision.value[0])


def test_equal_weights_change_nothing_and_unequal_ones_cost_rows() -> None:
    label, before, after, slices = drawn(seed=5)
    plain = change("accuracy", rows(label, before, after, slices))[0]
    equal = change("accuracy", rows(label, before, after, slices, weight=np.full(900, 2.5)))[0]
    assert equal.value == pytest.approx(plain.value)
    assert equal.limits(Z, 1.0)[0] == pytest.approx(plain.limits(Z, 1.0)[0])
    weight = np.random.default_rng(1).lognormal(0, 1, 900)
    uneven = change("accuracy", rows(label, before, after, slices, weight=weight))[0]
    assert np.all(uneven.effective_n <= 0.7 * plain.n)
    right = lambda d: np.average(d[slices == 0] == label[slices == 0], weights=weight[slices == 0])  # noqa: E731
    assert uneven.value[0] == pytest.approx(right(after) - right(before))


@pytest.mark.parametrize("name", ["accuracy", "matthews_correlation"])
def test_a_slice_without_weight_has_no_change(name: str) -> None:
    label, before, after, slices = drawn(seed=6)
    weight = np.where(slices == 1, 0, 2.5)
    for cluster in (None, np.arange(900) // 3 * 3 + slices):
        figure, p = change(name, rows(label, before, after, slices, weight=weight, cluster=cluster))
        assert np.isnan([figure.value[1], p[1]]).all()
        assert not np.isnan(figure.value[[0, 2]]).any()


def test_a_weighted_change_has_the_linearised_variance() -> None:
    """Effective rows make (q - d^2) / n equal the sandwich variance, taken row by row."""
    label, before, after, _ = drawn(seed=6)
    weight = np.random.default_rng(2).uniform(0.5, 2, 900)
    figure = change("accuracy", rows(label, before, after, weight=weight))[0]
    step = (after == label).astype(float) - (before == label)
    d = np.average(step, weights=weight)
    variance = ((weight * (step - d)) ** 2).sum() / weight.sum() ** 2
    spread = np.average(step**2, weights=weight) - d**2
    kish = weight.sum() ** 2 / (weight**2).sum()
    assert figure.effective_n[0] == pytest.approx(min(spread / variance, kish))


def test_rows_repeated_as_clusters_count_once() -> None:
    """Five copies of each row say what the row says once; clusters of single rows say what rows say."""
    label, before, after, _ = drawn(300, 1, seed=7)
    once = change("accuracy", rows(label, before, after))[0]
    five = [np.repeat(v, 5) for v in (label, before, after)]
    blind = change("accuracy", rows(*five))[0]
    told = change("accuracy", rows(*five, cluster=np.repeat(np.arange(300), 5)))[0]  # type: ignore[misc]
    width = lambda f: float(f.limits(Z, 1.0)[1][0] - f.limits(Z, 1.0)[0][0])  # noqa: E731
    assert told.value[0] == pytest.approx(once.value[0])
    # Few rows changed, so that the variance has few degrees of freedom (Satterthwaite on squared residuals).
    right = np.asarray(label)
    step = (np.asarray(after) == right).astype(float) - (np.asarray(before) == right)
    squares = (step - step.mean()) ** 2
    freedom = squares.sum() ** 2 / (squares**2).sum()
    wider = stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975)
    assert 1.02 < wider < 1.15
    assert width(told) == pytest.approx(width(once) * wider, rel=0.02)
    assert width(blind) < 0.5 * width(once)
    single = change("accuracy", rows(label, before, after, cluster=np.arange(300)))[0]
    assert width(single) == pytest.approx(width(once) * wider, rel=0.02)


def test_weighted_p_agrees_with_the_score_test() -> None:
    label, before, after, _ = drawn(seed=8, flips=0.1)
    tally = rows(label, before, after, weight=np.ones(900))
    b = int(((before == label) & (after != label)).sum())
    c = int(((before != label) & (after == label)).sum())
    chi = mcnemar([[0, b], [c, 0]], exact=False, correction=False).pvalue
    assert change("accuracy", tally)[1][0] == pytest.approx(chi, rel=1e-6)
    assert np.isnan(change("precision", tally)[1][0])


def test_the_joint_counts_hold_every_row_once() -> None:
    label, before, after, slices = drawn()
    tally = rows(label, before, after, slices)
    assert isinstance(tally, JointTally)
    for i in range(3):
        for y in (0, 1):
            for d in (0, 1):
                for e in (0, 1):
                    expected = ((slices == i) & (label == y) & (before == d) & (after == e)).sum()
                    assert tally.counts[i, y, d, e] == expected
    flips = tally.flips()
    assert flips.counts.selected.sum() == (before != after).sum()
    assert rows(None, before, after, slices).counts.sum(1)[:, 0, 1] == pytest.approx(
        tally.counts.sum(1)[:, 0, 1]
    )
