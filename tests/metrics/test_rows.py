"""Means of row values against scipy's Student limits and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.metrics import regression
from fairweigh.metrics.cube import cluster_names
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.rows import Rows
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.score_values import SCORE
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import f1_score

Z = normal_quantile(0.95)


def gathered(
    columns: dict[str, Any],
    slices: Any = None,
    weight: NDArray[np.float64] | None = None,
    cluster: NDArray[np.int64] | None = None,
    batches: int = 1,
) -> Rows:
    n = len(next(iter(columns.values())))
    slices = np.zeros(n, int) if slices is None else slices
    found = Rows(("s", "t"))
    keys = [(str(i), "x") for i in range(int(slices.max()) + 1)]
    for part in np.array_split(np.arange(n), batches):
        found.add(
            slices[part],
            keys,
            {name: values[part] for name, values in columns.items()},
            None if weight is None else weight[part],
            None if cluster is None else cluster_names(pa.array([str(c) for c in cluster[part]])),
        )
    return found


def drawn(n: int = 300, seed: int = 0) -> tuple[Any, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=n)
    return {"y_true": outcome, "y_pred": outcome + rng.normal(0.1, 0.5, n)}, rng.integers(0, 3, n)


def errors(rows: Rows) -> Rows:
    rows.derive("error", lambda of: of("y_pred") - of("y_true"))
    rows.derive("absolute error", lambda of: np.abs(of("error")))
    return rows


KEYS = [("0",), ("1",), ("2",)]


def test_a_mean_error_has_students_limits_or_wider_ones() -> None:
    """Wider on purpose: a long tail, as absolute errors have, is seen too short."""
    columns, slices = drawn()
    rows = errors(gathered(columns, slices))
    error = columns["y_pred"] - columns["y_true"]
    for name, values, wider in (("error", error, 1.25), ("absolute error", np.abs(error), 1.6)):
        figure = SlicedScores(rows.table(name), ("s",), KEYS).mean(SCORE)
        low, high = figure.limits(Z, 1.0)
        for i in range(3):
            own = values[slices == i]
            assert figure.value[i] == pytest.approx(own.mean())
            t = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
            assert low[i] <= t[0] + 1e-9
            assert t[1] - 1e-9 <= high[i]
            assert high[i] - low[i] < wider * (t[1] - t[0])


def test_a_share_of_each_row_never_leaves_its_range() -> None:
    share = np.array([1.0] * 12)
    rows = gathered({"ndcg": share})
    low, high = SlicedScores(rows.table("ndcg", probability=True), (), [()]).mean(SCORE).limits(Z, 1.0)
    # Clopper and Pearson's limits where all values are 0 or 1.
    assert low[0] == pytest.approx(stats.beta.ppf(0.025, 12, 1), abs=0.005)
    assert high[0] == 1


def test_batches_slices_and_clusters_make_no_difference_to_how_rows_come() -> None:
    columns, slices = drawn()
    cluster = np.random.default_rng(1).integers(0, 60, 300)
    weight = np.random.default_rng(2).lognormal(size=300)
    limits = []
    for batches in (1, 7):
        rows = errors(gathered(columns, slices, weight, cluster, batches))
        figure = SlicedScores(rows.table("absolute error"), ("s",), KEYS).mean(SCORE)
        limits.append(np.stack([figure.value, *figure.limits(Z, 1.0), figure.effective_n]))
        assert figure.dependence is not None
    assert limits[0] == pytest.approx(limits[1])


def test_rows_of_no_value_are_left_out_of_its_mean() -> None:
    values = np.array([0.2, np.nan, 0.6, np.nan])
    rows = gathered({"a": values, "b": np.ones(4)})
    table = rows.table("a", probability=True)
    assert len(table) == 2
    assert SlicedScores(table, (), [()]).mean(SCORE).value[0] == pytest.approx(0.4)
    assert len(rows.pairs("a", "b").column("code")) == 2


def test_a_ratio_of_sums_is_that_of_scikit_learn_for_labels_together() -> None:
    """Micro F1 of several labels: hits twice over hits twice and errors, of each row."""
    rng = np.random.default_rng(4)
    label, decision = rng.random((80, 5)) < 0.3, rng.random((80, 5)) < 0.3
    hits, wrong = (label & decision).sum(1), (label ^ decision).sum(1)
    rows = gathered({"part": 2 * hits, "whole": 2 * hits + wrong})
    table = rows.table("part", probability=True, per="whole")
    assert len(table) == np.sum(hits + wrong > 0)
    figure = SlicedScores(table, (), [()]).mean(SCORE)
    assert figure.value[0] == pytest.approx(f1_score(label, decision, average="micro"))
    low, high = figure.limits(Z, 1.0)
    assert 0 <= low[0] < figure.value[0] < high[0] <= 1
    after = rng.random((80, 5)) < 0.3
    hits_after = (label & after).sum(1)
    whole_after = 2 * hits_after + (label ^ after).sum(1)
    parts = (2.0 * hits, 2.0 * hits_after, 2.0 * hits + wrong, 1.0 * whole_after)
    change, _ = regression.ratio_of_means_change(rows.sliced((), [()]), *parts)
    expected = f1_score(label, after, average="micro") - figure.value[0]
    assert change.value[0] == pytest.approx(expected)


def test_a_change_of_a_mean_is_the_paired_t_test() -> None:
    columns, slices = drawn()
    columns["after"] = columns["y_pred"] * 0.9
    rows = gathered(columns, slices)
    rows.derive("before", lambda of: np.abs(of("y_pred") - of("y_true")))
    rows.derive("changed", lambda of: np.abs(of("after") - of("y_true")))
    figure, p = rows.pairs("before", "changed").sliced(("s",), KEYS).mean_change(SCORE)
    for i in range(3):
        own = [rows.values(name)[slices == i] for name in ("changed", "before")]
        outside = stats.ttest_rel(*own)
        assert figure.value[i] == pytest.approx((own[0] - own[1]).mean())
        assert p[i] == pytest.approx(outside.pvalue, rel=1e-6)


def test_a_value_is_computed_once_and_anew_after_more_rows() -> None:
    rows, calls = gathered({"a": np.ones(3)}), []

    def double(of: Any) -> Any:
        calls.append(1)
        return 2 * of("a")

    assert rows.derive("b", double) is rows.derive("b", double)
    assert rows.table("b") is rows.table("b")
    rows.add(np.zeros(2, int), [("0", "x")], {"a": np.zeros(2)})
    assert rows.derive("b", double).tolist() == [2, 2, 2, 0, 0]
    assert len(calls) == 2
    with pytest.raises(ValueError, match="'c'"):
        rows.values("c")
