"""Which differences a gate limits, under whatever name it speaks of them."""

from __future__ import annotations

from ...audit.result import AuditResult, Found, GateResult, Variant, figures_compared
from .lookup import binding_gates, figure_of
from .spoken import of_each


def figure_told(metric: str, result: AuditResult) -> str:
    """Name the figure that a metric tells: of one figure told two ways, such as a rate and its rest, one."""
    definition = result.definitions.get(metric)
    return metric if definition is None else definition.mirror or metric


def judged_figure(gate: GateResult, variant: Variant | None, result: AuditResult) -> str:
    """The figure that a gate's slices lie furthest apart in: of equalized odds one of two, else its own."""
    figures = figures_compared(gate.metric, result.definitions)
    if figures == [gate.metric] or gate.reference is None:
        return gate.metric
    ratio = gate.metric.endswith("_ratio")

    def apart(name: str) -> float:
        here, there = (figure_of(variant, part, name, gate.view) for part in (gate.slice, gate.reference))
        if here is None or there is None:
            return -1.0
        return 1 - min(here, there) / (max(here, there) or 1.0) if ratio else abs(here - there)

    furthest = max(figures, key=apart)
    return furthest if apart(furthest) >= 0 else gate.metric


def is_limited(found: Found, result: AuditResult, variant: str | None = None) -> bool:
    """Whether a binding gate limits how far the slices lie apart in this rate.

    Parameters
    ----------
    variant
        That the gate is to speak of; None: any.
    """
    told = figure_told(found.metric, result)
    return any(
        frozenset(gate.by) == frozenset(found.by)
        and (gate.view == found.view or of_each(gate))
        and told in _compared(gate, result)
        for gate in binding_gates(result)
        if variant in (None, gate.variant)
    )


def _compared(gate: GateResult, result: AuditResult) -> list[str]:
    """The figures whose differences between slices a gate limits: none where it limits values or changes."""
    figures = figures_compared(gate.metric, result.definitions)
    if figures != [gate.metric]:
        return figures
    return [figure_told(gate.metric, result)] if gate.compare in ("difference", "ratio") else []
