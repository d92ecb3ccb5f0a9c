"""Twins: a model that looks at the feature is found, one that does not is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.counterfactual import twins
from scipy import stats

from .paired_rows import plan


def table(twin, g, score=None, decision=None):
    columns = {"twin": pa.array(twin, pa.int32()), "g": pa.array(g, pa.string()).dictionary_encode()}
    if score is not None:
        columns["score"] = np.asarray(score, float)
    if decision is not None:
        columns["y_pred"] = np.asarray(decision, np.int8)
    return pa.table(columns)


def sentences(bias=0.1, groups=200, seed=0):
    """Groups of one template: one sentence of each of two names."""
    r = np.random.default_rng(seed)
    base, g = r.normal(0.5, 0.1, groups), np.tile(["f", "m"], groups)
    score = np.repeat(base, 2) + np.where(g == "m", bias, 0) + r.normal(0, 0.03, 2 * groups)
    return np.repeat(np.arange(groups), 2), g, score


def test_a_gap_between_twins_is_the_t_interval_with_two_more_groups():
    twin, g, score = sentences()
    (found,) = twins(table(twin, g, score, score >= 0.55), "g", plan(), "original")
    assert (found.one, found.other) == ("f", "m")
    gaps = score[g == "f"] - score[g == "m"]
    plain = stats.ttest_rel(score[g == "f"], score[g == "m"]).confidence_interval(0.95)
    more = np.append(gaps, [np.abs(gaps).max(), -np.abs(gaps).max()])
    wide = stats.ttest_1samp(more, 0).confidence_interval(0.95)
    expected = min(plain.low, wide.low), max(plain.high, wide.high)
    assert (found.score_gap.low, found.score_gap.high) == pytest.approx(expected)
    assert found.score_gap.low < -0.1 < found.score_gap.high
    assert found.largest_gap == pytest.approx(np.abs(score[g == "f"] - score[g == "m"]).max())
    assert (found.groups, found.pairs) == (200, 200)
    yes = score >= 0.55
    assert found.favour_other == (~yes[g == "f"] & yes[g == "m"]).sum()
    assert found.favour_one == (yes[g == "f"] & ~yes[g == "m"]).sum()
    assert found.flips.value == pytest.approx((found.favour_one + found.favour_other) / 200)
    assert found.flips.low < found.flips.value < found.flips.high


def test_a_model_that_sees_no_feature_has_no_gap():
    twin, g, score = sentences(0.0)
    (found,) = twins(table(twin, g, score), "g", plan(), "original")
    assert found.score_gap.low < 0 < found.score_gap.high
    assert found.flips.status == "undefined"


def test_pairs_within_a_group_are_counted_by_hand():
    """Group 1: f f m m with decisions 1 0 0 0: two of four pairs favour f. Group 2 has one value only."""
    found = twins(
        table([1, 1, 1, 1, 2, 2, None], ["f", "f", "m", "m", "f", "f", "m"],
              [0.9, 0.4, 0.2, 0.2, 0.5, 0.5, 0.9], [1, 0, 0, 0, 1, 1, 1]),
        "g", plan(), "v",
    )  # fmt: skip
    (one,) = found
    assert (one.groups, one.pairs, one.favour_one, one.favour_other) == (1, 4, 2, 0)
    assert one.flips.value == 0.5
    assert one.score_gap.value == pytest.approx(0.65 - 0.2)
    # One group shows no spread: one more could have a gap of 1 either way (0.975 of the way, two-sided 95 %).
    assert one.score_gap.low == pytest.approx(0.45 - 0.975 * 1.45)
    assert one.score_gap.high == pytest.approx(0.45 + 0.975 * 0.55)
    assert one.score_gap.status == "small"


def test_many_rows_of_few_groups_count_as_groups():
    """Ten templates with twenty names each: the limits are those of ten groups, not of 4000 pairs."""
    r = np.random.default_rng(3)
    twin = np.repeat(np.arange(10), 40)
    g = np.tile(np.repeat(["f", "m"], 20), 10)
    apart = np.repeat(r.random(10) < 0.5, 40)
    decision = np.where(g == "m", 1, np.where(apart, 0, 1))
    (found,) = twins(table(twin, g, decision * 1.0, decision), "g", plan(), "v")
    assert found.pairs == 4000
    assert found.flips.effective_n < 12
    assert found.flips.high - found.flips.low > 0.4
    assert found.flips.status == "small"


@pytest.mark.parametrize(("values", "pairs"), [(4, 6), (10, 45), (14, 13)])
def test_many_values_are_compared_with_the_most_frequent(values, pairs):
    twin = np.repeat(np.arange(50), values)
    g = np.tile([f"v{i:02}" for i in range(values)], 50)
    more, again = np.append(twin, 49), np.append(g, "v03")
    found = twins(table(more, again, np.zeros(len(more)) + 0.5), "g", plan(), "v")
    assert len(found) == pairs
    if pairs == 13:
        assert {f.other for f in found} == {"v03"}


def test_missing_values_and_lonely_rows_are_no_twins():
    assert twins(table([1, 1, 2], ["f", None, "m"], [0.1, 0.2, 0.3]), "g", plan(), "v") == []
    assert twins(table([None, None], ["f", "m"], [0.1, 0.2]), "g", plan(), "v") == []


def test_no_gap_seen_in_few_groups_is_no_proof_of_none():
    """Of 30 groups without a gap: Clopper and Pearson's limit of 0 in 30; of ranks times their range."""
    twin, g = np.repeat(np.arange(30), 2), ["f", "m"] * 30
    score = np.repeat(np.linspace(0.2, 0.6, 30), 2)
    (found,) = twins(table(twin, g, score), "g", plan(), "v")
    limit = stats.beta.ppf(0.975, 1, 30)
    assert (found.score_gap.low, found.score_gap.high) == pytest.approx((-limit, limit))
    (ranks,) = twins(table(twin, g, 100 * score), "g", plan(), "v")
    assert ranks.score_gap.high == pytest.approx(40 * limit)
    (equal,) = twins(table(twin, g, np.full(60, 7.0)), "g", plan(), "v")
    assert (equal.score_gap.value, equal.score_gap.low) == (0, None)
