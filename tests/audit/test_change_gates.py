"""Gates on a change and on a cost: non-inferiority, and no pass where nothing was measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.config import Gate
from fairweigh.audit.figures.pairs import Paired
from fairweigh.audit.result import Cost, Timing
from fairweigh.audit.verdict.gate import decide, gates_for, unanswered
from fairweigh.datasets.errors import InputError

from .paired_rows import batch, measured, pair_of, plan, planted


def change(metric: str = "accuracy", limit: str = ">= -0.01", on: str = "compressed", **more: Any) -> Gate:
    return Gate(metric=metric, compare="change", limit=limit, on=on, **more)


def growth(metric: str = "true_positive_rate", limit: str = "<= 0.02", **more: Any) -> Gate:
    return change(metric, limit, by="g", **more)


def verdicts(gates: list[Any], before: Any, after: Any, **more: Any) -> Any:
    paired = pair_of(before, after)
    return decide(
        gates,
        paired.measured_after,
        plan(reference={"g": "a"}),
        "light",
        groups=("compressed",),
        paired=paired,
        **more,
    )


def copies(n: int, k: int = 1) -> Any:
    """A balanced set of n rows in two slices, right in four of five rows."""
    label = np.arange(n) % 2
    decision = np.where(np.arange(n) % 5 == 0, 1 - label, label)
    return batch(np.tile(decision, k), np.tile(label, k), g=(["a"] * (n // 2) + ["b"] * (n - n // 2)) * k)


def test_two_hundred_rows_without_a_change_do_not_prove_one_percent() -> None:
    """Tango's one-sided limit of zero flips in n rows is z^2 / (n + z^2): 0.0133 of 200, 0.0014 of 2000."""
    few = copies(200)
    one, two = verdicts([change(), change(limit=">= -0.02")], few, few)
    assert (one.verdict, two.verdict) == ("inconclusive", "pass")
    assert (one.measured, one.low) == (0, pytest.approx(-(1.644854**2) / (200 + 1.644854**2), rel=1e-6))
    many = copies(200, 10)
    assert verdicts([change()], many, many)[0].verdict == "pass"


def test_as_many_rows_as_it_asks_for_decide_a_change_gate() -> None:
    before, after = planted(1500, 0.03)
    gates = [change(limit=">= -0.008"), growth(limit="<= 0.03"), growth("precision", "<= 0.02")]
    for gate in gates:
        (found,) = verdicts([gate], before, after)
        assert found.verdict == "inconclusive"
        factor = math.ceil(found.rows_needed / 1500)
        assert factor >= 2
        (again,) = verdicts([gate], _repeated(before, factor), _repeated(after, factor))
        assert again.verdict in ("pass", "fail")


def _repeated(one: Any, times: Any) -> Any:
    table = pa.concat_tables([pa.table(one)] * times).combine_chunks()
    ids = pa.array(np.arange(len(table)))
    return pa.record_batch([ids, *[c.combine_chunks() for c in table.columns[1:]]], names=table.schema.names)


def test_a_gap_that_grows_fails_and_names_the_slice() -> None:
    before, after = planted(20_000, 0.2)
    (found,) = verdicts([growth()], before, after)
    assert found.verdict == "fail"
    assert (found.slice, found.reference) == ({"g": "b"}, {"g": "a"})
    assert found.measured == pytest.approx(0.2 * 0.7, abs=0.04)
    assert found.low > 0.02
    verdict = {s.slice["g"]: s.verdict for s in found.slices}
    assert verdict == {"b": "fail", "c": "pass"}


def test_a_gap_that_shrinks_passes_however_much_it_changes() -> None:
    """Read backwards, the change mends slice b: what counts is the absolute gap."""
    after, before = planted(20_000, 0.2)
    (found,) = verdicts([growth()], before, after)
    assert found.verdict == "pass"
    assert next(s.measured for s in found.slices if s.slice == {"g": "b"}) < -0.1


def test_a_gap_that_changes_sides_is_judged_by_its_size() -> None:
    r = np.random.default_rng(0)
    n = 20_000
    g = r.choice(["a", "b"], n)
    luck = r.random(n)
    before, after = (batch(luck < np.where(g == "a", 0.5, rate), g=g.tolist()) for rate in (0.4, 0.6))
    (found,) = verdicts([growth("selection_rate", "<= 0.08")], before, after)
    assert found.measured == pytest.approx(0, abs=0.03)
    assert found.verdict == "pass"


def test_a_change_of_one_slice_is_signed() -> None:
    before, after = planted(20_000, 0.2)
    found = verdicts([change(slice={"g": "b"}, limit="<= 0.0"), change(limit="<= 0.0")], before, after)
    assert [f.verdict for f in found] == ["pass", "pass"]
    assert found[0].measured == pytest.approx(-0.2 * 0.68, abs=0.03)
    assert found[0].slice == {"g": "b"}
    assert found[1].slice == {}


def test_a_point_gate_on_a_change_looks_at_the_value() -> None:
    few = copies(200)
    (found,) = verdicts([change(limit=">= -0.001", decide="point")], few, few)
    assert found.verdict == "pass"


def test_without_a_model_before_a_change_gate_is_an_error() -> None:
    one, _ = planted(300)
    (found,) = decide([change()], measured(one), plan(), "light", groups=("compressed",))
    assert found.verdict == "error"
    assert "before the change" in found.why


def test_a_change_of_what_no_model_changes_is_refused() -> None:
    before, after = planted(300)
    with pytest.raises(InputError, match=r"gates\[0\]\.metric: base_rate is of the labels alone"):
        verdicts([change("base_rate")], before, after)


def test_an_undefined_change_is_an_error() -> None:
    g = ["a"] * 60 + ["b"] * 60
    label = np.array([0, 1] * 30 + [0] * 60)
    one = batch(label, label, g=g)
    (found,) = verdicts([growth(include_small=True)], one, one)
    assert found.verdict == "error"
    assert "g=b" in found.slices[0].why


def test_a_figure_without_limits_is_never_proven() -> None:
    before, after = planted(3000, 0.0)
    proven, point = verdicts(
        [change("expected_calibration_error", "<= 0.5"),
         change("expected_calibration_error", "<= 0.5", decide="point")],
        before, after,
    )  # fmt: skip
    assert proven.verdict == "inconclusive"
    assert proven.rows_needed is None
    assert "No interval" in proven.why
    assert point.verdict == "pass"


def test_limits_hold_for_all_slices_together() -> None:
    """With more slices the same slice needs a wider limit to fail, and the same one to pass."""
    before, after = planted(6000, 0.0, slices=tuple("abcdefgh"))
    (many,) = verdicts([growth()], before, after)
    (one,) = verdicts([growth(slice={"g": "b"})], before, after)
    mine = next(s for s in many.slices if s.slice == {"g": "b"})
    assert len(many.slices) == 7
    assert mine.high == one.high
    assert mine.low < one.low


def test_a_change_gate_stands_at_its_own_level_whatever_others_there_are() -> None:
    before, after = planted(20_000, 0.2)
    (clear,) = verdicts([growth(limit="<= 0.0")], before, after)
    barely = growth(limit=f"<= {clear.low - 0.001:.6f}")
    others = [change(limit=">= -0.9")] * 10 + [change(limit=">= 0.9")] * 9
    (alone,) = verdicts([barely], before, after)
    assert alone.verdict == "fail"
    assert verdicts([barely, *others], before, after)[0] == alone


COST = Cost(
    stored_bytes=30, dense_bytes=30, sparse_bytes=30, sparse_theoretical=False, parameters=10, nonzero=10,
    storage=0.3, compute=0.5, flops_per_row=5.0,
    timings=[
        Timing(batch=b, rounds=9, p50_ms=1, p95_ms=2, ratio=r, ratio_low=r - 0.1, ratio_high=r + 0.1,
               null_low=0.9, null_high=1.1, saving=True)
        for b, r in ((32, 0.5), (1, 0.8))
    ],
)  # fmt: skip
ORIGINAL = COST.model_copy(update={"flops_per_row": 20.0, "storage": 1.0, "compute": 1.0})


@pytest.mark.parametrize(
    ("name", "expected"), [("storage", 0.3), ("compute", 0.5), ("latency", 0.8), ("flops", 0.25)]
)
def test_a_cost_is_gated_as_measured(name: Any, expected: float) -> None:
    one, _ = planted(60)
    gates = [Gate(cost=name, limit=f"<= {expected + d}", on="compressed") for d in (0.01, -0.01)]
    found = decide(
        gates, measured(one), plan(), "light", groups=("compressed",), cost=COST, original_cost=ORIGINAL
    )
    assert [f.verdict for f in found] == ["pass", "fail"]
    assert {f.compare for f in found} == {"cost"}
    assert {f.metric for f in found} == {name}
    assert found[0].measured == pytest.approx(expected)
    assert (found[0].low is not None) == (name == "latency")


@pytest.mark.parametrize("cost", [None, COST.model_copy(update={"timings": [], "flops_per_row": None})])
@pytest.mark.parametrize("name", ["memory", "latency", "flops", "compute"])
def test_a_cost_that_was_not_measured_is_an_error(name: Any, cost: Cost | None) -> None:
    one, _ = planted(60)
    gate = Gate(cost=name, limit="<= 100", on="compressed")
    (found,) = decide([gate], measured(one), plan(), "light", groups=("compressed",), cost=cost)
    assert found.verdict == "error"
    assert "was not measured" in found.why


GATES = [
    Gate(metric="accuracy", limit=">= 0.5"),
    change(),
    Gate(id="small", cost="storage", limit="<= 0.5", on="int8"),
    Gate(metric="accuracy", limit=">= 0.4", on="int4"),
]


@pytest.mark.parametrize(
    ("variant", "groups", "expected"),
    [
        ("original", (), [0]),
        ("int8", ("compressed",), [0, 1, 2]),
        ("int4", ("compressed",), [0, 1, 3]),
        ("reweighed", ("mitigated",), [0]),
        ("repaired", ("compressed", "mitigated"), [0, 1]),
    ],
)
def test_which_gates_concern_a_variant(variant: str, groups: tuple[Any, ...], expected: list[Any]) -> None:
    """Absolute limits on the original hold for every variant: no worse than unfair is unfair."""
    assert [k for k, _ in gates_for(GATES, variant, groups)] == expected


def test_ids_follow_the_configuration_not_the_variant() -> None:
    before, after = planted(600)
    paired = pair_of(before, after)
    found = decide(GATES, paired.measured_after, plan(), "int4", groups=("compressed",), paired=paired)
    assert [f.id for f in found] == ["gate-1", "gate-2", "gate-4"]


def test_a_gate_on_a_variant_that_was_not_made_is_an_error() -> None:
    made: dict[str, tuple[str, ...]] = {"original": (), "int8": ("compressed",)}
    (found,) = unanswered(GATES, made, plan())
    assert (found.id, found.variant, found.verdict) == ("gate-4", "int4", "error")
    none = unanswered(GATES, {"original": ()}, plan())
    assert [f.id for f in none] == ["gate-2", "small", "gate-4"]
    assert none[0].variant == "compressed"
    assert unanswered(GATES[:1], {"original": ()}, plan()) == []


def test_paired_measurements_can_be_given() -> None:
    before, after = planted(300)
    given = Paired(("g",), before=measured(before), after=measured(after))
    given.add(before, after)
    assert given.measured_before.rows == 300
