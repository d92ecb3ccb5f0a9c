"""Gates and findings on counted tables: which slices they speak of, what they decide, how often by chance."""

from __future__ import annotations

import collections.abc
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.config import Gate
from fairweigh.audit.figures import changes, disparities, variant
from fairweigh.audit.figures.changes import compared
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.verdict.gate import decide
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom
from statsmodels.stats.multitest import multipletests

from ..melded import melded_p
from .paired_rows import batch, pair_of, plan

RATES = ("selection_rate", "accuracy", "true_positive_rate", "false_positive_rate", "precision")


def measured(cells: Any, weight: Any = None) -> Measurement:
    """A measurement of feature g from slices as name: (tp, fp, fn, tn)."""
    names = np.repeat(list(cells), 4).tolist()
    label, decision = (np.tile(v, len(cells)).tolist() for v in ([1, 0, 1, 0], [1, 1, 0, 0]))
    n = np.array(list(cells.values())).ravel()
    columns = {"g": pa.array(names), "y_true": label, "y_pred": decision, "count": n.tolist()}
    found = Measurement(("g",))
    found.add(pa.record_batch(columns))
    return found


def judged(cells: dict[str, Any], *gates: Any, **more: Any) -> Any:
    return decide([Gate(**g) for g in gates], measured(cells), plan(**more), "original")


# ---- the corners -------------------------------------------------------------------------------------


def test_two_false_positives_in_one_of_twenty_regions_prove_nothing() -> None:
    """28 negatives each, at most 1 % allowed: the exact binomial p is .032, over 20 regions .64."""
    regions = {f"r{i:02}": (6, 2 if i == 7 else 0, 6, 26 if i == 7 else 28) for i in range(20)}
    gate = {"metric": "false_positive_rate", "by": "g", "limit": "<= 0.01"}
    (found,) = judged(regions, gate, min_size=20)
    assert found.verdict == "inconclusive"
    assert found.slice == {"g": "r07"}
    p = binom.sf(1, 28, 0.01)
    assert (found.p, found.p_adjusted) == pytest.approx((p, 20 * p))
    assert (found.p, found.p_adjusted) == pytest.approx((0.032, 0.64), abs=5e-3)
    assert found.claims == 20


def test_a_slice_is_small_by_the_rows_of_the_metric() -> None:
    """40 rows with 4 negatives, 2 of them false positives: a false positive rate of 4 rows."""
    slices = {"a": (100, 4, 100, 196), "b": (10, 0, 0, 30), "c": (18, 2, 18, 2)}
    gate = {"metric": "false_positive_rate", "by": "g", "limit": "<= 0.05"}
    (found,) = judged(slices, gate)
    assert found.verdict != "fail"
    assert [s.slice["g"] for s in found.slices] == ["a", "b"]
    assert (found.left_out, found.left_out_sizes) == ([{"g": "c"}], [4.0])
    (wide,) = judged(slices, {**gate, "include_small": True})
    assert wide.verdict == "inconclusive" or binom.sf(1, 4, 0.05) <= 0.05 / 3
    assert wide.left_out == []


def test_effective_rows_decide_what_is_small() -> None:
    """Of 40 rows of which one weighs as much as all others Kish's number is about 3.9."""
    weight = np.array([1.0] * 200 + [1.0] * 39 + [39.0])
    decision = np.arange(240) % 2
    found = Measurement(("g",))
    found.add(batch(decision, decision, weight=weight, g=["a"] * 200 + ["b"] * 40))
    gate = Gate(metric="selection_rate", by="g", limit="<= 0.9")
    (one,) = decide([gate], found, plan(), "original")
    assert one.left_out == [{"g": "b"}]
    assert one.left_out_sizes[0] <= 78**2 / (39 + 39**2) + 1e-9
    assert [s.slice["g"] for s in one.slices] == ["a"]


def test_hopeless_gates_hide_no_failure() -> None:
    """0.71 of four fifths fails alone, and beside two gates on four people too, with the same limits."""
    groups = {"a": (350, 350, 150, 150), "b": (249, 248, 251, 252), "few": (1, 1, 1, 1)}
    ratio = {"metric": "selection_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8", "id": "ratio"}
    hopeless = [
        {"metric": metric, "slice": {"g": "few"}, "limit": "<= 0.45", "decide": "proven"}
        for metric in ("selection_rate", "error_rate")
    ]
    (alone,) = judged(groups, ratio)
    beside = judged(groups, hopeless[0], ratio, hopeless[1])
    assert alone.verdict == "fail"
    assert alone.measured == pytest.approx(497 / 700)
    assert alone.low < alone.measured < alone.high < 0.8
    assert beside[1] == alone
    assert {beside[0].verdict, beside[2].verdict} == {"inconclusive"}


def test_a_rate_that_is_nowhere_above_zero_has_no_ratio_that_could_pass() -> None:
    """No true positive among 40 in either slice: a ratio of .1 is as possible as one of 1."""
    groups = {"a": (0, 5000, 40, 5000), "b": (0, 5000, 40, 5000)}
    for rule in ("proven", "point"):
        gate = {"metric": "equalized_odds_ratio", "by": "g", "limit": ">= 0.8", "decide": rule}
        (found,) = judged(groups, gate)
        assert found.verdict == "error"
        assert "true_positive_rate" in found.why
    (gap,) = judged(groups, {"metric": "equalized_odds_difference", "by": "g", "limit": "<= 0.1"})
    assert gap.verdict == "pass"


def test_the_p_of_a_gap_gate_is_the_melded_one() -> None:
    groups = {"a": (300, 0, 700, 0), "b": (18, 0, 22, 0), "c": (20, 0, 60, 0)}
    gate = {"metric": "true_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.1"}
    (found,) = judged(groups, gate)
    by_name = {s.slice["g"]: s for s in found.slices}
    up = sum(melded_p((18, 40), (300, 1000), bound) for bound in (0.1, -0.1))
    assert by_name["b"].p == pytest.approx(up, rel=1e-3)
    assert by_name["b"].p_adjusted == pytest.approx(min(1, 2 * up), rel=1e-3)
    # Passing needs both ends: the failures' difference for the upper one.
    ends = melded_p((20, 80), (300, 1000), -0.1), melded_p((60, 80), (700, 1000), -0.1)
    assert by_name["c"].p_pass == pytest.approx(max(ends), rel=1e-3)


_CELLS = st.dictionaries(
    st.sampled_from("abcde"), st.tuples(*[st.integers(0, 120)] * 4), min_size=2, max_size=5
)
_GATE = st.builds(
    lambda metric, compare, limit, rule: {
        "metric": metric, "by": "g", "compare": compare, "decide": rule,
        "limit": f"{'<=' if compare == 'difference' else '>='} {limit:.3f}",
    },
    st.sampled_from(["selection_rate", "true_positive_rate", "f1", "balanced_accuracy"]),
    st.sampled_from(["value", "difference", "ratio"]),
    st.floats(0.02, 0.95),
    st.sampled_from(["proven", "proven", "point"]),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(_CELLS, st.lists(_GATE, min_size=2, max_size=4))
def test_adding_gates_changes_no_verdict_and_no_limit(cells: Any, gates: Any) -> None:
    if sum(map(sum, cells.values())) == 0:
        return
    gates = [{**gate, "id": f"g{k}"} for k, gate in enumerate(gates)]
    together = judged(cells, *gates)
    for gate, among in zip(gates, together, strict=True):
        (alone,) = judged(cells, gate)
        assert among == alone


@settings(max_examples=25, deadline=None)
@given(_CELLS, _GATE)
def test_an_open_gate_says_how_many_rows_or_that_none_do(cells: Any, gate: Any) -> None:
    if sum(map(sum, cells.values())) == 0:
        return
    (found,) = judged(cells, gate)
    # Against a picked reference the gate alone says it: its slices share their claims.
    picked = (gate["metric"], gate["compare"]) == ("selection_rate", "ratio")
    for one in (found,) if picked else (found, *found.slices):
        if one.verdict == "inconclusive":
            assert one.rows_needed is not None or one.at_no_size
            if one.rows_needed is not None:
                assert one.rows_needed >= sum(map(sum, cells.values()))


@settings(max_examples=25, deadline=None)
@given(_CELLS, _GATE)
def test_printed_limits_are_the_decision(cells: Any, gate: Any) -> None:
    """Nothing fails but where its nearer limit breaks what is asked, nor passes but where both keep it."""
    if sum(map(sum, cells.values())) == 0 or gate["decide"] == "point":
        return
    (found,) = judged(cells, gate)
    limit = float(gate["limit"].split()[1])
    folded = gate["compare"] == "ratio" and gate["metric"] != "selection_rate"

    def keeps(end: Any) -> Any:
        if gate["compare"] == "difference":
            return abs(end) <= limit
        return min(end, 1 / end if end else np.inf) >= limit if folded else end >= limit

    for one in found.slices:
        if one.verdict == "error":
            continue
        ends = [np.nan if end is None else end for end in (one.low, one.high)]
        kept = [keeps(end) for end in ends if not np.isnan(end)]
        if one.verdict == "pass":
            assert all(kept)
        elif one.verdict == "fail":
            assert not any(kept)
        else:
            assert not all(kept) or len(kept) < 2
            assert any(kept) or len(kept) < 2


# ---- findings ----------------------------------------------------------------------------------------


def fair(r: Any, n: int, features: Any) -> Measurement:
    """A model that errs alike in every slice: base rate .4, TPR .7, FPR .2."""
    label = r.random(n) < 0.4
    decision = r.random(n) < np.where(label, 0.7, 0.2)
    columns = {name: r.integers(0, k, n).astype(str).tolist() for name, k in features.items()}
    found = Measurement(tuple(features))
    found.add(batch(decision, label, **columns))
    return found


@pytest.mark.parametrize(
    ("features", "depth", "n", "runs"),
    [({"g": 8}, 1, 1500, 50), ({"g": 3, "h": 2, "i": 4, "j": 2}, 2, 3000, 10)],
    ids=["one feature", "four crossed"],
)
def test_fair_models_have_findings_in_no_more_than_a_few_runs(
    features: dict[str, Any], depth: int, n: int, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> collections.abc.Generator[Any, Any, list[Any]]:
        yield from ()
        return []

    for apart in ("_between", "_indices", "entropy"):  # no part of the family, and slow
        monkeypatch.setattr(disparities, apart, nothing)
    monkeypatch.setattr(variant, "entropy", nothing)
    r, told = np.random.default_rng(7), 0
    for _ in range(runs):
        findings = variant.build("m", fair(r, n, features), plan(*RATES, depth=depth), {}).findings
        told += bool(findings.found)
    assert told <= binom.ppf(0.98, runs, 0.05)


def test_the_family_is_every_large_rate_against_its_reference() -> None:
    """Every metric and slice but the reference, all in one adjustment of statsmodels; intervals agree."""
    r = np.random.default_rng(3)
    label = r.random(2000) < 0.4
    g = r.choice(list("abcdef"), 2000)
    decision = r.random(2000) < np.where(label, 0.7, np.where(g == "c", 0.35, 0.2))
    seen = Measurement(("g",))
    seen.add(batch(decision, label, g=g.tolist()))
    found: Any = variant.build("m", seen, plan(*RATES), {})
    findings, disparities = found.findings, found.disparities
    assert findings.looked_at == len(RATES) * 5
    family = [
        d for d in disparities if d.compare == "difference" and d.scope == "reference" and d.p is not None
    ]
    assert len(family) == findings.looked_at
    adjusted = multipletests([d.p for d in family], method="fdr_bh")[1]
    assert [d.p_adjusted for d in family] == pytest.approx(list(adjusted))
    named = {(f.metric, f.slice["g"]) for f in findings.found}
    assert named == {(d.metric, d.slice["g"]) for d, p in zip(family, adjusted, strict=True) if p <= 0.05}
    assert ("false_positive_rate", "c") in named
    for f in findings.found:
        assert not f.low <= 0 <= f.high
        assert f.confidence == pytest.approx(1 - 0.05 * len(named) / len(family))
    # Fisher's doubled p of one of them, from its counts.
    one = next(d for d in family if (d.metric, d.slice["g"]) == ("false_positive_rate", "c"))
    x, n, y, m = (
        int(v.sum())
        for s in ("c", one.reference["g"])
        for v in (decision & ~label & (g == s), ~label & (g == s))
    )
    sides = hypergeom.sf(x - 1, n + m, x + y, n), hypergeom.cdf(x, n + m, x + y, n)
    assert one.p == pytest.approx(2 * min(sides), rel=1e-5)


# ---- who pays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [True, False])
def test_nobody_pays_where_flips_fall_alike(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight slices of two features, log-normal weights: named in at most a few runs of 40."""
    # Changes of metrics have tests of their own, and take nearly all of the time.
    for other in ("_changes", "_gap_changes"):
        monkeypatch.setattr(changes, other, lambda *_: ())
    r, named = np.random.default_rng(5), 0
    for _ in range(40):
        n = 1200
        before = r.random(n) < 0.5
        after = np.where(r.random(n) < 0.06, ~before, before)
        slices = {name: r.integers(0, 4, n).astype(str).tolist() for name in ("g", "h")}
        weight = r.lognormal(0, 0.8, n) if weighted else None
        paired = pair_of(*(batch(d, weight=weight, **slices) for d in (before, after)), features=("g", "h"))  # type: ignore[misc]
        flips = compared(paired, plan("selection_rate"), "a", "b").flips
        assert len(flips) == 8
        p = [f.p for f in flips]
        assert [f.p_adjusted for f in flips] == pytest.approx(list(multipletests(p, method="holm")[1]))
        named += any(f.p_adjusted <= 0.05 for f in flips)
    assert named <= binom.ppf(0.98, 40, 0.05)
