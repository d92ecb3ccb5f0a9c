"""The two limits that decide a gate, in words: what was measured is at least so much, at most so much.

All renderers print what is written here. A limit is rounded away from what was measured, with as many
decimals as it takes to stay on its side of what the gate asks, so that no figure contradicts the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...audit.result import AuditResult, Decided, GateResult
from .formats import (
    UNDEFINED,
    Kind,
    Limit,
    count,
    decimals_beside,
    figure,
    interval,
    outward,
    outward_decimals,
    usual_decimals,
)
from .language import clauses, language, tr
from .spoken import gate_kind, gate_limit, of_each

_SIZES: dict[Kind, Kind] = {"points": "gap", "signed": "number", "moved": "amount"}
"""How a difference is shown that has no sign: all but a change."""


@dataclass(frozen=True)
class DecidedFigures:
    """What was measured, and the limits that decide it; ``—`` where there are none."""

    measured: str
    limits: str


@dataclass(frozen=True)
class _End:
    """One decision limit: the value lies above it, or (``upper``) below it.

    ``fails``: the one that a failure needs, which holds for all claims of the gate together.
    """

    value: float
    upper: bool
    fails: bool


def decided_figures(gate: GateResult, part: Decided, result: AuditResult) -> DecidedFigures:
    """Write what a gate measured and its decision limits, as a whole or of one of its slices.

    A difference has the limits of its size. A gate that decides by the value has an interval instead.
    """
    kind, limit = gate_kind(gate, result.definitions), gate_limit(gate)
    if not decides_by_limits(gate):
        return _by_value(part, kind, limit)
    bound = None if limit is None else 1 / limit.value if part.inverse else limit.value
    ends = list(_ends(gate, part, fails_above=(limit is None or limit.upper) != part.inverse))
    shown = kind if gate.compare == "change" else _SIZES.get(kind, kind)
    least = usual_decimals(shown, part.measured, *(end.value for end in ends))
    places = max(
        decimals_beside([part.measured], None if bound is None else Limit("≤", bound), kind, least),
        *(outward_decimals(end.value, bound, shown, up=end.upper, least=least) for end in ends),
        0,
    )
    # English tells points once, with the first limit; a percentage has its sign each time.
    always = kind == "percent" or language() != "en"
    told = [_told(end, gate, shown, places, unit=always or end is ends[0]) for end in ends]
    limits = "".join(clauses(told)) or UNDEFINED
    if told and gate.approximate:
        limits = tr("{limits} (approximate)", limits=limits)
    return DecidedFigures(figure(part.measured, kind, decimals=places), limits)


def limits_beside(gate: GateResult, part: Decided, found: DecidedFigures) -> str:
    """Write the decision limits beside what was measured: those of a difference below 0 are of its size."""
    signed = gate.compare == "difference" and decides_by_limits(gate) and (part.measured or 0) < 0
    return (
        tr("in size {limits}", limits=found.limits) if signed and found.limits != UNDEFINED else found.limits
    )


def decides_by_limits(gate: GateResult) -> bool:
    """Whether a gate's limits decide it, and not its value: costs are decided by theirs."""
    return gate.decide == "proven" and gate.compare != "cost"


def _by_value(part: Decided, kind: Kind, limit: Limit | None) -> DecidedFigures:
    places = decimals_beside([part.measured, part.low, part.high], limit, kind)
    limits = interval(part.low, part.high, kind, decimals=places, unit=kind == "percent")
    told = UNDEFINED if limits == UNDEFINED else tr("interval {limits}", limits=limits)
    return DecidedFigures(figure(part.measured, kind, decimals=places), told)


def _ends(gate: GateResult, part: Decided, *, fails_above: bool) -> Iterator[_End]:
    low, high = part.low, part.high
    if gate.compare == "difference" and part.measured is not None and part.measured < 0:
        low, high = _negative(high), _negative(low)
    if gate.compare == "difference" and low is not None:
        low = max(low, 0.0)
    if low is not None and math.isfinite(low):
        yield _End(low, upper=False, fails=fails_above)
    if high is not None and math.isfinite(high):
        yield _End(high, upper=True, fails=not fails_above)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _told(end: _End, gate: GateResult, kind: Kind, places: int, *, unit: bool) -> str:
    value = outward(end.value, kind, up=end.upper, decimals=places, unit=unit)
    told = tr("at most {figure}", figure=value) if end.upper else tr("at least {figure}", figure=value)
    if not end.fails or gate.claims < 2:
        return told
    if gate.claims == len(gate.slices) and not of_each(gate):
        return tr("{end} (all {n} slices together)", end=told, n=count(gate.claims))
    return tr("{end} (all {n} comparisons together)", end=told, n=count(gate.claims))
