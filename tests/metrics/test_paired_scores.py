"""Paired changes of scores against all pairs, scikit-learn and scipy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.metrics.cube import cluster_names
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.paired_scores import PairedScores, SlicedPairs, bernoulli_divergence
from fairweigh.metrics.placements import placements
from fairweigh.metrics.table import METRICS
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

Z = normal_quantile(0.95)


def drawn(
    n: int = 400, noise: float = 0.1, seed: int = 0, digits: int = 2
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Labels and two scores with many ties."""
    r = np.random.default_rng(seed)
    label = r.random(n) < 0.4
    before = np.clip(r.normal(0.4 + 0.2 * label, 0.2), 0, 1).round(digits)
    after = np.clip(before + r.normal(0, noise, n), 0, 1).round(digits)
    return label, before, after


def paired(
    label: NDArray[Any] | None,
    before: NDArray[Any],
    after: NDArray[Any],
    slices: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    cluster: NDArray[Any] | None = None,
    probability: bool = True,
    batches: int = 1,
) -> SlicedPairs:
    slices = np.zeros(len(before), int) if slices is None else slices
    found = PairedScores(("s",), probability)
    keys = [(str(i),) for i in range(int(slices.max()) + 1)]
    for part in np.array_split(np.arange(len(before)), batches):
        found.add(
            slices[part],
            keys,
            before[part],
            after[part],
            None if label is None else label[part],
            None if weight is None else weight[part],
            None if cluster is None else cluster_names(pa.array(cluster[part])),
        )
    return found.sliced(("s",), keys)


def change(found: SlicedPairs, name: str) -> tuple[Figure, NDArray[np.float64]]:
    """The change of a metric of the paired scores, and its p."""
    return METRICS[name].estimator.change(SimpleNamespace(scores=found))


def all_pairs(label: Any, score: Any) -> Any:
    """1, 1/2 or 0 for each (positive, negative) pair: the definition of the AUC."""
    positive, negative = score[label][:, None], score[~label][None, :]
    return (positive > negative) + 0.5 * (positive == negative)


def test_placements_are_the_means_over_the_other_class() -> None:
    label, score, _ = drawn(60)
    found = placements(score, label, np.ones(60), np.zeros(60, int), 1)
    pairs = all_pairs(label, score)
    assert found[label] == pytest.approx(pairs.mean(1))
    assert found[~label] == pytest.approx(pairs.mean(0))


def test_the_change_of_the_auc_is_delongs_over_all_pairs() -> None:
    """DeLong's variance of the difference from the O(mn) kernel, slice by slice."""
    label, before, after = drawn(400)
    slices = np.random.default_rng(1).integers(0, 3, 400)
    figure, p = change(paired(label, before, after, slices), "auc")
    low, high = figure.limits(Z, 1.0)
    for i in range(3):
        y, a, b = (v[slices == i] for v in (label, before, after))
        step = all_pairs(y, b) - all_pairs(y, a)
        m, n = step.shape
        variance = step.mean(1).var(ddof=1) / m + step.mean(0).var(ddof=1) / n
        assert figure.value[i] == pytest.approx(roc_auc_score(y, b) - roc_auc_score(y, a))
        # Student's quantile is a little beyond the normal one.
        assert (high[i] - low[i]) / 2 / np.sqrt(variance) == pytest.approx(Z, rel=0.04)
        normal = 2 * stats.norm.sf(abs(figure.value[i]) / np.sqrt(variance))
        assert p[i] == pytest.approx(normal, abs=0.01)


def test_weights_enter_the_auc_as_copies_of_rows_do() -> None:
    label, before, after = drawn(150)
    copies = np.random.default_rng(2).integers(1, 4, 150)
    weighted, _ = change(paired(label, before, after, weight=copies.astype(float)), "auc")
    many: list[Any] = [np.repeat(v, copies) for v in (label, before, after)]
    copied, _ = change(paired(*many), "auc")
    assert weighted.value[0] == pytest.approx(copied.value[0])
    clustered, _ = change(paired(*many, cluster=np.repeat(np.arange(150), copies)), "auc")  # type: ignore[misc]
    width = [float(f.limits(Z, 1.0)[1][0] - f.value[0]) for f in (weighted, copied, clustered)]
    assert width[1] < width[0]
    assert width[2] == pytest.approx(width[0], rel=0.03)


def test_slices_of_one_class_have_no_change_of_the_auc_whatever_their_weights() -> None:
    """Running sums of weights end in other last digits than sums of each slice: no share of no rows."""
    for seed in range(100):
        r = np.random.default_rng(seed)
        slices = np.arange(24) % 4
        slices[7] = 4
        label = (r.random(24) < 0.5) | (slices > 2)
        before, after = r.random((2, 24)).round(2)
        figure, p = change(paired(label, before, after, slices, weight=r.random(24) + 0.1), "auc")
        assert np.isnan(figure.value[3:]).all()
        assert np.isnan(p[3:]).all()


@pytest.mark.parametrize(
    ("name", "loss"), [("brier_score", brier_score_loss), ("log_loss", log_loss)], ids=["brier", "log"]
)
def test_a_loss_changes_by_its_mean(name: str, loss: Any) -> None:
    label, before, after = drawn(digits=6)
    before, after = np.clip(before, 0.01, 0.99), np.clip(after, 0.01, 0.99)
    figure, _ = change(paired(label, before, after), name)
    assert figure.value[0] == pytest.approx(loss(label, after) - loss(label, before))


def test_the_mean_score_has_the_interval_and_p_of_the_paired_t_test() -> None:
    label, before, after = drawn(digits=6)
    found = paired(label, before, after)
    figure, p = change(found, "mean_score")
    expected = stats.ttest_rel(after, before)
    interval = expected.confidence_interval(0.95)
    low, high = figure.limits(Z, 1.0)
    assert (low[0], high[0]) == pytest.approx((interval.low, interval.high), rel=1e-5)
    assert p[0] == pytest.approx(expected.pvalue)
    assert found.score_shift()[0] == pytest.approx((after - before).mean())
    bias, _ = change(found, "calibration_bias")
    assert bias.value[0] == pytest.approx((after - before).mean())


def test_equal_scores_in_few_rows_claim_no_certainty() -> None:
    """The floor is Tango's z^2 / (n + z^2), for the AUC with the rows of the rarer class."""
    label, before, _ = drawn(200)
    found = paired(label, before, before)
    figure, p = change(found, "auc")
    few = min(label.sum(), (~label).sum())
    assert figure.value[0] == 0
    assert figure.limits(Z, 1.0)[1][0] == pytest.approx(Z**2 / (few + Z**2))
    assert p[0] == 1
    brier, _ = change(found, "brier_score")
    assert brier.limits(Z, 1.0)[1][0] == pytest.approx(0.0188, abs=5e-5)
    # Scores of no scale could change by the range that they show.
    ranks, _ = change(paired(label, 10 * before, 10 * before, probability=False), "mean_score")
    reach = 10 * np.ptp(before)
    assert ranks.limits(Z, 1.0)[1][0] == pytest.approx(reach * Z**2 / (200 + Z**2))


def test_where_every_row_moves_a_little_the_spread_decides() -> None:
    label, before, after = drawn(digits=9, noise=0.01)
    figure, _ = change(paired(label, before, after), "auc")
    step = all_pairs(label, after) - all_pairs(label, before)
    m, n = step.shape
    error = np.sqrt(step.mean(1).var(ddof=1) / m + step.mean(0).var(ddof=1) / n)
    half = figure.limits(Z, 1.0)[1][0] - figure.value[0]
    assert half == pytest.approx(Z * error, rel=0.03)
    assert half < 0.2 * Z**2 / (m + Z**2)


def test_a_slice_of_one_class_has_no_auc() -> None:
    label = np.array([True, True, False, True])
    figure, p = change(
        paired(label, np.array([0.1, 0.2, 0.3, 0.4]), np.full(4, 0.5), np.array([0, 0, 1, 1])), "auc"
    )
    assert np.isnan(figure.value[0])
    assert np.isnan(figure.limits(Z, 1.0)[0][0])
    assert np.isnan(p[0])
    assert figure.value[1] == -0.5


def test_divergence_equals_scipys_entropy() -> None:
    p, q = np.array([0.2, 0.5, 0.99]), np.array([0.3, 0.5, 0.6])
    expected = [stats.entropy([a, 1 - a], [b, 1 - b]) for a, b in zip(p, q, strict=True)]
    assert bernoulli_divergence(p, q) == pytest.approx(expected)
    assert paired(None, p, q).divergence()[0] == pytest.approx(np.mean(expected))
    certain = bernoulli_divergence(np.array([1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    assert certain[0] == pytest.approx(15 * np.log(10), rel=1e-3)
    assert certain[1:] == pytest.approx([0, 0], abs=1e-12)


def test_batches_make_no_difference() -> None:
    label, before, after = drawn()
    slices = np.arange(400) % 3
    one, many = (paired(label, before, after, slices, batches=k) for k in (1, 7))
    for name in ("auc", "brier_score"):
        assert change(one, name)[0].value == pytest.approx(change(many, name)[0].value)
        assert change(one, name)[0].limits(Z, 1.0)[0] == pytest.approx(
            change(many, name)[0].limits(Z, 1.0)[0]
        )
