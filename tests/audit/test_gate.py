"""What a gate decides, on tables small enough to see why."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.config import AGGREGATES
from fairweigh.metrics.table import METRICS
from fairweigh.result import Result
from fairweigh.tasks import BINARY
from hypothesis import given, settings
from hypothesis import strategies as st


def cells(groups: dict[str, Any], feature: str = "g") -> pa.Table:
    """Rows of groups given as name: (tp, fp, fn, tn)."""
    columns: dict[str, list[Any]] = {feature: [], "y": [], "d": []}
    for name, counts in groups.items():
        for (y, d), n in zip(((1, 1), (0, 1), (1, 0), (0, 0)), counts, strict=True):
            columns[feature] += [name] * n
            columns["y"] += [y] * n
            columns["d"] += [d] * n
    return pa.table({**columns, feature: pa.array(columns[feature], pa.string())})


def audit(groups: pa.Table | dict[str, Any], *gates: Any, folder: Path, **parts: Any) -> Result:
    config = {
        "audit": "t",
        "data": {"path": "cells", "label": "y", "sensitive": ["g"]},
        "model": {"decision": "d"},
        "metrics": ["selection_rate"],
        "gates": list(gates),
        "report": {"charts": False},
        **parts,
    }
    number = len(list(folder.iterdir()))
    table = groups if isinstance(groups, pa.Table) else cells(groups)
    return fairweigh.run(config, folder / f"run{number}", data=table)


@pytest.fixture
def decided(tmp_path: Path) -> Callable[..., Any]:
    def do(groups: dict[str, Any], *gates: Any, **parts: Any) -> Any:
        return audit(groups, *gates, folder=tmp_path, **parts).gates

    return do


def rate(percent: int, n: int = 1000) -> tuple[Any, Any, Any, Any]:
    """A group of n rows of which so many percent are selected, half of all labels positive."""
    selected = round(n * percent / 100)
    positive = n // 2
    tp = min(selected // 2, positive)
    fp = selected - tp
    return tp, fp, positive - tp, n - positive - fp


DIFFERENCE = {"metric": "selection_rate", "by": "g", "compare": "difference"}
RATIO = {"metric": "selection_rate", "by": "g", "compare": "ratio"}


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [("<= 0.2", "pass"), ("<= 0.1", "inconclusive"), ("<= 0.05", "inconclusive"), ("<= 0.01", "fail")],
)
def test_a_proven_gate_looks_at_the_interval(limit: str, verdict: str, decided: Any) -> None:
    (gate,) = decided({"a": rate(50), "b": rate(42)}, {**DIFFERENCE, "limit": limit})
    assert gate.decide == "proven"
    assert gate.verdict == verdict
    assert gate.measured == pytest.approx(-0.08)
    assert gate.low < gate.measured < gate.high
    assert (gate.slice, gate.reference) == ({"g": "b"}, {"g": "a"})
    assert (gate.rows_needed is not None) == (verdict == "inconclusive")


def test_a_point_gate_looks_at_the_value_and_shows_the_interval(decided: Any) -> None:
    passing, failing = decided(
        {"a": rate(50), "b": rate(42)},
        {**DIFFERENCE, "limit": "<= 0.081", "decide": "point"},
        {**DIFFERENCE, "limit": "<= 0.079", "decide": "point"},
    )
    assert (passing.verdict, failing.verdict) == ("pass", "fail")
    assert passing.high > 0.081 or passing.low < -0.081


def test_an_overall_gate_decides_by_its_point_unless_told_otherwise(decided: Any) -> None:
    point, proven = decided(
        {"a": rate(50, 100), "b": rate(50, 100)},
        {"metric": "selection_rate", "limit": ">= 0.5"},
        {"metric": "selection_rate", "limit": ">= 0.5", "decide": "proven"},
    )
    assert (point.decide, point.verdict) == ("point", "pass")
    assert (proven.decide, proven.verdict) == ("proven", "inconclusive")
    assert point.slice == {}


def test_differences_are_absolute(decided: Any) -> None:
    """A slice that is favoured breaks the limit as one that is disfavoured does."""
    for other in (20, 80):
        (gate,) = decided({"a": rate(50, 1002), "b": rate(other)}, {**DIFFERENCE, "limit": "<= 0.1"})
        assert gate.verdict == "fail"
        assert gate.measured == pytest.approx(other / 100 - 0.5, abs=0.001)


def test_a_ratio_is_folded_where_no_slice_is_favoured_by_definition(decided: Any) -> None:
    """Of 0.5 to 0.25 the ratio is 2 or a half: both break four fifths."""
    ratio = {"metric": "base_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8"}
    groups = {"a": (200, 100, 200, 500), "b": (500, 50, 300, 50)}
    assert sum(groups["a"]) > sum(groups["b"])
    (folded,) = decided(groups, ratio)
    assert folded.measured == pytest.approx((800 / 900) / 0.4)
    assert folded.verdict == "fail"
    (named,) = decided(groups, {**ratio, "reference": "a"})
    assert named.verdict == "pass"
    (other,) = decided(groups, {**ratio, "reference": "b"})
    assert other.verdict == "fail"
    (within,) = decided({"a": (400, 0, 500, 1000), "b": (400, 0, 480, 1000)}, ratio)
    assert within.verdict in ("pass", "inconclusive")


def test_the_impact_ratio_refers_to_the_highest_rate(decided: Any) -> None:
    groups = {"a": rate(50, 2000), "b": rate(60), "c": rate(40)}
    (gate,) = decided(groups, {**RATIO, "limit": ">= 0.8", "decide": "point"})
    assert gate.reference == {"g": "b"}
    assert gate.slice == {"g": "c"}
    assert gate.measured == pytest.approx(2 / 3)
    assert {s.slice["g"]: s.verdict for s in gate.slices} == {"a": "pass", "c": "fail"}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [(None, "a"), ("largest", "a"), ("highest", "b"), ("c", "c"), ({"g": "c"}, "c")],
)
def test_the_reference_can_be_chosen(
    reference: str | dict[str, Any] | None, expected: str, decided: Any
) -> None:
    gate = {**DIFFERENCE, "limit": "<= 0.5", **({} if reference is None else {"reference": reference})}
    (found,) = decided({"a": rate(50, 2000), "b": rate(60), "c": rate(40)}, gate)
    assert {s.reference["g"] for s in found.slices} == {expected}
    assert {s.slice["g"] for s in found.slices} == {"a", "b", "c"} - {expected}


def test_the_configurations_reference_holds_where_a_gate_names_none(decided: Any) -> None:
    groups = {"a": rate(50, 2000), "b": rate(60), "c": rate(40)}
    slices = {"reference": {"g": "c"}}
    plain, largest = decided(
        groups,
        {**DIFFERENCE, "limit": "<= 0.5"},
        {**DIFFERENCE, "limit": "<= 0.5", "reference": "largest"},
        slices=slices,
    )
    assert plain.reference == {"g": "c"}
    assert largest.reference == {"g": "a"}


def _with_unknown(groups: dict[str, Any], n: int = 50) -> pa.Table:
    table = cells(groups)
    unknown = pa.table({"g": pa.nulls(n, pa.string()), "y": [0, 1] * (n // 2), "d": [1] * n})
    return pa.concat_tables([table, unknown])


def test_small_and_unknown_slices_are_left_out_and_listed(decided: Any) -> None:
    table = _with_unknown({"a": rate(50), "b": rate(52), "tiny": rate(100, 10)})
    limit = {**DIFFERENCE, "limit": "<= 0.3", "decide": "point"}
    plain, small, unknown = decided(
        table, limit, {**limit, "include_small": True}, {**limit, "include_unknown": True}
    )
    assert plain.verdict == "pass"
    assert [s.slice["g"] for s in plain.slices] == ["b"] or [s.slice["g"] for s in plain.slices] == ["a"]
    assert {s["g"] for s in plain.left_out} == {"tiny", "(unknown)"}
    assert small.verdict == "fail"
    assert small.slice == {"g": "tiny"}
    assert {s["g"] for s in small.left_out} == {"(unknown)"}
    assert unknown.verdict == "fail"
    assert unknown.slice == {"g": "(unknown)"}
    assert {s["g"] for s in unknown.left_out} == {"tiny"}


def test_a_named_slice_is_gated_however_small(decided: Any) -> None:
    groups = {"a": rate(50), "b": rate(50), "tiny": rate(100, 10)}
    named = {"metric": "selection_rate", "slice": {"g": "tiny"}, "limit": "<= 0.5"}
    (gate,) = decided(groups, named)
    assert gate.verdict == "fail"
    assert gate.measured == 1
    assert gate.slice == {"g": "tiny"}
    assert gate.by == ["g"]


def test_without_two_slices_there_is_no_verdict_but_an_error(decided: Any) -> None:
    for groups in ({"a": rate(50), "tiny": rate(100, 10)}, {"a": rate(50)}):
        (gate,) = decided(groups, {**DIFFERENCE, "limit": "<= 0.9"})
        assert gate.verdict == "error"
        assert "fewer than two" in gate.why


@pytest.mark.parametrize("rule", ["point", "proven"])
@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "true_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.5"},
        {"metric": "true_positive_rate", "by": "g", "compare": "ratio", "limit": ">= 0.1"},
        {"metric": "true_positive_rate", "by": "g", "limit": ">= 0.1"},
        {"metric": "true_positive_rate", "slice": {"g": "b"}, "limit": ">= 0.1"},
        {"metric": "equalized_odds_difference", "by": "g", "limit": "<= 0.9"},
        {"metric": "equal_opportunity_ratio", "by": "g", "limit": ">= 0.1"},
    ],
)
def test_an_undefined_metric_is_an_error_never_a_pass(rule: str, gate: dict[str, Any], decided: Any) -> None:
    """Slice b has no positives: 0/0 is not 0, and not a pass either."""
    groups = {"a": (50, 10, 10, 30), "b": (0, 10, 0, 90), "c": (50, 10, 10, 30)}
    (found,) = decided(groups, {**gate, "decide": rule})
    assert found.verdict == "error"
    (error,) = [s for s in found.slices if s.verdict == "error"]
    assert error.slice == {"g": "b"} or "g=b" in error.why


def test_a_ratio_to_a_reference_of_zero_is_an_error(decided: Any) -> None:
    groups = {"a": rate(0, 200), "b": rate(50, 100)}
    (gate,) = decided(groups, {**RATIO, "limit": ">= 0.8", "reference": "a"})
    assert gate.verdict == "error"


@pytest.mark.parametrize(
    "gate",
    [
        {**DIFFERENCE, "limit": "<= 0.1"},
        {**DIFFERENCE, "limit": "<= 0.05"},
        {**RATIO, "limit": ">= 0.8"},
        {**RATIO, "limit": ">= 0.8", "reference": "a"},
        {"metric": "selection_rate", "by": "g", "limit": ">= 0.35"},
        {"metric": "selection_rate", "limit": ">= 0.43", "decide": "proven"},
        {"metric": "demographic_parity_difference", "by": "g", "limit": "<= 0.1"},
        {"metric": "demographic_parity_ratio", "by": "g", "limit": ">= 0.7"},
        {"metric": "true_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.12"},
    ],
)
def test_with_as_many_rows_as_it_asks_for_a_gate_decides(gate: dict[str, Any], decided: Any) -> None:
    groups = {"a": rate(50, 300), "b": rate(43, 200), "c": rate(41, 100)}
    (found,) = decided(groups, gate)
    assert found.verdict == "inconclusive"
    rows = sum(map(sum, groups.values()))
    factor = math.ceil(found.rows_needed / rows)
    assert factor >= 2
    scaled = {k: tuple(factor * c for c in v) for k, v in groups.items()}
    (again,) = decided(scaled, gate)
    assert again.verdict in ("pass", "fail")
    if factor > 3:
        fewer = {k: tuple(c * (factor // 2 - 1) for c in v) for k, v in groups.items()}
        assert decided(fewer, gate)[0].verdict == "inconclusive"


def test_a_value_on_the_limit_cannot_be_decided_by_any_number_of_rows(decided: Any) -> None:
    gate = {"metric": "selection_rate", "limit": ">= 0.5", "decide": "proven"}
    (found,) = decided({"a": rate(50), "b": rate(50)}, gate)
    assert found.verdict == "inconclusive"
    assert found.rows_needed is None
    assert "no realistic number of rows" in found.why


def test_a_failure_stands_among_any_number_of_other_gates(decided: Any) -> None:
    """A failure that is just proven alone stays one beside nineteen that pass, fail or decide nothing."""
    groups = {"a": rate(50), "b": rate(43)}
    barely = {**DIFFERENCE, "limit": "<= 0.02", "id": "barely"}
    (alone,) = decided(groups, barely)
    assert alone.verdict == "fail"
    others = [{**DIFFERENCE, "limit": f"<= {limit}"} for limit in (0.9, 0.0, 0.07)]
    among = decided(groups, barely, *others * 6)
    assert among[0] == alone
    assert [g.verdict for g in among[1:4]] == ["pass", "fail", "inconclusive"]


def test_point_gates_are_not_adjusted_and_take_no_part(decided: Any) -> None:
    groups = {"a": rate(50), "b": rate(43)}
    barely = {**DIFFERENCE, "limit": "<= 0.02"}
    found = decided(groups, barely, *[{**barely, "decide": "point"}] * 19)
    assert {g.verdict for g in found} == {"fail"}


def test_the_verdict_of_a_run_is_its_worst(tmp_path: Path) -> None:
    groups = {"a": rate(50), "b": rate(42), "c": (0, 10, 0, 90)}
    passing = {"metric": "selection_rate", "limit": ">= 0"}
    failing = {"metric": "selection_rate", "limit": ">= 1"}
    waiting = {**DIFFERENCE, "limit": "<= 0.4", "reference": "a"}
    erring = {"metric": "true_positive_rate", "slice": {"g": "c"}, "limit": ">= 0"}
    for gates, verdict in (
        ([], "no verdict"),
        ([passing], "pass"),
        ([passing, waiting], "inconclusive"),
        ([waiting, failing], "fail"),
        ([failing, erring], "error"),
    ):
        assert audit(groups, *gates, folder=tmp_path).verdict == verdict


def test_a_gate_over_several_features_speaks_of_their_intersections(tmp_path: Path) -> None:
    r = np.random.default_rng(0)
    n = 2000
    table = pa.table(
        {
            "g": r.choice(["a", "b"], n),
            "h": r.choice(["x", "y"], n),
            "y": r.integers(0, 2, n),
            "d": r.integers(0, 2, n),
        }
    )
    data = {"path": "cells", "label": "y", "sensitive": ["g", "h"]}
    gate = {"metric": "selection_rate", "by": ["h", "g"], "compare": "difference", "limit": "<= 0.3"}
    reference = {"reference": {"h": "x", "g": "b"}}
    for depth in (1, 2):
        result = audit(
            table, gate, {**gate, **reference}, folder=tmp_path, data=data, slices={"intersections": depth}
        )
        assert [len(g.slices) for g in result.gates] == [3, 3]
        assert result.gates[1].reference == {"g": "b", "h": "x"}
        assert {tuple(s.slice) for s in result.gates[0].slices} == {("g", "h")}


def test_weights_decide_a_gate(tmp_path: Path) -> None:
    """One row of weight 3 counts as three in the value, and as fewer in the certainty."""
    table = cells({"a": (100, 0, 100, 200), "b": (100, 0, 100, 200)})
    light = np.where(np.asarray(table["d"]) == 1, 3.0, 1.0)
    light = np.where(np.asarray(table["g"]) == "b", light, 1.0)
    table = table.append_column("w", pa.array(light))
    data = {"path": "cells", "label": "y", "sensitive": ["g"], "weight": "w"}
    gate = {**DIFFERENCE, "limit": "<= 0.1"}
    result = audit(table, gate, folder=tmp_path, data=data)
    assert result.gates[0].measured == pytest.approx(300 / 600 - 0.25)
    assert result.gates[0].verdict == "fail"
    a, b = result.variants[0].slices
    assert (a.weight, b.weight) == (400, 600)
    assert a.metrics["selection_rate"].value == 0.25
    assert b.metrics["selection_rate"].value == 0.5
    estimate = b.metrics["selection_rate"]
    assert estimate.effective_n < 400
    assert estimate.low < 0.5 < estimate.high
    unweighted = audit(table, gate, folder=tmp_path).gates[0]
    assert unweighted.measured == 0
    assert unweighted.verdict == "pass"


def test_equal_weights_change_no_value(tmp_path: Path) -> None:
    table = cells({"a": rate(50), "b": rate(42)})
    plain = audit(table, {**DIFFERENCE, "limit": "<= 0.1"}, folder=tmp_path)
    table = table.append_column("w", pa.array(np.full(len(table), 2.5)))
    data = {"path": "cells", "label": "y", "sensitive": ["g"], "weight": "w"}
    weighted = audit(table, {**DIFFERENCE, "limit": "<= 0.1"}, folder=tmp_path, data=data)
    assert weighted.gates[0].measured == pytest.approx(plain.gates[0].measured)
    assert weighted.gates[0].verdict == plain.gates[0].verdict
    width = plain.gates[0].high - plain.gates[0].low
    assert weighted.gates[0].high - weighted.gates[0].low == pytest.approx(width, rel=0.05)


_COUNT = st.integers(0, 60)
_GROUP = st.tuples(_COUNT, _COUNT, _COUNT, _COUNT)


@settings(max_examples=25, deadline=None)
@given(
    groups=st.dictionaries(st.sampled_from("abcd"), _GROUP, min_size=1),
    metric=st.sampled_from(["selection_rate", "true_positive_rate", "precision", "f1"]),
    limit=st.floats(0.01, 1),
    compare=st.sampled_from(["value", "difference", "ratio"]),
    rule=st.sampled_from(["point", "proven"]),
)
def test_no_table_makes_a_gate_pass_without_ground(
    groups: Any, metric: Any, limit: Any, compare: Any, rule: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if len({y for g in groups.values() for y, n in zip((1, 0, 1, 0), g, strict=True) if n}) < 2:
        return
    sign = "<=" if compare == "difference" else ">="
    gate = {"metric": metric, "by": "g", "compare": compare, "limit": f"{sign} {limit:.4f}", "decide": rule}
    (found,) = audit(groups, gate, folder=tmp_path_factory.mktemp("gate")).gates
    assert found.why
    for one in found.slices:
        if one.verdict == "pass":
            assert one.measured is not None
            assert one.n >= 1
            if rule == "proven":
                assert one.low is not None
                assert one.high is not None
    if found.verdict == "pass":
        assert found.slices
        assert {s.verdict for s in found.slices} == {"pass"}
    assert (found.rows_needed is None) or found.verdict == "inconclusive"


@pytest.mark.parametrize("sizes", [(28, 20), (48,), (1,) * 48], ids=str)
def test_no_gate_over_small_slices_costs_the_report(sizes: tuple[Any, ...], tmp_path: Path) -> None:
    """Every metric as a difference and a ratio, every named disparity, of slices below ``min_size``."""
    r = np.random.default_rng(0)
    y = r.integers(0, 2, sum(sizes))
    s = np.clip(0.5 + 0.3 * (y - 0.5) + r.normal(0, 0.3, len(y)), 0, 1)
    g = np.repeat([f"g{k}" for k in range(len(sizes))], sizes)
    table = pa.table({"g": g, "y": y, "s": s})
    negative = {"matthews_correlation", "mean_score", "calibration_bias", "expected_calibration_error"}
    gates = [{"metric": m, "by": "g", "compare": "difference", "limit": "<= 0.1"} for m in METRICS]
    gates += [
        {"metric": m, "by": "g", "compare": "ratio", "limit": ">= 0.8"} for m in METRICS if m not in negative
    ]
    gates += [
        {"metric": name, "by": "g", "limit": ">= 0.8" if name.endswith("_ratio") else "<= 0.1"}
        for name in AGGREGATES
        if name in BINARY.names
    ]
    model = {"score": "s", "threshold": 0.5}
    result = audit(table, *gates, folder=tmp_path, model=model, metrics=None)
    assert len(result.gates) == len(gates)
    assert {gate.verdict for gate in result.gates} == {"error"}
    assert result.verdict == "error"
    assert (tmp_path / "run0" / "report.html").is_file()
