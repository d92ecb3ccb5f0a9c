"""Which differences a gate limits, under whatever name it speaks of them."""

from __future__ import annotations

from ...audit.result import AuditResult, Found, GateResult, figures_compared
from .lookup import binding_gates
from .spoken import of_each


def figure_told(metric: str, result: AuditResult) -> str:
    """Name the figure that a metric tells: of one figure told two ways, such as a rate and its rest, one."""
    definition = result.definitions.get(metric)
    return metric if definition is None else definition.mirror or metric


def is_limited(found: Found, result: AuditResult) -> bool:
    """Whether a binding gate limits how far the slices lie apart in this rate."""
    told = figure_told(found.metric, result)
    return any(
        frozenset(gate.by) == frozenset(found.by)
        and (gate.view == found.view or of_each(gate))
        and told in _compared(gate, result)
        for gate in binding_gates(result)
    )


def _compared(gate: GateResult, result: AuditResult) -> list[str]:
    """The figures whose differences between slices a gate limits: none where it limits values or changes."""
    figures = figures_compared(gate.metric, result.definitions)
    if figures != [gate.metric]:
        return figures
    return [figure_told(gate.metric, result)] if gate.compare in ("difference", "ratio") else []
