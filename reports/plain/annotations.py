"""The gates as annotations of a GitHub workflow: lines that its runner shows beside the change."""

from __future__ import annotations

from collections.abc import Mapping

from ...audit.result import AuditResult, GateResult, Verdict
from ..slices.gate_tables import GateRow, gate_rows
from ..words.formats import count
from ..words.lookup import in_own_words
from ..words.severity import severity
from ..words.spoken import plain, visible

Places = Mapping[str, tuple[str, int | None]]
"""Where each gate stands: its file, and its line where that is known."""

_LEVELS: dict[Verdict, str] = {"error": "error", "fail": "error", "inconclusive": "warning"}


MOST = 10
"""Annotations of one level that GitHub shows of a step; it drops the others without a word."""
LONGEST = 4_000
"""Characters of an annotation's message, before signs in it are escaped."""


@in_own_words
def render_annotations(result: AuditResult, places: Places) -> str:
    """Render one workflow command for each gate that does not pass, the worst first.

    A gate of a variant that is not to be released is a notice: it does not enter the verdict. Where there are
    more of one level than GitHub shows, the last one counts the rest.
    """
    found = sorted((gate for gate in result.gates if gate.verdict != "pass"), key=severity)
    commands: list[str] = []
    for level in dict.fromkeys(map(_level, found)):
        gates = [gate for gate in found if _level(gate) == level]
        shown = gates if len(gates) <= MOST else gates[: MOST - 1]
        rows = gate_rows(shown, result)
        commands += [_command(level, gate, row, places) for gate, row in zip(shown, rows, strict=True)]
        if len(shown) < len(gates):
            commands.append(_rest(level, len(gates) - len(shown)))
    return "".join(commands)


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


def _rest(level: str, more: int) -> str:
    whole = "GitHub shows 10 annotations of a level; all gates are in the report, JUnit and SARIF."
    return f"::{level} title=fairweigh%3A {_property(count(more))} more gates::{_data(whole)}\n"


def _command(level: str, gate: GateResult, row: GateRow, places: Places) -> str:
    file, line = places.get(gate.id, (None, None))
    title = f"fairweigh: {visible(gate.id)} {gate.verdict} ({visible(gate.variant)})"
    properties = {"title": title, "file": file, "line": line}
    told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    message = finding(gate, row)
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}..."
    return f"::{level} {told}::{_data(message)}\n"


def _data(text: str) -> str:
    """Escape a message as the runner reads it: see ``escapeData`` of actions/toolkit."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property's value, which ends at a comma and its command at a colon."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
