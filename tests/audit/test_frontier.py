"""Which variant may be released, on results small enough to see why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from fairweigh.audit.config import Gate, Objective
from fairweigh.audit.result import (
    Comparison,
    Cost,
    Counts,
    Disparity,
    Estimate,
    Flips,
    GateResult,
    SliceResult,
    Variant,
)
from fairweigh.audit.result.variants import Frontier
from fairweigh.audit.verdict.binding import binding, withheld
from fairweigh.audit.verdict.frontier import frontier
from fairweigh.audit.verdict.gate import worst
from fairweigh.audit.verdict.standings import Judged, standings
from fairweigh.audit.verdict.targets import target_results

from .paired_rows import plan

GATES = [
    Gate(metric="true_positive_rate", by="g", compare="difference", limit="<= 0.1"),
    Gate(metric="accuracy", compare="change", limit=">= -0.02", on="compressed"),
]


def cost(storage: Any, compute: Any) -> Cost:
    return Cost(
        stored_bytes=1, dense_bytes=1, sparse_bytes=1, sparse_theoretical=False, parameters=1, nonzero=1,
        storage=storage, compute=compute,
    )  # fmt: skip


def gap(value: float, slice_: dict[str, Any], metric: str = "true_positive_rate", **more: Any) -> Disparity:
    return Disparity(
        name=f"{metric}_difference", metric=metric, by=list(slice_), compare="difference", scope="reference",
        slice=slice_, reference=dict.fromkeys(slice_, "a"), value=value, **more,
    )  # fmt: skip


def variant(
    name: str, price: tuple[Any, Any] | None = None, accuracy: float = 0.8, gaps: Any = (0.05, -0.03)
) -> Variant:
    kind = "original" if name == "original" else "compressed"
    return Variant(
        name=name,
        kind=kind,
        cost=cost(*price) if price else None,
        overall={"accuracy": Estimate(value=accuracy)},
        counts=Counts(),
        slices=[
            SliceResult(slice={"g": "(unknown)"}, n=50, unknown=True, counts=Counts(), metrics={}),
            SliceResult(slice={"g": "b"}, n=50, counts=Counts(), metrics={}),
        ],
        disparities=[
            gap(gaps[0], {"g": "b"}),
            gap(gaps[1], {"h": "y"}),
            gap(0.9, {"g": "(unknown)"}),
            gap(0.9, {"g": "tiny"}, status="small"),
            gap(0.9, {"g": "b"}, "precision"),
            gap(0.9, {"g": "b", "h": "y"}),
        ],
    )


def result(name: Any, position: int = 0, verdict: str = "pass") -> GateResult:
    gate = GATES[position]
    return GateResult(
        id=f"gate-{position + 1}", metric=gate.metric, by=list(gate.features), compare=gate.compare,
        limit=gate.limit, decide=gate.rule, variant=name, verdict=verdict, why="it is so",
    )  # fmt: skip


def ladder(verdicts: dict[str, Any], rows: int = 1000, **parts: Any) -> Judged:
    """Variants by name: (absolute gate, change gate or None)."""
    prices = {"original": (1.0, 1.0), "int8": (0.3, 0.5), "pruned": (0.2, 0.4), "small": (0.1, 0.2)}
    variants = [variant(name, prices[name], **parts.get(name, {})) for name in verdicts]
    results = []
    for name, (absolute, change) in verdicts.items():
        results.append(result(name, 0, absolute))
        if change is not None:
            results.append(result(name, 1, change))
    comparisons = [
        Comparison(
            before="original", after=name, rows=rows, agreement=0.97,
            overall=Flips(slice={}, n=rows, flips=30, rate=0.03, gained=10, lost=20),
        )
        for name in verdicts
        if name != "original"
    ]  # fmt: skip
    return Judged(variants, results, comparisons, rows)


GROUPS = {"original": (), **dict.fromkeys(("int8", "pruned", "small"), ("compressed",))}


def run_verdict(judged: Judged, found: Frontier, gates: Sequence[Gate] = GATES) -> tuple[str, Any]:
    bound = binding(gates, judged.gates, GROUPS, found)
    return worst([r.verdict for r in bound if r.binding]), {(r.variant, r.id) for r in bound if r.binding}


def test_the_cheapest_that_passes_everything_is_recommended() -> None:
    judged = ladder(
        {"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "pass"),
         "small": ("fail", "pass")}
    )  # fmt: skip
    found = frontier(Objective(), GATES, judged)
    assert found.recommended == "pruned"
    assert found.nearest is None
    assert "pruned is the cheapest of 3" in found.why
    assert [s.cost for s in found.variants] == pytest.approx([2.0, 0.8, 0.6, 0.3])
    assert run_verdict(judged, found) == (
        "pass",
        {("original", "gate-1"), ("pruned", "gate-1"), ("pruned", "gate-2")},
    )


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "error"])
def test_a_variant_with_an_open_gate_does_not_qualify(verdict: str) -> None:
    judged = ladder({"original": ("pass", None), "int8": ("pass", verdict), "pruned": ("fail", verdict)})
    found = frontier(Objective(), GATES, judged)
    assert found.recommended == "original"
    assert found.nearest == "int8"
    assert "int8 misses least (gate-2)" in found.why
    # A merge must not go green when something was asked of compressed variants and none gives it.
    assert run_verdict(judged, found)[0] == verdict


def test_where_nothing_was_asked_of_compressed_variants_theirs_do_not_bind() -> None:
    judged = ladder({"original": ("pass", None), "int8": ("fail", None)})
    found = frontier(Objective(), GATES[:1], judged)
    assert found.recommended == "original"
    assert run_verdict(judged, found, GATES[:1]) == ("pass", {("original", "gate-1")})


def test_no_worse_than_before_never_blesses_an_unfair_original() -> None:
    judged = ladder({"original": ("fail", None), "int8": ("fail", "pass")})
    found = frontier(Objective(), GATES, judged)
    assert found.recommended is None
    assert found.nearest == "int8"
    assert "None of 2 variants" in found.why
    assert run_verdict(judged, found)[0] == "fail"


def test_without_any_requirement_nothing_is_recommended() -> None:
    judged = ladder({"original": ("pass", None), "small": ("pass", None)})
    found = frontier(Objective(), [], Judged(judged.variants, [], [], 1000))
    assert found.recommended is None
    assert "No gate and no target" in found.why


def test_weights_change_what_is_cheap() -> None:
    judged = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "pass")})
    cheap = {"pruned": (0.2, 1.5), "int8": (0.3, 0.5)}
    variants = [v.model_copy(update={"cost": cost(*cheap.get(v.name, (1, 1)))}) for v in judged.variants]
    judged = Judged(variants, judged.gates, judged.comparisons, 1000)
    assert frontier(Objective(), GATES, judged).recommended == "int8"
    found = frontier(Objective(weights={"storage": 1}), GATES, judged)
    assert found.recommended == "pruned"
    assert found.variants[0].cost == 1


def test_the_worst_gap_stands_beside_the_mean() -> None:
    """Small, unknown and crossed slices that no gate names do not count, nor do other metrics."""
    judged = ladder({"original": ("pass", None), "int8": ("pass", "pass")}, int8={"gaps": (0.02, -0.2)})
    original, int8 = standings(Objective(), GATES, judged)
    assert (original.worst_gap, int8.worst_gap) == (0.05, 0.2)
    assert int8.worst_gap_what == "true_positive_rate, h=y against h=a"
    assert int8.worst_gap_of is not None
    assert int8.worst_gap_of.model_dump() == {
        "metric": "true_positive_rate", "slice": {"h": "y"}, "reference": {"h": "a"},
    }  # fmt: skip
    assert int8.mean_gap == pytest.approx(0.11)
    assert int8.performance == 0.8
    assert int8.flip_rate == 0.03
    crossed = [*GATES, Gate(metric="accuracy", by=["g", "h"], limit=">= 0.1")]
    assert standings(Objective(gaps=["true_positive_rate"]), crossed, judged)[0].worst_gap == 0.9
    assert standings(Objective(gaps=["precision"]), GATES, judged)[0].worst_gap == 0.9


def test_the_frontier_is_what_no_other_beats() -> None:
    judged = ladder(
        dict.fromkeys(("original", "int8", "pruned", "small"), ("pass", None)),
        original={"gaps": (0.02, 0.0)}, int8={"gaps": (0.04, 0.0)}, pruned={"gaps": (0.3, 0.0)},
        small={"gaps": (0.2, 0.0)},
    )  # fmt: skip
    found = standings(Objective(), GATES, judged)
    assert [s.variant for s in found if s.on_frontier] == ["original", "int8", "small"]


def test_targets_join_the_gates() -> None:
    objective = Objective(targets={"accuracy": ">= 0.75", "storage": "<= 0.25", "agreement": ">= 0.9"})
    judged = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "pass")})
    original = judged.original
    told = [
        r
        for v in judged.variants
        for r in target_results(
            objective, v, original, next((c for c in judged.comparisons if c.after == v.name), None), plan()
        )
    ]
    judged = Judged(judged.variants, [*judged.gates, *told], judged.comparisons, 1000)
    found = frontier(objective, GATES, judged)
    assert found.recommended == "pruned"
    assert found.variants[1].misses == ["target-storage"]
    verdict, bound = run_verdict(judged, found)
    assert verdict == "pass"
    assert ("pruned", "target-storage") in bound
    # The original is not smaller than itself: that is no finding about it.
    assert ("original", "target-storage") not in bound


def test_a_target_that_was_not_measured_is_an_error() -> None:
    objective = Objective(targets={"memory": "<= 0.5", "auc": ">= 0.7", "agreement": ">= 0.9"})
    light = variant("int8", (0.3, 0.5))
    found = target_results(objective, light, variant("original"), None, plan())
    assert {r.verdict for r in found} == {"error"}


def test_a_choice_is_made_on_the_selection_rows_and_certified_on_the_others() -> None:
    choose = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "pass")}, 500)
    certify = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "pass")})
    found = frontier(Objective(), GATES, certify, choose, "500 rows drawn by a hash of their id")
    assert found.recommended == "pruned"
    assert "certify it: pruned passes" in found.why
    assert (found.selection_rows, len(found.selection)) == (500, 3)
    assert found.selected_on.startswith("500 rows")


def test_a_choice_that_is_not_certified_is_not_released() -> None:
    """Nor is the next best tried on the rows that judge it; the original is the one fallback."""
    choose = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "pass")}, 500)
    refuse = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "pruned": ("pass", "fail")})
    found = frontier(Objective(), GATES, refuse, choose)
    assert (found.recommended, found.nearest) == ("original", "pruned")
    assert "do not certify it: there pruned misses gate-2" in found.why
    assert run_verdict(refuse, found)[0] == "fail"
    unfair = ladder({"original": ("fail", None), "int8": ("pass", "pass"), "pruned": ("pass", "fail")})
    found = frontier(Objective(), GATES, unfair, choose)
    assert (found.recommended, found.nearest) == (None, "pruned")
    assert "nothing may be released" in found.why


def test_when_the_selection_rows_decide_nothing_the_original_stays_if_it_passes() -> None:
    open_ = {"original": ("inconclusive", None), "int8": ("inconclusive", "pass")}
    passes = {"original": ("pass", None), "int8": ("pass", "pass")}
    found = frontier(Objective(), GATES, ladder(passes), ladder(open_, rows=300), "300 rows")
    assert (found.recommended, found.nearest) == ("original", "int8")
    assert "The original passes on the evaluation rows and stays." in found.why
    fails = {"original": ("fail", None), "int8": ("pass", "pass")}
    found = frontier(Objective(), GATES, ladder(fails), ladder(open_, rows=300), "300 rows")
    assert found.recommended is None
    assert "nothing may be released" in found.why


def test_gates_on_a_named_or_missing_variant_bind() -> None:
    gates = [*GATES, Gate(metric="accuracy", limit=">= 0.5", on="small")]
    judged = ladder({"original": ("pass", None), "int8": ("pass", "pass"), "small": ("fail", "pass")})
    named = GateResult(
        id="gate-3", metric="accuracy", compare="value", limit=">= 0.5", decide="point", variant="small",
        verdict="fail", why="it is so",
    )  # fmt: skip
    gone = named.model_copy(update={"variant": "not made", "verdict": "error"})
    judged = Judged(judged.variants, [*judged.gates, named, gone], judged.comparisons, 1000)
    verdict, bound = run_verdict(judged, frontier(Objective(), gates, judged), gates)
    assert verdict == "error"
    assert {("small", "gate-3"), ("not made", "gate-3")} <= bound
    assert ("small", "gate-1") not in bound


def test_a_target_on_a_metric_that_was_not_measured_is_an_error_whatever_was_counted() -> None:
    """It is not taken for a cost, such as the ratio of operations, 1 for a model of the same size."""
    judged = ladder({"original": ("pass", None), "int8": ("pass", "pass")})
    counted = [
        v.model_copy(update={"cost": v.cost.model_copy(update={"flops_per_row": 10.0})})
        for v in judged.variants
    ]
    objective = Objective(targets={"matthews_correlation": ">= 0.9"})
    for each in counted:
        (found,) = target_results(objective, each, counted[0], judged.comparisons[0], plan())
        assert (found.verdict, found.measured, found.compare) == ("error", None, "value")


def test_a_variant_of_which_nothing_but_its_price_was_asked_does_not_qualify() -> None:
    price = [Gate(cost="storage", limit="<= 0.5", on="compressed")]
    judged = ladder({"original": ("pass", None), "int8": ("pass", None)})
    result_ = GateResult(
        id="gate-1", metric="storage", compare="cost", limit="<= 0.5", decide="point", variant="int8",
        verdict="pass", why="it is so",
    )  # fmt: skip
    bare = Judged(judged.variants, [result_], judged.comparisons, 1000)
    found = frontier(Objective(), price, bare)
    assert found.recommended is None
    assert all(s.misses for s in found.variants)
    assert found.variants[1].verdict == "inconclusive"


def test_a_run_is_not_green_when_nothing_qualifies_on_the_rows_of_the_choice() -> None:
    open_ = ladder({"original": ("pass", None), "int8": ("inconclusive", "pass")}, rows=300)
    passes = ladder({"original": ("pass", None), "int8": ("pass", "pass")})
    found = frontier(Objective(), GATES, passes, open_, "300 rows")
    bound = binding(GATES, passes.gates, GROUPS, found)
    assert worst([r.verdict for r in bound if r.binding]) == "pass"
    (told,) = withheld(GATES, bound, found, plan())
    assert (told.verdict, told.binding, told.variant) == ("inconclusive", True, "int8")
    assert told.why == found.why
    # Where one qualifies, or something is red already, there is nothing to add.
    assert withheld(GATES, bound, frontier(Objective(), GATES, passes), plan()) == []
    red = ladder({"original": ("fail", None), "int8": ("inconclusive", "pass")})
    assert withheld(GATES, red.gates, frontier(Objective(), GATES, red), plan()) == []
