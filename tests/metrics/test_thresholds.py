"""The search of thresholds held to every combination of cuts of small tables, and to fairlearn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from fairweigh.metrics import windows
from fairweigh.metrics.constraint import Constraint
from fairweigh.metrics.cuts import Candidates, candidates
from fairweigh.metrics.table import METRICS
from fairweigh.metrics.thresholds import (
    Found,
    Infeasible,
    curve,
    least_disparity,
    nearest_rates,
    search,
    search_common,
    search_paths,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

RATES = {
    "selection_rate": lambda tp, fp, fn, tn: (tp + fp, tp + fp + fn + tn),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
    "error_rate": lambda tp, fp, fn, tn: (fp + fn, tp + fp + fn + tn),
    "true_positive_rate": lambda tp, fp, fn, tn: (tp, tp + fn),
    "true_negative_rate": lambda tp, fp, fn, tn: (tn, tn + fp),
    "false_positive_rate": lambda tp, fp, fn, tn: (fp, fp + tn),
    "false_negative_rate": lambda tp, fp, fn, tn: (fn, fn + tp),
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "false_discovery_rate": lambda tp, fp, fn, tn: (fp, tp + fp),
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
    "treatment_ratio": lambda tp, fp, fn, tn: (fn, fp),
}  # fmt: skip
DIFFERENCE = Constraint(("selection_rate",), "difference", 0.1, True)
ODDS = ("true_positive_rate", "false_positive_rate")


def rate(name: str, cells: NDArray[Any]) -> Any:
    """A metric of (tp, fp, fn, tn), arrays or not; nan where undefined."""
    if name == "balanced_accuracy":
        return (rate("true_positive_rate", cells) + rate("true_negative_rate", cells)) / 2
    top, bottom = RATES[name](*cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(bottom) > 0, np.divide(top, bottom), np.nan)


def outcomes(rows: Any, threshold: Any) -> NDArray[Any]:
    score, label, weight = rows
    chosen = score >= threshold
    masks = (label & chosen, ~label & chosen, label & ~chosen, ~label & ~chosen)
    return np.array([math.fsum(weight[m]) for m in masks])


def apart(values: NDArray[Any], constraint: Constraint) -> Any:
    """What a constraint limits, of values of shape (slices, metrics, choices)."""
    k = len(values)
    if constraint.compare == "value":
        return values.max((0, 1)) if constraint.upper else values.min((0, 1))
    against = range(k) if constraint.reference is None else [constraint.reference]
    found = []
    for a, b in itertools.product(range(k), against):
        low, high = np.minimum(values[a], values[b]), np.maximum(values[a], values[b])
        if constraint.compare == "difference":
            found.append((high - low).max(0))
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                found.append(np.where(high == 0, 1.0, low / high).min(0))
    return np.max(found, 0) if constraint.upper else np.min(found, 0)


class Brute:
    """Every combination of cuts: which are defined, their performance and their disparity."""

    def __init__(self, slices: Any, objective: str, constraint: Constraint, common: bool = False) -> None:
        cuts = [np.append(np.unique(s[0]), np.inf) for s in slices]
        if common:
            every = np.unique(np.concatenate(cuts))
            chosen = np.tile(every, (len(slices), 1))
        else:
            chosen = np.array(list(itertools.product(*cuts))).T
        tables = [{t: outcomes(s, t) for t in set(c.tolist())} for s, c in zip(slices, chosen, strict=True)]
        cells = np.array([[f[t] for t in c.tolist()] for f, c in zip(tables, chosen, strict=True)])
        self.sign = 1 if METRICS[objective].better == "higher" else -1
        self.performance = rate(objective, np.moveaxis(cells.sum(0), -1, 0))
        values = np.array([[rate(m, np.moveaxis(c, -1, 0)) for m in constraint.metrics] for c in cells])
        self.disparity = apart(values, constraint)
        self.defined = ~np.isnan(self.performance) & ~np.isnan(self.disparity)
        self.undefined_slice = np.isnan(values).any(1).all(1).any()
        self.out = 1 if constraint.upper else -1

    def kept(self, limit: Any) -> Any:
        return self.defined & (self.out * self.disparity <= self.out * limit + 1e-10)

    def best(self, among: Any) -> tuple[Any, Any]:
        """Best performance, and then least disparity, of some combinations."""
        performance = self.sign * (self.sign * self.performance[among]).max()
        equal = among & (np.abs(self.performance - performance) < 1e-10)
        return performance, self.nearest(equal)

    def nearest(self, among: Any) -> Any:
        return self.out * (self.out * self.disparity[among]).min()


def assert_is(
    found: Found,
    slices: list[Any],
    objective: str,
    constraint: Constraint,
    performance: float,
    disparity: float,
) -> None:
    """The thresholds found do what is said of them, and that is the best there is."""
    cells = np.array([outcomes(s, t) for s, t in zip(slices, found.thresholds, strict=True)])
    values = np.array([[rate(m, c) for m in constraint.metrics] for c in cells])
    assert rate(objective, cells.sum(0)) == pytest.approx(found.performance, abs=1e-10)
    assert apart(values[..., None], constraint)[0] == pytest.approx(found.disparity, abs=1e-10)
    assert (found.performance, found.disparity) == pytest.approx((performance, disparity), abs=1e-10)


@st.composite
def tables(draw: st.DrawFn, fewest: int = 2) -> Any:
    """Rows (scores, labels, weights) of two or three slices, with many equal scores."""
    k = draw(st.integers(fewest, 3))
    weights = draw(st.sampled_from([[1.0], [0.1, 0.2, 0.3, 0.7], [0.0, 1.0, 2.5]]))
    row = st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from(weights))
    slices = []
    for _ in range(k):
        score, label, weight = zip(*draw(st.lists(row, min_size=1, max_size=9)), strict=True)
        slices.append((np.array(score) / 7, np.array(label), np.array(weight)))
    return slices


OBJECTIVES = st.sampled_from(
    ["accuracy", "error_rate", "balanced_accuracy", "f1", "precision", "false_discovery_rate",
     "true_positive_rate"]
)  # fmt: skip
SINGLE = ["selection_rate", "true_positive_rate", "false_negative_rate", "precision", "accuracy", "f1",
          "treatment_ratio", "balanced_accuracy"]  # fmt: skip


@st.composite
def constraints(draw: st.DrawFn) -> Constraint:
    compare: Any = draw(st.sampled_from(["difference", "ratio", "value"]))
    pairs = [ODDS, ("selection_rate", "false_negative_rate"), ("true_negative_rate", *ODDS)]
    if compare == "value":
        pairs.append(("precision", "accuracy"))
    metrics = draw(st.one_of(st.sampled_from(SINGLE).map(lambda m: (m,)), st.sampled_from(pairs)))
    upper = draw(st.booleans()) if compare == "value" else compare == "difference"
    reference = None if compare == "value" else draw(st.sampled_from([None, 0, 1]))
    limit = draw(st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.8, 1.0]))
    return Constraint(metrics, compare, limit, upper, reference)


def cuts_of(slices: list[Any]) -> Any:
    return [candidates(*s) for s in slices]


@settings(max_examples=150, deadline=None)
@given(tables(), OBJECTIVES, constraints(), st.booleans(), st.data())
def test_no_combination_of_cuts_is_better(
    slices: Any, objective: str, constraint: Constraint, common: bool, data: st.DataObject
) -> None:
    brute = Brute(slices, objective, constraint, common)
    find = search_common if common else search
    cuts = cuts_of(slices)
    if brute.defined.any() and data.draw(st.booleans()):
        # A limit that some combination meets exactly.
        met = data.draw(st.sampled_from(brute.disparity[brute.defined].tolist()))
        constraint = replace(constraint, limit=met)
    kept = brute.kept(constraint.limit)
    if kept.any():
        found = find(cuts, METRICS[objective], constraint)
        assert_is(found, slices, objective, constraint, *brute.best(kept))
        return
    with pytest.raises(ValueError, match=r"undefined|nearest") as raised:
        find(cuts, METRICS[objective], constraint)
    if brute.defined.any():
        assert raised.value.nearest == pytest.approx(brute.nearest(brute.defined), abs=1e-10)  # type: ignore[attr-defined]


@settings(max_examples=100, deadline=None)
@given(tables(), OBJECTIVES, constraints(), st.data())
def test_least_disparity_is_the_least_of_all_combinations_that_perform_so_well(
    slices: Any, objective: str, constraint: Constraint, data: st.DataObject
) -> None:
    brute = Brute(slices, objective, constraint)
    if not brute.defined.any():
        with pytest.raises(ValueError, match=r"undefined|define"):
            least_disparity(cuts_of(slices), METRICS[objective], constraint, 0.5)
        return
    met = st.sampled_from(brute.performance[brute.defined].tolist())
    floor = data.draw(st.one_of(met, st.sampled_from([0.0, 0.4, 0.7, 1.0, 1.2])))
    good = brute.defined & (brute.sign * brute.performance >= brute.sign * floor - 1e-10)
    if not good.any():
        with pytest.raises(Infeasible, match="the best is") as raised:
            least_disparity(cuts_of(slices), METRICS[objective], constraint, floor)
        assert raised.value.nearest == pytest.approx(brute.best(brute.defined)[0], abs=1e-10)
        return
    least = brute.nearest(good)
    performance, _ = brute.best(good & brute.kept(least))
    found = least_disparity(cuts_of(slices), METRICS[objective], constraint, floor)
    assert_is(found, slices, objective, constraint, performance, least)


@settings(max_examples=80, deadline=None)
@given(tables(), OBJECTIVES, constraints(), st.integers(2, 8))
def test_curve_runs_from_the_optimum_to_the_least_disparity_and_no_combination_beats_it(
    slices: Any, objective: str, constraint: Constraint, points: Any
) -> None:
    brute = Brute(slices, objective, constraint)
    if not brute.defined.any():
        with pytest.raises(ValueError, match=r"undefined|define"):
            curve(cuts_of(slices), METRICS[objective], constraint, points)
        return
    found = curve(cuts_of(slices), METRICS[objective], constraint, points)
    assert len(found) <= points
    assert_is(found[0], slices, objective, constraint, *brute.best(brute.defined))
    assert found[-1].disparity == pytest.approx(brute.nearest(brute.defined), abs=1e-10)
    for point in found:
        assert_is(point, slices, objective, constraint, *brute.best(brute.kept(point.disparity)))
    for better, fairer in itertools.pairwise(found):
        assert brute.out * better.disparity > brute.out * fairer.disparity
        assert brute.sign * better.performance > brute.sign * fairer.performance


@settings(max_examples=50, deadline=None)
@given(tables(fewest=1), OBJECTIVES)
def test_without_constraint_the_performance_alone_counts(slices: Any, objective: str) -> None:
    brute = Brute(slices, objective, DIFFERENCE)
    defined = ~np.isnan(brute.performance)
    if not defined.any():
        with pytest.raises(ValueError, match="undefined"):
            search(cuts_of(slices), METRICS[objective], None)
        return
    found = search(cuts_of(slices), METRICS[objective], None)
    assert found.performance == pytest.approx(brute.best(defined)[0], abs=1e-10)
    assert np.isnan(found.disparity)


def drawn(sizes: tuple[Any, ...], seed: int, digits: int | None = None) -> Any:
    """Slices whose scores mean more in some than in others."""
    r = np.random.default_rng(seed)
    slices = []
    for i, n in enumerate(sizes):
        z = r.normal(size=n) + 0.6 * i
        label = r.random(n) < 1 / (1 + np.exp(-(1 + 0.5 * i) * z + 0.7 * i))
        score = 1 / (1 + np.exp(-z))
        slices.append((score if digits is None else np.round(score, digits), label, np.ones(n)))
    return slices


@pytest.mark.parametrize(("sizes", "batch"), [((30, 40, 25), 1), ((30, 40, 25), 7), ((151, 139), 7)])
@pytest.mark.parametrize("objective", ["accuracy", "balanced_accuracy", "f1"])
@pytest.mark.parametrize(
    "constraint",
    [
        Constraint(ODDS, "difference", 0.1, True),
        Constraint(ODDS, "ratio", 0.7, False),
        Constraint(ODDS, "difference", 0.1, True, 1),
        Constraint(("selection_rate",), "difference", 0.02, True),
        Constraint(("precision",), "ratio", 0.9, False, 0),
    ],
    ids=lambda c: f"{c.metrics[0]}-{c.compare}-{c.reference}",
)
def test_search_of_many_boxes_is_exact(
    objective: str, constraint: Constraint, sizes: Any, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "BATCH", batch)
    slices = drawn(sizes, seed=5)
    brute = Brute(slices, objective, constraint)
    found = search(cuts_of(slices), METRICS[objective], constraint)
    assert_is(found, slices, objective, constraint, *brute.best(brute.kept(constraint.limit)))
    floor = (found.performance + brute.best(brute.defined)[0]) / 2
    least = brute.nearest(brute.defined & (brute.performance >= floor - 1e-10))
    found = least_disparity(cuts_of(slices), METRICS[objective], constraint, floor)
    assert found.disparity == pytest.approx(least, abs=1e-10)


@pytest.mark.parametrize("seed", [1, 4])
def test_least_disparity_is_exact_between_slices_of_many_rates(seed: int) -> None:
    slices = drawn((151, 139), seed)
    brute = Brute(slices, "accuracy", DIFFERENCE)
    floor = brute.best(brute.defined)[0] - 0.03
    least = brute.nearest(brute.performance >= floor - 1e-10)
    found = least_disparity(cuts_of(slices), METRICS["accuracy"], DIFFERENCE, floor)
    assert 0 < least < 1e-4
    assert found.disparity == pytest.approx(least, abs=1e-12)


class Scores(ClassifierMixin, BaseEstimator):
    """A fitted model whose scores are its only feature."""

    def fit(self, x: Any, y: Any) -> None:
        raise AssertionError("it is fitted")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x: Any) -> NDArray[Any]:
        return np.asarray(x)[:, 0]


def fairlearn_rules(slices: Any, constraint: str, objective: Any, tol: float) -> tuple[Any, Any]:
    """Per slice the threshold operations that fairlearn 0.15 mixes, and whether it does mix any."""
    score, label, _ = (np.concatenate(column) for column in zip(*slices, strict=True))
    groups = np.repeat(np.arange(len(slices)), [len(s[0]) for s in slices])
    fitted = ThresholdOptimizer(
        estimator=Scores(), constraints=constraint, objective=objective, prefit=True,
        predict_method="predict", tol=tol,
    ).fit(score[:, None], label.astype(int), sensitive_features=groups)  # fmt: skip
    operations, mixed = [], False
    for rule in fitted.interpolated_thresholder_.interpolation_dict.values():
        used = [(rule.p0, rule.operation0), (rule.p1, rule.operation1)]
        cuts = {(o.operator, o.threshold) for p, o in used if p > 1e-9}
        assert {operator for operator, _ in cuts} == {">"}
        operations.append(sorted(threshold for _, threshold in cuts))
        mixed |= len(cuts) > 1 or rule.get("p_ignore", 0) > 1e-9
    return operations, mixed


FAIRLEARN = {
    "demographic_parity": ("selection_rate",),
    "true_positive_rate_parity": ("true_positive_rate",),
    "false_positive_rate_parity": ("false_positive_rate",),
    "equalized_odds": ODDS,
}


def assert_never_worse(slices: Any, name: str, objective: str, thresholds_of_theirs: Any) -> None:
    """At the disparity of their rule ours performs as well, and at its performance ours is as fair."""
    cells = np.array([outcomes(s, t) for s, t in zip(slices, thresholds_of_theirs, strict=True)])
    values = np.array([[rate(m, c) for m in FAIRLEARN[name]] for c in cells])
    constraint = Constraint(FAIRLEARN[name], "difference", 0.0, True)
    disparity, performance = apart(values[..., None], constraint)[0], rate(objective, cells.sum(0))
    constraint = replace(constraint, limit=float(disparity))
    assert search(cuts_of(slices), METRICS[objective], constraint).performance >= performance - 1e-10
    fairest = least_disparity(cuts_of(slices), METRICS[objective], constraint, float(performance))
    assert fairest.disparity <= disparity + 1e-10


# Equalized odds have no tolerance there.
@pytest.mark.parametrize(
    ("name", "tol"), [*((name, None) for name in FAIRLEARN), *((name, 0.1) for name in list(FAIRLEARN)[:3])]
)
@pytest.mark.parametrize("objective", ["accuracy", "balanced_accuracy"])
def test_none_of_the_rules_that_fairlearn_draws_from_is_better(name: str, tol: float, objective: str) -> None:
    slices = drawn((50, 100, 200), seed=1, digits=2)
    operations, _ = fairlearn_rules(slices, name, f"{objective}_score", tol)
    for rule in itertools.product(*operations):
        assert_never_worse(slices, name, objective, rule)


@pytest.mark.parametrize(
    ("sizes", "seed", "name", "objective", "tol"),
    [
        ((50, 100, 200), 0, "demographic_parity", "balanced_accuracy", 0.1),
        ((50, 100, 200), 2, "demographic_parity", "accuracy", 0.3),
        ((50, 100, 200), 4, "demographic_parity", "accuracy", 0.3),
        ((40, 50), 2, "demographic_parity", "accuracy", 0.1),
        ((40, 50), 1, "false_positive_rate_parity", "accuracy", 0.2),
    ],
)
def test_a_rule_of_fairlearn_that_draws_nothing_is_not_better(
    sizes: tuple[Any, ...], seed: int, name: str, objective: str, tol: float
) -> None:
    slices = drawn(sizes, seed, digits=2)
    operations, mixed = fairlearn_rules(slices, name, f"{objective}_score", tol)
    assert not mixed
    assert_never_worse(slices, name, objective, [o[0] for o in operations])


def test_cuts_lie_between_neighbouring_scores() -> None:
    low, high = 0.25, np.nextafter(0.25, 1)
    cuts = candidates([low, 0.75, high, low], [False, True, True, False])
    assert cuts.threshold.tolist() == [np.inf, 0.5, high, -np.inf]
    assert cuts.counts.tp.tolist() == [0, 1, 2, 2]
    assert cuts.counts.fp.tolist() == [0, 0, 0, 2]
    largest = np.finfo(float).max
    assert candidates([largest, -largest, 5e-324, 0.0], [True] * 4).threshold[1:4].tolist() == [
        largest / 2, 5e-324, -largest / 2,
    ]  # fmt: skip


def test_equal_scores_are_decided_alike() -> None:
    slices = [
        (np.full(9, 0.5), np.arange(9) < 6, np.ones(9)),
        (np.array([0.5]), np.array([True]), np.ones(1)),
    ]
    found = search(
        cuts_of(slices), METRICS["accuracy"], Constraint(("selection_rate",), "difference", 0.0, True)
    )
    assert found.thresholds.tolist() == [-np.inf, -np.inf]
    assert (found.performance, found.disparity) == (0.7, 0.0)


def test_order_of_rows_does_not_matter() -> None:
    slices = drawn((60, 80, 40), seed=3, digits=1)
    shuffled = []
    for score, label, weight in slices:
        order = np.random.default_rng(0).permutation(len(score))
        shuffled.append((score[order], label[order], weight))
    constraint = Constraint(ODDS, "difference", 0.1, True)
    one, other = (search(cuts_of(s), METRICS["accuracy"], constraint) for s in (slices, shuffled))
    assert one.thresholds.tolist() == other.thresholds.tolist()


@pytest.mark.parametrize("find", [search, search_common])
def test_a_limit_that_only_rounding_misses_holds(find: Any) -> None:
    def rows(share: Any) -> Candidates:
        label = np.arange(10) >= 10 - 10 * share
        return candidates(label, label)

    # In floating point 0.9 - 0.7 is 0.20000000000000007; the ratio is missed by no more than such a rounding.
    for shares, compare, limit in (((0.9, 0.7), "difference", 0.2), ((0.3, 0.9), "ratio", 0.3 / 0.9 + 1e-13)):
        constraint = Constraint(("selection_rate",), compare, limit, compare == "difference")  # type: ignore[arg-type]
        assert find([rows(s) for s in shares], METRICS["accuracy"], constraint).performance == 1.0


@pytest.mark.parametrize(
    ("find", "first", "second", "disparity"),
    [
        # 0.1 + 0.2 right in one choice and 0.3 in another.
        (search, ([2, 1, 2], [1, 1, 0], [0.2, 0.1, 0.3]), ([2, 0], [1, 0], [0.1, 0.3]), 0.25),
        (search_common, ([0, 1, 0], [0, 1, 1], [0.3] * 3), ([2, 1, 1], [1, 1, 0], [0.1, 0.2, 0.2]), 0.0),
    ],
)
def test_performance_that_only_rounding_tells_apart_is_equal(
    find: Callable[..., Found], first: tuple[Any, Any, Any], second: Any, disparity: float
) -> None:
    cuts = [candidates(*first), candidates(*second)]
    found = find(cuts, METRICS["accuracy"], replace(DIFFERENCE, limit=1.0))
    assert found.disparity == pytest.approx(disparity)


def test_ratios_of_zero_are_equal_whatever_the_other_rate() -> None:
    slices = [
        (np.zeros(3), np.array([False, False, True]), np.ones(3)),
        (np.array([0, 0, 1]), np.array([False, False, True]), np.ones(3)),
        (np.array([0, 0, 0, 1]), np.array([False, False, True, True]), np.ones(4)),
    ]
    constraint = Constraint(("false_negative_rate",), "ratio", 0.0, False)
    found = least_disparity(cuts_of(slices), METRICS["balanced_accuracy"], constraint, 0.7)
    assert_is(found, slices, "balanced_accuracy", constraint, 0.75, 0.0)


def test_infeasible_limit_tells_the_nearest_value() -> None:
    # No threshold of the second slice reaches a precision above 1/2.
    slices = [([0.1, 0.9], [False, True]), ([0.1, 0.9], [True, False])]
    cuts = [candidates(*s) for s in slices]
    for find in (search, search_common):
        with pytest.raises(
            Infeasible, match=r"precision at a value >= 0.9; the nearest value is 0.5"
        ) as raised:
            find(cuts, METRICS["accuracy"], Constraint(("precision",), "value", 0.9, False))
        assert raised.value.nearest == 0.5
    with pytest.raises(Infeasible, match=r"accuracy to 0.9, the best is 0.75") as raised:
        least_disparity(cuts, METRICS["accuracy"], Constraint(ODDS, "difference", 0.0, True), 0.9)
    assert raised.value.nearest == 0.75


def test_the_first_of_equal_paths_is_taken() -> None:
    cuts = [candidates([0.2, 0.8], [False, True]), candidates([0.4, 0.6], [True, True])]
    paths = np.array([[0.9, 0.5, 0.3, 0.1], [0.5, 0.3, 0.2, 0.1]])
    constraint = Constraint(("selection_rate",), "difference", 0.5, True)
    found = search_paths(cuts, METRICS["accuracy"], constraint, paths)
    assert (found.thresholds.tolist(), found.chosen.tolist()) == ([0.5, 0.3], [1, 2])
    assert (found.performance, found.disparity) == (1.0, 0.5)


@settings(max_examples=100, deadline=None)
@given(tables(), st.sampled_from(["selection_rate", "true_positive_rate", "precision"]), st.data())
def test_nearest_rates_are_the_nearest_of_all_cuts(slices: Any, metric: str, data: st.DataObject) -> None:
    cuts = [np.append(np.unique(s[0]), np.inf) for s in slices]
    rates, right = (
        [np.array([rate(m, outcomes(s, t)) for t in c]) for s, c in zip(slices, cuts, strict=True)]
        for m in (metric, "accuracy")
    )
    if any(np.isnan(r).all() for r in rates):
        with pytest.raises(ValueError, match="undefined in slice"):
            nearest_rates(cuts_of(slices), METRICS[metric], np.full(len(slices), 0.5))
        return
    # Rates that a cut has are restored as they are.
    own = [data.draw(st.sampled_from(r[~np.isnan(r)].tolist())) for r in rates]
    target = np.array(own if data.draw(st.booleans()) else [data.draw(st.floats(0, 1)) for _ in slices])
    found = nearest_rates(cuts_of(slices), METRICS[metric], target)
    distances = []
    for s, t, r, a, wanted in zip(slices, found.thresholds, rates, right, target, strict=True):
        cells = outcomes(s, t)
        distances.append(abs(rate(metric, cells) - wanted))
        assert distances[-1] == pytest.approx(np.nanmin(np.abs(r - wanted)), abs=1e-10)
        near = np.abs(r - wanted) <= distances[-1] + 1e-10
        if not np.isnan(a).any():
            assert rate("accuracy", cells) == pytest.approx(a[near].max(), abs=1e-10)
    assert found.disparity == pytest.approx(max(distances), abs=1e-10)


def test_of_equally_near_rates_the_higher_threshold_is_taken() -> None:
    # Selecting one row or three misses a half by a quarter; both are right about half of the rows.
    cuts = candidates([1, 2, 3, 4], [False, True, True, False])
    found = nearest_rates([cuts], METRICS["selection_rate"], np.array([0.5]))
    assert found.thresholds.tolist() == [2.5]
    tied = nearest_rates([candidates([1, 2], [True, False])], METRICS["selection_rate"], np.array([0.25]))
    assert tied.thresholds.tolist() == [np.inf]


@pytest.mark.parametrize("find", [search, search_common])
@pytest.mark.parametrize(
    ("objective", "constraint", "message"),
    [
        ("matthews_correlation", DIFFERENCE, "matthews_correlation is no ratio of counts"),
        ("auc", DIFFERENCE, "auc is no ratio of counts"),
        ("selection_rate", DIFFERENCE, "selection_rate is no objective"),
        ("accuracy", Constraint(("auc",), "difference", 0.1, True), "auc is no ratio of counts"),
        ("accuracy", Constraint(ODDS, "difference", 0.1, True), "undefined in slice 1"),
    ],
)
def test_what_cannot_be_searched_is_said(
    find: Any, objective: str, constraint: Constraint, message: str
) -> None:
    cuts = [candidates([0.1, 0.9], [False, True]), candidates([0.1, 0.9], [False, False])]
    with pytest.raises(ValueError, match=message):
        find(cuts, METRICS[objective], constraint)


@pytest.mark.parametrize("name", ["precision", "accuracy", "f1", "balanced_accuracy"])
def test_several_metrics_must_follow_the_threshold(name: str) -> None:
    constraint = Constraint(("selection_rate", name), "ratio", 0.1, False)
    cuts = [candidates([0.1, 0.9], [False, True])] * 2
    with pytest.raises(ValueError, match=f"and {name} does neither"):
        search(cuts, METRICS["accuracy"], constraint)
    # One threshold for all leaves nothing to combine.
    assert search_common(cuts, METRICS["accuracy"], constraint).performance == 1.0


def test_objective_without_a_row_to_judge_is_undefined() -> None:
    cuts = [candidates([0.1, 0.9], [False, False])] * 2
    for name in ("true_positive_rate", "balanced_accuracy"):
        with pytest.raises(ValueError, match=f"{name} is undefined on these rows"):
            search(cuts, METRICS[name], DIFFERENCE)


@pytest.mark.parametrize("arguments", [("difference", False), ("ratio", True), ("value", True, 0)])
def test_a_limit_on_the_wrong_side_is_refused(arguments: tuple[Any, ...]) -> None:
    compare, upper, *reference = arguments
    with pytest.raises(ValueError, match="limit"):
        Constraint(("accuracy",), compare, 0.1, upper, *reference)


@pytest.mark.parametrize(
    ("score", "weight"), [([], []), ([np.nan, 1.0], None), ([np.inf, 1.0], None), ([0.5, 1.0], [1.0, -1.0])]
)
def test_rows_that_cannot_be_cut_are_refused(score: Any, weight: Any) -> None:
    with pytest.raises(ValueError, match="must have rows, finite scores and weights"):
        candidates(score, [True] * len(score), weight)


def test_values_are_told_apart_as_far_as_rounding_lets_them() -> None:
    # 3e9 missed rows for each false alarm, less 1e9: no float lies between that and 1e-12 less.
    slices = [
        (np.array([0.3, 0.2, 0.1]), np.array([False, False, True]), np.array([1.0, 1.0, w]))
        for w in (1e9, 3e9)
    ]
    constraint = Constraint(("treatment_ratio",), "difference", 0.0, True)
    found = least_disparity(cuts_of(slices), METRICS["false_positive_rate"], constraint, 0.5)
    assert (found.performance, found.disparity) == pytest.approx((0.5, 2e9), rel=1e-6)
