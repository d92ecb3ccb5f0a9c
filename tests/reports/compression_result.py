"""A ladder of compressed variants to render, and two audits compared.

The decisions before are the real counts of COMPAS (see ``conftest``). What each variant flips is planted,
at a rate per variant and twice that rate in one slice, and every figure of a comparison follows from the
joint counts. Costs are those of ``recipes``.
"""

from __future__ import annotations

from typing import Any

from fairweigh.audit.result import (
    AuditResult,
    Comparison,
    Cost,
    Counterfactual,
    Estimate,
    Failed,
    Frontier,
    Gap,
    GateResult,
    GateSlice,
    Identified,
    ModelInfo,
    Recipe,
    SelfFlips,
    Standing,
    Variant,
)
from statsmodels.stats.proportion import proportion_confint

from .conftest import COMPAS, RATES, build
from .paired import Cells, after, comparison
from .recipes import PLANS, Plan, cost, joints, layers, step


def _change_gates(item: Comparison, costs: Cost, *, binding: bool) -> list[GateResult]:
    gaps = [
        c for c in item.gap_changes if c.metric == "false_positive_rate" and c.by == ["race"]
        and c.status == "ok"
    ]  # fmt: skip
    worst = max(gaps, key=lambda c: c.worse_high or 0)
    assert worst.worse_low is not None
    assert worst.worse_high is not None
    verdict = "pass" if worst.worse_high <= 0.03 else "fail" if worst.worse_low > 0.03 else "inconclusive"
    lines = [
        GateSlice(slice=c.slice, reference=c.reference, measured=c.worse, low=c.worse_low, high=c.worse_high,
                  n=100, verdict="pass" if (c.worse_high or 0) <= 0.03 else "inconclusive")
        for c in gaps
    ]  # fmt: skip
    accuracy = next(c for c in item.changes if c.metric == "accuracy" and not c.slice)
    kept = "pass" if accuracy.low >= -0.01 else "fail" if accuracy.high < -0.01 else "inconclusive"
    shared: dict[str, Any] = {"variant": item.after, "binding": binding}
    return [
        GateResult(
            id="fpr-race-change", metric="false_positive_rate", by=["race"], compare="change",
            limit="<= 0.03", decide="proven", verdict=verdict, measured=worst.worse, low=worst.worse_low,
            high=worst.worse_high, slice=worst.slice, reference=worst.reference, slices=lines,
            why="The interval of the change is compared with the limit.",
            rows_needed=52_000 if verdict == "inconclusive" else None, **shared,
        ),
        GateResult(
            id="accuracy-change", metric="accuracy", compare="change", limit=">= -0.01", decide="proven",
            verdict=kept, measured=accuracy.value, low=accuracy.low, high=accuracy.high,
            why="The interval of the change is compared with the limit.", **shared,
        ),
        GateResult(
            id="storage", metric="storage", compare="cost", limit="<= 0.5", decide="point",
            verdict="pass" if costs.storage <= 0.5 else "fail", measured=costs.storage,
            why=f"The measured ratio is {costs.storage:.2f}.", **shared,
        ),
    ]  # fmt: skip


def _value_gate(variant: Variant, *, binding: bool) -> GateResult:
    found = variant.overall["accuracy"]
    return GateResult(
        id="accuracy", metric="accuracy", compare="value", limit=">= 0.6", decide="proven",
        variant=variant.name, binding=binding, verdict="pass" if found.low >= 0.6 else "fail",
        measured=found.value, low=found.low, high=found.high,
        why="The lower limit is compared with 0.6.",
    )  # fmt: skip


def _gap_gate(variant: Variant, *, binding: bool) -> GateResult:
    found = max(
        (
            d for d in variant.disparities
            if d.metric == "true_positive_rate" and d.by == ["race"] and d.compare == "difference"
            and d.status == "ok"
        ),
        key=lambda d: abs(d.value or 0),
    )  # fmt: skip
    assert found.value is not None
    return GateResult(
        id="tpr-race", metric="true_positive_rate", by=["race"], compare="difference", limit="<= 0.4",
        decide="point", variant=variant.name, binding=binding,
        verdict="pass" if abs(found.value) <= 0.4 else "fail", measured=found.value, low=found.low,
        high=found.high, slice=found.slice or {}, reference=found.reference,
        why="The measured difference is compared with 0.4.",
    )  # fmt: skip


def _standing(variant: Variant, gates: list[GateResult], flips: float | None, shift: float = 0.0) -> Standing:
    gaps = [
        d for d in variant.disparities
        if d.compare == "difference" and d.scope == "reference" and d.status == "ok" and len(d.by) == 1
        and d.metric in ("true_positive_rate", "false_positive_rate")
    ]  # fmt: skip
    worst = max(gaps, key=lambda d: abs(d.value))
    missed = [gate for gate in gates if gate.verdict != "pass"]
    order = ("error", "fail", "inconclusive", "pass")
    costs = variant.cost
    return Standing(
        variant=variant.name,
        cost=costs.storage + costs.compute if costs else 2.0,
        performance=variant.overall["accuracy"].value + shift,
        worst_gap=abs(worst.value) + shift,
        worst_gap_what=f"{worst.metric}, {_word(worst.slice)} against {_word(worst.reference)}",
        worst_gap_of=Gap(metric=worst.metric, slice=worst.slice or {}, reference=worst.reference or {}),
        mean_gap=sum(abs(d.value) for d in gaps) / len(gaps) + shift,
        flip_rate=flips,
        verdict=min((gate.verdict for gate in gates), key=order.index),
        misses=[gate.id for gate in missed],
    )


def _word(part: dict[str, str] | None) -> str:
    return " & ".join(f"{column}={value}" for column, value in (part or {}).items())


def _frontier(standings: list[Standing]) -> list[Standing]:
    """Mark those that no other beats on both cost and largest gap."""

    def beaten(one: Standing) -> bool:
        return any(
            other.cost <= one.cost and other.worst_gap <= one.worst_gap and other is not one
            for other in standings
        )

    return [one.model_copy(update={"on_frontier": not beaten(one)}) for one in standings]


def compressed_variant(plan: Plan, cells: Cells, columns: list[str]) -> Variant:
    base = build(cells, columns).variants[0]
    pruned = "prune" in plan.name
    recipe = Recipe(
        steps=plan.steps,
        layers=layers(0.5) if pruned or "int8" in plan.name else [],
        artefact=f"variants/{plan.name}",
        sha256="9f86d081884c7d65" * 4,
        trained_on="67,349 rows of the training split" if plan.steps[-1].recipe == "finetune" else None,
        reload="Loaded in a fresh process: 7,214 of 7,214 decisions equal, scores equal to the last bit.",
    )
    return base.model_copy(
        update={
            "name": plan.name,
            "kind": "compressed",
            "parent": "original",
            "recipe": recipe,
            "cost": cost(plan.storage, plan.compute, theoretical=plan.theoretical),
            "self_flips": SelfFlips(rows=2000, flips=3, rate=0.0015, low=0.0005, high=0.0044,
                                    largest_score_change=0.0312, batching="batches of 17 in reverse order"),
            "model": ModelInfo.model_validate(
                {"kind": "variant", "batching": {"rows": 64, "tokens": 8192, "padding": "longest"}}
            ),
        }
    )  # fmt: skip


def twins(names: list[str]) -> list[Counterfactual]:
    """Score gaps of the order that EEC shows for sentiment models: 0.01 to 0.04 between names."""
    found = []
    for k, name in enumerate(names):
        for feature, one, other, gap in (
            ("gender", "female", "male", 0.011 + 0.002 * k),
            ("race", "African-American", "European", -0.018 - 0.003 * k),
        ):
            n = 1440
            low, high = proportion_confint(41 + 6 * k, n, method="wilson")
            found.append(
                Counterfactual(
                    variant=name, feature=feature, one=one, other=other, groups=144,
                    score_gap=Estimate(value=gap, low=gap - 0.006, high=gap + 0.006, n=144, method="t"),
                    largest_gap=0.21, pairs=n,
                    flips=Estimate(value=(41 + 6 * k) / n, low=low, high=high, n=n, method="wilson"),
                    favour_one=30 + k if gap > 0 else 11, favour_other=11 + 5 * k,
                )
            )  # fmt: skip
    return found


def compressed_result(
    plans: tuple[Plan, ...] = PLANS,
    *,
    cells: Cells = COMPAS,
    recommended: str | None = "onnx-int8",
    **changes: Any,
) -> AuditResult:
    """A run of several recipes, one of them failed."""
    columns = ["race", "sex"]
    first = build(cells, columns).variants[0].model_copy(update={"cost": cost(1.0, 1.0)})
    variants, comparisons = [first], []
    gates = [_gap_gate(first, binding=True), _value_gate(first, binding=True)]
    standings = [_standing(first, gates, None)]
    for plan in plans:
        planted = joints(plan, cells)
        variant = compressed_variant(plan, after(cells, planted), columns)
        item = comparison(plan.name, cells, planted)
        binding = plan.name == recommended
        own = [
            _gap_gate(variant, binding=binding),
            _value_gate(variant, binding=binding),
            *_change_gates(item, variant.cost, binding=binding),
        ]
        variants.append(variant)
        comparisons.append(item)
        gates += own
        standings.append(_standing(variant, own, item.overall.rate))
    selection = [
        one.model_copy(
            update={
                "performance": one.performance - 0.004,
                "worst_gap": one.worst_gap + 0.006,
                "flip_rate": None if one.flip_rate is None else one.flip_rate + 0.0011,
            }
        )
        for one in standings
    ]
    frontier = Frontier(
        performance="accuracy",
        gaps=["true_positive_rate", "false_positive_rate"],
        weights={"compute": 1.0, "storage": 1.0},
        targets={"accuracy": ">= 0.64", "agreement": ">= 0.9"},
        recommended=recommended,
        nearest=None if recommended else plans[0].name,
        why="The cheapest of the variants that pass every gate and target on the selection rows."
        if recommended
        else "No variant passes every gate on the selection rows.",
        selected_on="the 3,120 rows of split 'selection'",
        selection_rows=3120,
        selection=_frontier(selection),
        variants=_frontier(standings),
    )
    identified = Identified(
        rows=611,
        file="identified.parquet",
        composition=[
            {"slice": flip.slice, "n": flip.n, "identified": flip.flips, "share": flip.rate,
             "ratio": flip.ratio}
            for flip in comparisons[0].flips
        ],
    )  # fmt: skip
    everything: dict[str, Any] = {
        "title": "A score of reoffending, compressed",
        "variants": variants,
        "comparisons": comparisons,
        "failed": [
            Failed(name="int4-weight", steps=[step("int4-weight", "")],
                   why="int4-weight needs CUDA: on a CPU torchao runs it 28 to 58 times slower.")
        ],
        "frontier": frontier,
        "identified": identified,
        "counterfactuals": twins([variant.name for variant in variants]),
        "verdict": "pass" if recommended else "fail",
    }  # fmt: skip
    return build(cells, columns, gates=gates, **{**everything, **changes})


def unreleased_result() -> AuditResult:
    """A run in which nothing qualifies: every variant misses the limit on storage or on accuracy."""
    missing = ("int8-dynamic", "prune-magnitude-0.9", "prune-structured-0.5", "distill-3")
    return compressed_result(tuple(p for p in PLANS if p.name in missing), recommended=None)


def hostile_compression(names: tuple[str, ...]) -> AuditResult:
    """Variants, slices, layers and reasons with the given names."""
    cells: Cells = {
        (name, sex): (40, 20, 10 + k, 50) for k, name in enumerate(names) for sex in ("Female", "Male")
    }
    plans = tuple(
        Plan(f"{name} {k}", 0.4, 0.5, 0.2, 0.1, (name,), [step(name, name, (name,), **{name: [name]})])
        for k, name in enumerate(names[:4])
    )
    result = compressed_result(plans, cells=cells, recommended=plans[0].name)
    first, *others = result.variants
    changed = [
        variant.model_copy(
            update={
                "recipe": variant.recipe.model_copy(
                    update={
                        "layers": [
                            layer.model_copy(update={"name": name, "encoding": name})
                            for layer, name in zip(layers(0.5), names, strict=False)
                        ],
                        "reload": names[0],
                        "trained_on": names[1],
                    }
                ),
                "model": ModelInfo.model_validate({names[0]: {names[2]: [names[8]]}}),
            }
        )
        for variant in others
        if variant.recipe is not None
    ]
    twin = result.counterfactuals[0].model_copy(
        update={"feature": names[0], "one": names[8], "other": names[5]}
    )
    failed = Failed(name=names[0], steps=[], why=names[8])
    frontier = result.frontier
    assert frontier is not None
    told = frontier.model_copy(
        update={
            "why": names[0],
            "selected_on": names[8],
            "variants": [
                s.model_copy(update={"worst_gap_what": names[0], "worst_gap_of": None})
                for s in frontier.variants
            ],
        }
    )
    return result.model_copy(
        update={
            "variants": [first, *changed],
            "counterfactuals": [twin],
            "failed": [failed],
            "frontier": told,
        }
    )


def compared_result() -> AuditResult:
    """Two audits of the same rows, whoever made the models: no cost, no recipe, no frontier."""
    planted = joints(PLANS[0], COMPAS)
    variants = [
        build(cells, ["race", "sex"]).variants[0].model_copy(update={"name": name})
        for name, cells in (("march", COMPAS), ("april", after(COMPAS, planted)))
    ]
    item = comparison("april", COMPAS, planted, before="march")
    return build(COMPAS, ["race", "sex"], variants=variants, comparisons=[item], title="march against april")


def wide_result(slices: int = 100, variants: int = 10, metrics: int = 15) -> AuditResult:
    """Many slices, metrics and variants: how large does the report become."""
    cells: Cells = {
        (f"group {k:03}", "Female" if k % 2 else "Male"): (40 + k % 9, 20, 15, 60) for k in range(slices)
    }
    plans = tuple(
        Plan(f"prune-{k}", 1 - k / (variants + 2), 1 - k / (variants + 3), 0.02 + 0.01 * k, 0.02,
             (f"group {k:03}",), [step("prune-magnitude", "weights set to 0", amount=k / 10)])
        for k in range(1, variants)
    )  # fmt: skip
    result = compressed_result(plans, cells=cells, recommended="prune-3")
    extra = [f"metric_{k}" for k in range(metrics - len(RATES))]
    wide = [_wider(variant, extra) for variant in result.variants]
    comparisons = [_wider_changes(item, extra) for item in result.comparisons]
    return result.model_copy(update={"variants": wide, "comparisons": comparisons})


def _wider(variant: Variant, extra: list[str]) -> Variant:
    rows = [
        row.model_copy(update={"metrics": row.metrics | dict.fromkeys(extra, row.metrics["accuracy"])})
        for row in variant.slices
    ]
    overall = variant.overall | dict.fromkeys(extra, variant.overall["accuracy"])
    return variant.model_copy(update={"slices": rows, "overall": overall})


def _wider_changes(item: Comparison, extra: list[str]) -> Comparison:
    base = [c for c in item.changes if c.metric == "accuracy"]
    gaps = [c for c in item.gap_changes if c.metric == "accuracy"]
    more = [c.model_copy(update={"metric": name}) for name in extra for c in base]
    wider = [c.model_copy(update={"metric": name}) for name in extra for c in gaps]
    return item.model_copy(update={"changes": item.changes + more, "gap_changes": item.gap_changes + wider})
