"""The rows of the gates table, which all renderers print."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit.result import AuditResult, GateResult
from .formats import count, decimals_beside, figure, interval
from .language import say, tr
from .retold import retold
from .words import (
    Sentence,
    compared_slices,
    fails_by_inverse,
    gate_kind,
    gate_limit,
    gate_limit_words,
    gate_title,
    slice_name,
    verdict_words,
)


@dataclass(frozen=True)
class GateLine:
    """A gate, or what it found for one slice, as the gates table prints it."""

    slices: Sentence
    measured: str
    interval: str
    verdict: str
    words: str
    rows_needed: str
    why: Sentence
    n: str = ""


@dataclass(frozen=True)
class GateRow:
    """A gate with its title, limit, decided line and the lines of its slices."""

    id: str
    title: Sentence
    limit: Sentence
    decide: str
    variant: str
    by_inverse: bool
    head: GateLine
    lines: list[GateLine]
    left_out: list[Sentence]


def gate_rows(gates: list[GateResult], result: AuditResult) -> list[GateRow]:
    """Lay out gates in the policy's order."""
    return [_gate_row(gate, result) for gate in gates]


def _gate_row(gate: GateResult, result: AuditResult) -> GateRow:
    kind = gate_kind(gate, result.definitions)
    limit = gate_limit(gate)

    def shown(measured: float | None, low: float | None, high: float | None) -> tuple[str, str]:
        places = decimals_beside([measured, low, high], limit, kind)
        limits = interval(low, high, kind, decimals=places, unit=kind == "percent")
        return figure(measured, kind, decimals=places), limits

    whole = say("whole model")
    head = GateLine(
        whole if gate.compare == "cost" else compared_slices(gate.slice, gate.reference),
        *shown(gate.measured, gate.low, gate.high),
        gate.verdict,
        verdict_words(gate.verdict),
        count(gate.rows_needed),
        retold(gate.why),
    )
    lines = [
        GateLine(
            compared_slices(line.slice, line.reference),
            *shown(line.measured, line.low, line.high),
            line.verdict,
            verdict_words(line.verdict),
            count(line.rows_needed),
            retold(line.why) if line.why else (),
            count(line.n),
        )
        for line in gate.slices
    ]
    return GateRow(
        gate.id,
        gate_title(gate, result.definitions),
        gate_limit_words(gate, result.definitions),
        tr("limits must prove it") if gate.decide == "proven" else tr("the point value decides"),
        gate.variant,
        fails_by_inverse(gate),
        head,
        lines,
        [slice_name(part) for part in gate.left_out],
    )
