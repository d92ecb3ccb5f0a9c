"""Gates that do not pass, in the plain lines of a test's failure."""

from __future__ import annotations

from collections.abc import Sequence

from ...audit.result import AuditResult, GateResult, Slice
from ..page.finding_words import gate_finding
from ..slices.gate_tables import GateLine, GateRow, gate_rows
from ..words.formats import UNDEFINED, count, figure, interval
from ..words.lookup import estimate_of, in_own_words, variant_named
from ..words.spoken import metric_kind, of_each, plain, slice_name, visible

MOST_SLICES = 20


@in_own_words
def render_assertion(result: AuditResult, gates: Sequence[GateResult], folder: str | None = None) -> str:
    """Write what gates found that do not pass: slices, figures, decision limits, rows needed.

    Parameters
    ----------
    gates
        Of the result; at least one, none of which passes.
    folder
        The run folder, where it can be looked at.
    """
    lines: list[str] = []
    for gate, row in zip(gates, gate_rows(list(gates), result), strict=True):
        lines += _gate(gate, row, result)
    held = "in memory" if result.data.source == "in memory" else f"of {visible(result.data.name)}"
    rows = f"{count(result.data.rows)} rows {held}"
    lines.append(f"audit {visible(result.audit)}, {rows}" + (f"; {visible(folder)}" if folder else ""))
    return "\n".join(lines)


def _gate(gate: GateResult, row: GateRow, result: AuditResult) -> list[str]:
    of = f" [{visible(gate.variant)}]" if len(result.variants) > 1 else ""
    found = gate_finding(gate, result)
    lines = [
        f"{row.head.words}: {plain(row.title)}: {plain(row.limit)}{of}",
        f"{plain(found.lead)} {plain(found.rest)}",
    ]
    if gate.slices:
        told = sorted((part for part in row.lines if part.verdict != "pass"), key=_worst)
        lines += [f"  {_compared(part)}" for part in told[:MOST_SLICES]]
        if len(told) > MOST_SLICES:
            lines.append(f"  and {len(told) - MOST_SLICES} more slices")
        lines += [f"  {line}" for line in _figures(gate, result)]
    if row.left_out:
        lines.append("  left out as small or unknown: " + "; ".join(map(plain, row.left_out)))
    return lines


def _worst(part: GateLine) -> int:
    return ("fail", "error", "inconclusive").index(part.verdict)


def _compared(part: GateLine) -> str:
    limits = "" if part.limits == UNDEFINED else f"; {part.limits}"
    needed = f"; {part.rows}" if part.rows else ""
    why = f" ({plain(part.why)})" if part.verdict == "error" else ""
    return f"{part.words}  {plain(part.slices)}: {part.measured}{limits}{needed}{why}"


def _figures(gate: GateResult, result: AuditResult) -> list[str]:
    """The metric itself in each slice that a line above names."""
    if gate.compare not in ("difference", "ratio") or of_each(gate):
        return []
    named: list[Slice] = []
    for part in gate.slices:
        if part.verdict != "pass":
            named += [s for s in (part.reference, part.slice) if s is not None and s not in named]
    variant = variant_named(result, gate.variant)
    kind = metric_kind(gate.metric, result.definitions)
    lines = []
    for measured in variant.slices if variant else []:
        estimate = estimate_of(variant, measured.slice, gate.metric, gate.view)
        if measured.slice in named[: MOST_SLICES + 1] and estimate is not None:
            limits = interval(estimate.low, estimate.high, kind)
            name = plain(slice_name(measured.slice))
            lines.append(f"{name}: {figure(estimate.value, kind)} ({limits}), n = {count(estimate.n)}")
    return lines
