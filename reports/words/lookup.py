"""Which parts of a result belong to a variant: its comparison, its place on the ladder, its gates."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from ...audit.result import (
    AuditResult,
    Comparison,
    Cost,
    Estimate,
    Frontier,
    GateResult,
    Slice,
    Standing,
    Timing,
    Variant,
)
from .language import Called, writing

P = ParamSpec("P")


def own_words(result: AuditResult) -> Called:
    """What the configuration calls people and rows."""
    told = result.configuration.get("report") or {}
    return Called(told.get("labels") or {}, told.get("unit") or "")


def in_own_words(
    render: Callable[Concatenate[AuditResult, P], str],
) -> Callable[Concatenate[AuditResult, P], str]:
    """Let a renderer of English text call people and rows as the configuration does."""

    @wraps(render)
    def rendered(result: AuditResult, /, *args: P.args, **kwargs: P.kwargs) -> str:
        with writing("en", own_words(result)):
            return render(result, *args, **kwargs)

    return rendered


LABELS_ONLY = "labels only"
"""Kind of the model where there is none."""


def binding_gates(result: AuditResult) -> list[GateResult]:
    """Select the gates that enter the run's verdict."""
    return [gate for gate in result.gates if gate.binding]


def gates_for_information(result: AuditResult, variant: str) -> list[GateResult]:
    """Select a variant's gates that do not enter the run's verdict."""
    return [gate for gate in result.gates if gate.variant == variant and not gate.binding]


def is_comparison(result: AuditResult) -> bool:
    """Whether two runs are compared, each with a model of its own."""
    return sum(variant.kind == "original" for variant in result.variants) > 1


def has_labels_alone(result: AuditResult) -> bool:
    """Whether there is no model in the run: no decision and no score, and so nothing selects."""
    return bool(result.variants) and all(v.model.kind == LABELS_ONLY for v in result.variants)


def has_labels(result: AuditResult) -> bool:
    """Whether the rows carry labels, outcomes or relevances: a figure of them was measured."""
    return bool(result.data.label) or any("label" in one.needs for one in result.definitions.values())


def told_of(result: AuditResult) -> Variant | None:
    """Find the variant that the verdict speaks of, whose findings and slices are told.

    In a result that is not finished yet the original, or the later of two runs.
    """
    if result.front is not None:
        return variant_named(result, result.front.verdict_of)
    if not result.variants:
        return None
    return result.variants[-1 if is_comparison(result) else 0]


def variant_named(result: AuditResult, name: str) -> Variant | None:
    """Find a variant."""
    return next((variant for variant in result.variants if variant.name == name), None)


def figure_of(
    variant: Variant | None, part: Slice | None, metric: str, view: str | None = None
) -> float | None:
    """Find a metric's value in a slice, or in all rows; None where there is none."""
    found = estimate_of(variant, part, metric, view)
    return found.value if found is not None else None


def estimate_of(
    variant: Variant | None, part: Slice | None, metric: str, view: str | None = None
) -> Estimate | None:
    """Find a metric in a slice, or in all rows, of a class where ``view`` names one; None without it."""
    if variant is None or part is None:
        return None
    row = next((row for row in variant.slices if row.slice == part), None) if part else None
    if part and row is None:
        return None
    metrics, views = (variant.overall, variant.overall_views) if row is None else (row.metrics, row.views)
    return (metrics if view is None else views.get(view, {})).get(metric)


def comparison_of(result: AuditResult, name: str) -> Comparison | None:
    """Find what a variant is compared with: the first variant of the run where it can be, else another."""
    found = [item for item in result.comparisons if item.after == name]
    first = result.variants[0].name if result.variants else ""
    return next((item for item in found if item.before == first), found[0] if found else None)


def standing_of(frontier: Frontier | None, name: str, *, selection: bool = False) -> Standing | None:
    """Find a variant's place on the ladder, on the evaluation rows or on the selection split."""
    if frontier is None:
        return None
    standings = frontier.selection if selection else frontier.variants
    return next((standing for standing in standings if standing.variant == name), None)


def released(result: AuditResult) -> str | None:
    """Name the recommended variant, or the nearest when that is none or the first one itself."""
    if result.frontier is None:
        return None
    first = result.variants[0].name if result.variants else None
    recommended = result.frontier.recommended
    return recommended if recommended not in (None, first) else result.frontier.nearest


def audit_timing(cost: Cost | None) -> Timing | None:
    """Find the timing at the audit's batch, which is the largest that was timed."""
    return max(cost.timings, key=lambda timing: timing.batch) if cost and cost.timings else None


def has_ladder(result: AuditResult) -> bool:
    """Whether there is more to say than one model: variants compared, a frontier, or recipes that failed."""
    return bool(result.comparisons or result.frontier or result.failed)


def performance_of(result: AuditResult) -> str:
    """Name the metric that stands for performance: the objective's, else the first that the variants have."""
    if result.frontier is not None:
        return result.frontier.performance
    names = result.variants[0].overall if result.variants else {}
    return next((name for name in (*result.priorities.performance, *names) if name in names), "")


def cheaper_needs(result: AuditResult, name: str) -> bool:
    """Whether a cheaper variant passes too, and was not chosen since it needs a sensitive feature."""
    frontier = result.frontier
    mine = standing_of(frontier, name)
    if frontier is None or mine is None:
        return False
    needing = {v.name for v in result.variants if v.recipe is not None and v.recipe.needs}
    return name not in needing and any(
        s.variant in needing and s.verdict == "pass" and s.cost < mine.cost for s in frontier.variants
    )
