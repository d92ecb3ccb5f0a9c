"""The limits of gates and targets that charts of variants draw as lines."""

from __future__ import annotations

from ...audit.result import AuditResult, GateResult
from ..words.formats import Kind, Limit, read_limit
from ..words.language import say
from ..words.spoken import gate_title, metric_kind, plain
from ..words.worst_gap import gap_kind

Lines = list[tuple[float, str]]
"""Values and what they are."""


def gap_limits(result: AuditResult) -> Lines:
    """The limits on gaps that the axis can show: those that no passing variant lies beyond.

    A gate may speak of one feature where the largest gap lies in another; its line would mislead.
    """
    frontier = result.frontier
    if frontier is None:
        return []
    highest = max((s.worst_gap or 0.0 for s in frontier.variants if s.verdict == "pass"), default=0.0)
    found: dict[float, str] = {}
    for gate in result.gates:
        limit = read_limit(gate.limit)
        judged = gate.compare == "difference" and gate.metric in frontier.gaps
        if judged and limit is not None and limit.upper and limit.value >= highest:
            found.setdefault(limit.value, _told(gate, limit, gap_kind(result), result))
    return sorted(found.items())


def performance_limits(result: AuditResult) -> Lines:
    """What gates and targets ask of the performance over all rows."""
    frontier = result.frontier
    if frontier is None:
        return []
    kind = metric_kind(frontier.performance, result.definitions)
    found: dict[float, str] = {}
    for gate in result.gates:
        limit = read_limit(gate.limit)
        whole = gate.compare == "value" and not gate.by and not gate.slice
        if whole and gate.metric == frontier.performance and limit is not None:
            found.setdefault(limit.value, _told(gate, limit, kind, result))
    return sorted(found.items())


def _told(gate: GateResult, limit: Limit, kind: Kind, result: AuditResult) -> str:
    asked = f"{limit.operator} {limit.words(kind)}"
    return plain(say("{gate}: {limit}", gate=gate_title(gate, result.definitions), limit=asked))


def within_reach(limits: Lines, values: list[float], *, lower: bool = False) -> tuple[Lines, list[str]]:
    """Part the limits that can be drawn from those that all keep by so much that they would flatten them.

    ``lower``: the limits bound from below.
    """
    least, most = min(values), max(values)
    far = [value < 2 * least - most if lower else value > 2 * most - least for value, _ in limits]
    drawn = [one for one, beyond in zip(limits, far, strict=True) if not beyond]
    return drawn, [text for (_, text), beyond in zip(limits, far, strict=True) if beyond]
