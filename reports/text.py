"""A result in a few plain lines, for the terminal."""

from __future__ import annotations

from ..audit.result import AuditResult
from .findings import findings
from .gate_tables import gate_rows
from .words import plain, verdict_reason, verdict_words, visible


def render_text(result: AuditResult) -> str:
    """Render verdict, gates and findings."""
    lines = [f"{verdict_words(result.verdict)}: {visible(result.title)}. {verdict_reason(result)}"]
    for row in gate_rows(result):
        parts = [plain(row.title), plain(row.head.slices), plain(row.limit)]
        measured = f"measured {row.head.measured} ({row.head.interval})"
        needed = f"; rows needed: {row.head.rows_needed}" if row.head.rows_needed != "—" else ""
        lines.append(f"  {row.head.words}  {', '.join(p for p in parts if p)}: {measured}{needed}")
    lines += [f"- {plain(f.lead)} {plain(f.rest)}" for f in findings(result)]
    return "\n".join(lines)
