"""Means over classes against scikit-learn, and their limits against those of one class and of rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics.confusion import Confusion
from fairweigh.metrics.figures import Figure, mean_figure, ratio_figure
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.macro import combined, macro_change, macro_figure
from fairweigh.metrics.paired import ratio_change
from fairweigh.metrics.table import METRICS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support

from .classes import CLASSES, confused, drawn

Z = normal_quantile(0.95)
RATIOS: dict[str, Any] = {
    "precision": METRICS["precision"].estimator,
    "recall": METRICS["true_positive_rate"].estimator,
    "f1": METRICS["f1"].estimator,
}


def macro(name: str, found: Any, among: Any = "either") -> Figure:
    figures = [ratio_figure(RATIOS[name], found.view(i)) for i in range(len(CLASSES))]
    return macro_figure(RATIOS[name], figures, found, among)


def change(name: str, found: Any, among: Any = "either") -> Figure:
    changes = [ratio_change(RATIOS[name], found.joint_view(i)) for i in range(len(CLASSES))]
    return macro_change(RATIOS[name], changes, found, among)


def outside(name: Any, label: Any, decision: Any, weight: Any = None) -> Any:
    labels = np.union1d(label, decision)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = precision_recall_fscore_support(
            label, decision, labels=labels, average="macro", zero_division=0, sample_weight=weight
        )
    return dict(zip(("precision", "recall", "f1"), found, strict=False))[name]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.booleans())
def test_values_are_those_of_scikit_learn(seed: int, n: int, weighted: Any) -> None:
    slices, label, before, after = drawn(seed, n)
    weight = np.random.default_rng(seed).lognormal(size=n) if weighted else None
    found, both = (
        confused(slices, label, before, weight=weight),
        confused(slices, label, before, after, weight=weight),
    )
    for name in RATIOS:
        figure, changed = macro(name, found), change(name, both)
        for i, (key,) in enumerate(found.keys):
            own = slices == int(key)
            w = None if weight is None else weight[own]
            expected = [outside(name, label[own], side[own], w) for side in (before, after)]
            assert figure.value[i] == pytest.approx(expected[0])
            assert changed.value[i] == pytest.approx(expected[1] - expected[0])
        for one in (figure, changed):
            low, high = one.limits(Z, 1.0)
            assert np.all((low <= one.value) & (one.value <= high))
            assert np.all((low >= -1) & (high <= 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, (key,) in enumerate(found.keys):
            own = slices == int(key)
            w = None if weight is None else weight[own]
            balanced = balanced_accuracy_score(label[own], before[own], sample_weight=w)
            assert macro("recall", found, "labels").value[i] == pytest.approx(balanced)


def test_a_view_is_the_binary_count_of_a_class() -> None:
    slices, label, before, after = drawn(1, 300)
    cluster = np.random.default_rng(1).integers(0, 40, 300)
    found = confused(slices, label, before, after, cluster=cluster)
    for place in range(4):
        tally, both = found.view(place), found.joint_view(place)
        for i in range(2):
            own = slices == i
            assert tally.counts.tp[i] == np.sum(own & (label == place) & (before == place))
            assert tally.counts.fn[i] == np.sum(own & (label == place) & (before != place))
            assert both.counts[i, 0, 1, 0] == np.sum(
                own & (label != place) & (before == place) & (after != place)
            )
        assert tally.clusters.counts.tp.sum() == tally.counts.tp.sum()
        assert both.clusters.cells.sum(0) == pytest.approx(both.counts.sum(0))


def test_one_class_has_its_own_limits() -> None:
    slices, label = np.zeros(30, int), np.zeros(30, int)
    before = np.where(np.arange(30) < 24, 0, 1)
    found = confused(slices, label, before)
    low, high = macro("recall", found, "labels").limits(Z, 1.0)
    exact = stats.binomtest(24, 30).proportion_ci()
    assert (low[0], high[0]) == pytest.approx((exact.low, exact.high))


def test_two_classes_have_about_the_limits_of_balanced_accuracy() -> None:
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 400)
    before = np.where(rng.random(400) < 0.8, label, 1 - label)
    found = confused(np.zeros(400, int), label, before)
    melded = mean_figure((RATIOS["recall"], METRICS["true_negative_rate"].estimator), found.view(1))  # type: ignore[arg-type]
    one, other = macro("recall", found, "labels"), melded
    assert one.value == pytest.approx(other.value)
    for end in (0, 1):
        assert one.limits(Z, 1.0)[end] == pytest.approx(other.limits(Z, 1.0)[end], abs=0.005)
    sizes = np.bincount(label)
    assert one.size[0] == pytest.approx(stats.hmean(sizes))


def test_limits_agree_with_the_jackknife_of_many_rows() -> None:
    slices, label, before, after = drawn(4, 3000, slices=1)
    cells = confused(slices, label, before, after)
    for name, among in (("recall", "labels"), ("precision", "either"), ("f1", "either")):
        for figure, of in (
            (macro(name, cells, among), lambda keep, name=name: outside(name, label[keep], before[keep])),
            (
                change(name, cells, among),
                lambda keep, name=name: (
                    outside(name, label[keep], after[keep]) - outside(name, label[keep], before[keep])
                ),
            ),
        ):
            blocks = np.arange(3000) % 60
            left_out = np.array([of(blocks != b) for b in range(60)])
            error = np.sqrt(59 / 60 * ((left_out - left_out.mean()) ** 2).sum())
            low, high = figure.limits(Z, 1.0)
            # Sixty blocks know an error to a tenth or so.
            assert (high[0] - low[0]) / 2 / error == pytest.approx(Z, rel=0.25)


def test_clusters_of_copies_count_as_one_row() -> None:
    slices, label, before, _ = drawn(5, 400)
    once = confused(slices, label, before)
    copied = [np.repeat(v, 5) for v in (slices, label, before)]
    many = confused(*copied, cluster=np.repeat(np.arange(400), 5))
    for name in RATIOS:
        one, other = macro(name, once), macro(name, many)
        width = [np.subtract(*f.limits(Z, 1.0)[::-1]) for f in (one, other)]
        assert width[1] == pytest.approx(width[0], rel=0.1)
        assert other.dependence is not None


def test_a_class_that_is_never_decided_leaves_its_precision_open() -> None:
    label, before = np.array([0, 0, 0, 1] * 20), np.zeros(80, int)
    found = confused(np.zeros(80, int), label, before)
    figure = macro("precision", found)
    assert figure.value[0] == pytest.approx(0.75 / 2)
    assert figure.limits(Z, 1.0)[1][0] > 0.85


def test_what_does_not_change_is_not_certain() -> None:
    slices, label, before, _ = drawn(6, 100)
    figure = change("recall", confused(slices, label, before, before))
    low, high = figure.limits(Z, 1.0)
    assert np.all(figure.value == 0)
    assert np.all((low < -0.02) & (high > 0.02))


def test_the_skewness_of_one_part_fades_in_a_sum_of_many() -> None:
    """Twenty rates near 1: above, MOVER alone keeps the short side of each."""
    x, n = stats.binom.rvs(30, 0.95, size=(4000, 20), random_state=1), 30
    low, high = stats.beta.ppf(0.025, x, n - x + 1), stats.beta.ppf(0.975, x + 1, n - x)
    value, high = x / n, np.where(x == n, 1.0, high)
    rho = np.broadcast_to(np.eye(20), (4000, 20, 20))
    below, above = combined((value - low) / 20, (high - value) / 20, rho)
    mean = value.mean(1)
    assert np.mean(mean + above < 0.95) < 0.025
    assert np.mean(mean - below > 0.95) < 0.025
    mover = np.sqrt(((high - value) ** 2).sum(1)) / 20
    assert np.mean(mean + mover < 0.95) > 0.025


def test_classes_that_are_not_named_are_refused() -> None:
    _, label, before, _ = drawn(7, 20)
    cube = counted(
        ARROW,
        pa.table({"y_true": np.array(CLASSES)[label], "y_pred": np.array(CLASSES)[before]}),
        ["y_true", "y_pred"],
    )
    with pytest.raises(ValueError, match="'dog'"):
        Confusion.of(cube, (), CLASSES[:3])
