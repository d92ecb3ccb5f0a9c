"""Which differences a gate limits, under whatever name it speaks of them."""

from __future__ import annotations

from ..audit.result import AuditResult, Found, GateResult
from .lookup import binding_gates

_SAME_AS = {
    "false_negative_rate": "true_positive_rate",
    "true_negative_rate": "false_positive_rate",
    "error_rate": "accuracy",
    "false_discovery_rate": "precision",
    "false_omission_rate": "negative_predictive_value",
}
NAMED = {
    "demographic_parity": ("selection_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity": ("true_positive_rate",),
    "predictive_parity": ("precision",),
    "accuracy_parity": ("accuracy",),
}
"""Named disparities and the rates whose differences they are."""


def figure_told(metric: str) -> str:
    """Name the figure that a metric tells: of one figure told two ways, such as a rate and its rest, one."""
    return _SAME_AS.get(metric, metric)


def is_limited(found: Found, result: AuditResult) -> bool:
    """Whether a binding gate limits how far the slices lie apart in this rate."""
    return any(
        frozenset(gate.by) == frozenset(found.by) and figure_told(found.metric) in _compared(gate)
        for gate in binding_gates(result)
    )


def _compared(gate: GateResult) -> tuple[str, ...]:
    """The figures whose differences between slices a gate limits: none where it limits values or changes."""
    name, _, form = gate.metric.rpartition("_")
    if form in ("difference", "ratio") and name in NAMED:
        return NAMED[name]
    return (figure_told(gate.metric),) if gate.compare in ("difference", "ratio") else ()
