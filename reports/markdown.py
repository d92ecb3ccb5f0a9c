"""A short summary in Markdown, as a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..audit.result import AuditResult
from .findings import findings
from .formats import count
from .gate_tables import GateRow, gate_rows
from .words import Given, verdict_reason, verdict_words, visible

# What Markdown gives a meaning to in the middle of a line, and the dot that makes www. an address.
_MEANING = re.compile(r"[\\`*_\[\]()<>#|~&@$:/]|(?<=www)\.", re.IGNORECASE)

# GitHub looks for mentions and issue numbers after it has resolved character references; a
# zero-width space behind the sign is what stops it.
_BROKEN = {"@": "&#64;&#8203;", "#": "&#35;&#8203;"}


def render_markdown(result: AuditResult) -> str:
    """Render verdict, findings and gates."""
    lines = [
        f"## {verdict_words(result.verdict)}: {given(result.title)}",
        "",
        verdict_reason(result),
        "",
        f"{given(result.data.title)}, {count(result.data.rows)} rows"
        + (". **Synthetic data**: planted bias, no real people." if result.data.synthetic else "."),
        "",
    ]
    for number, finding in enumerate(findings(result), start=1):
        lines.append(f"{number}. **{sentence(finding.lead)}** {sentence(finding.rest)}")
    if lines[-1]:
        lines.append("")
    if result.gates:
        lines += [
            "| Gate | Slices | Limit | Measured | Interval | Verdict | Rows needed |",
            "|---|---|---|--:|--:|---|--:|",
        ]
        lines += [_gate_line(row) for row in gate_rows(result)]
        lines.append("")
    lines.append(f"fairweigh {given(result.environment.fairweigh)}. All figures: report.html, audit.json.")
    return "\n".join(lines) + "\n"


def _gate_line(row: GateRow) -> str:
    cells = [
        sentence(row.title),
        sentence(row.head.slices),
        sentence(row.limit),
        row.head.measured,
        row.head.interval,
        f"**{row.head.words}**",
        row.head.rows_needed,
    ]
    return "| " + " | ".join(cells) + " |"


def sentence(pieces: Iterable[str]) -> str:
    """Join a sentence; what comes from the data shows as text."""
    return "".join(given(piece) if isinstance(piece, Given) else piece for piece in pieces)


def given(text: str) -> str:
    """Escape text of the data so that Markdown shows it as it is."""
    return _MEANING.sub(lambda found: _BROKEN.get(found[0], f"&#{ord(found[0])};"), visible(text))
