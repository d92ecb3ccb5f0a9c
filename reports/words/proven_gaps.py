"""Differences that limits prove, of metrics for which no test of no difference is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...audit.result import USABLE, AuditResult, Disparity, Variant, figures_compared
from .lookup import binding_gates


def proven_gaps(metrics: Sequence[str], variant: Variant, result: AuditResult) -> list[Disparity]:
    """Select the largest difference of each metric whose limits for all slices of a feature leave out 0.

    Differences that a gate limits are judged already, and left out.
    """
    largest = (max(_proven(variant, metric, result), key=_size, default=None) for metric in metrics)
    return [gap for gap in largest if gap is not None]


def _size(gap: Disparity) -> float:
    return abs(gap.value or 0.0)


def _proven(variant: Variant, metric: str, result: AuditResult) -> Iterator[Disparity]:
    gated = {
        by
        for gate in binding_gates(result)
        if gate.variant == variant.name
        for by in gate.by
        if metric in figures_compared(gate.metric, result.definitions)
    }
    for item in variant.disparities:
        low, high = item.simultaneous_low, item.simultaneous_high
        alone = item.scope == "reference" and item.compare == "difference" and len(item.by) == 1
        if item.metric != metric or item.view is not None or not alone or item.status not in USABLE:
            continue
        if low is not None and high is not None and (low > 0 or high < 0) and item.by[0] not in gated:
            yield item
