"""The gates as annotations of a GitHub workflow: lines that its runner shows beside the change."""

from __future__ import annotations

from collections.abc import Mapping

from ..audit.result import AuditResult, GateResult, Verdict
from .gate_tables import GateRow, gate_rows
from .words import plain, visible

Places = Mapping[str, tuple[str, int | None]]
"""Where each gate stands: its file, and its line where that is known."""

_LEVELS: dict[Verdict, str] = {"error": "error", "fail": "error", "inconclusive": "warning"}


def render_annotations(result: AuditResult, places: Places) -> str:
    """Render one workflow command for each gate that does not pass, the worst first.

    A gate of a variant that is not to be released is a notice: it does not enter the verdict.
    """
    rows = zip(result.gates, gate_rows(result.gates, result), strict=True)
    found = [(_level(gate), gate, row) for gate, row in rows if gate.verdict != "pass"]
    order = ("error", "warning", "notice")
    found.sort(key=lambda item: order.index(item[0]))
    return "".join(_command(level, gate, row, places) for level, gate, row in found)


def finding(gate: GateResult, row: GateRow) -> str:
    """Write what a gate found in one plain sentence or two."""
    needed = f" R{row.head.rows[1:]}." if row.head.rows else ""
    slices = f" in {plain(row.head.slices)}" if gate.slice else ""
    return (
        f"{row.head.words}: {plain(row.title)}, {plain(row.limit)}{slices}: {row.head.figures}. "
        f"{visible(gate.why)}{needed}"
    )


def _level(gate: GateResult) -> str:
    return _LEVELS[gate.verdict] if gate.binding else "notice"


def _command(level: str, gate: GateResult, row: GateRow, places: Places) -> str:
    file, line = places.get(gate.id, (None, None))
    title = f"fairweigh: {visible(gate.id)} {gate.verdict} ({visible(gate.variant)})"
    properties = {"title": title, "file": file, "line": line}
    told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{level} {told}::{_data(finding(gate, row))}\n"


def _data(text: str) -> str:
    """Escape a message as the runner reads it: see ``escapeData`` of actions/toolkit."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property's value, which ends at a comma and its command at a colon."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
