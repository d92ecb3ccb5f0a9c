"""A short summary in Markdown, as a comment on a pull request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import accumulate

from ...audit.result import AuditResult, GateResult
from ..page.differences import difference_lines
from ..page.findings import findings
from ..slices.gate_tables import GateRow, gate_rows
from ..tasks import telling
from ..variants.ladder_table import Entry, Ladder, Step, ladder
from ..variants.release import release
from ..words.formats import count
from ..words.gates_together import gates_together
from ..words.judged_by import judged_by
from ..words.lookup import binding_gates, in_own_words
from ..words.severity import severity
from ..words.spoken import Given, verdict_words, visible
from ..words.translated import translated
from .opening import opening

LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536 at most."""
LONGEST_LINE = 4_000
MOST_STEPS = 50
"""Variants that the ladder has room for."""
MOST_IDS = 5
"""Ids of items that turn."""
MOST_ROWS = 600
"""Gates that a comment can have room for."""
BEHIND = 500
"""Characters kept for what follows the gates."""

# What Markdown gives a meaning to in the middle of a line, and the dot that makes www. an address.
_MEANING = re.compile(r"[\\`*_\[\]()<>#|~&@$:/]|(?<=www)\.", re.IGNORECASE)

# GitHub looks for mentions and issue numbers after it has resolved character references; a
# zero-width space behind the sign is what stops it.
_BROKEN = {"@": "&#64;&#8203;", "#": "&#35;&#8203;"}


@in_own_words
def render_markdown(result: AuditResult) -> str:
    """Render verdict, recommendation, findings, ladder and binding gates.

    The first line is a comment that a reader does not see: by it a later run of the same audit finds its
    earlier comment on a pull request, to write that anew. Variants and gates that no comment has room for are
    counted; the gates are then those with the worst verdicts.
    """
    lines = [
        marker(result.audit),
        f"## {verdict_words(result.verdict)}: {given(result.title)}",
        "",
        *_opening(result),
        f"{given(result.data.title)}, {count(result.data.rows)} rows"
        + (". **Synthetic data**: planted bias, no real people." if result.data.synthetic else "."),
        "",
    ]
    lines += [line for told in judged_by(result) for line in (sentence(told), "")]
    lines += [line for told in result.data.own_warnings for line in (f"**{sentence(translated(told))}**", "")]
    advice = release(result)
    if advice is not None:
        lines += [f"**{sentence(advice.lead)}** " + " ".join(map(sentence, advice.rest)), ""]
    if result.differences:
        lines += [*(f"- {sentence(line)}" for line in difference_lines(result)), ""]
    for number, finding in enumerate(findings(result), start=1):
        lines.append(f"{number}. **{sentence(finding.lead)}** {sentence(finding.rest)}")
    if lines[-1]:
        lines.append("")
    steps = ladder(result)
    if steps is not None:
        lines += [*_ladder_lines(steps), ""]
    turned = _turned_lines(result)
    lines += [*turned, ""] if turned else []
    gates = binding_gates(result)
    if gates:
        lines += [
            "| Gate | Slices | Limit | Measured | Decision limits | Verdict | Rows needed |",
            "|---|---|---|--:|---|---|--:|",
        ]
        lines += _gate_lines(gates, result, LONGEST - BEHIND - sum(len(_cut(line)) + 1 for line in lines))
        lines.append("")
        together = gates_together(result)
        lines += [sentence(together), ""] if together else []
    lines.append(f"fairweigh {given(result.environment.fairweigh)}. All figures: annex.html, audit.json.")
    return _fitting(lines)


def _opening(result: AuditResult) -> list[str]:
    first, *more = map(sentence, opening(result))
    return [line for told in (f"**{first}**", *more) for line in (told, "")]


def marker(audit: str) -> str:
    """Return the hidden line by which the comment of an audit is found again."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", audit).strip("-.")
    return f"<!-- fairweigh:{name}:{hashlib.sha256(audit.encode()).hexdigest()[:12]} -->"


def _gate_lines(gates: list[GateResult], result: AuditResult, room: int) -> list[str]:
    """The rows of the gates table: all of them, or the worst that there is room for."""
    rows = _rows(gates, result) if len(gates) <= MOST_ROWS else []
    if rows and sum(map(len, rows)) + len(rows) <= room:
        return rows
    rows = _rows(sorted(gates, key=severity)[:MOST_ROWS], result)
    ends = accumulate(len(row) + 1 for row in rows)
    kept = [row for row, end in zip(rows, ends, strict=True) if end <= room]
    return [*kept, "", f"{len(gates) - len(kept)} more gates stand in the report."]


def _rows(gates: list[GateResult], result: AuditResult) -> list[str]:
    several = len(result.variants) > 1
    return [_cut(_gate_line(row, several=several)) for row in gate_rows(gates, result)]


def _fitting(lines: list[str]) -> str:
    text = "\n".join(map(_cut, lines)) + "\n"
    if len(text) <= LONGEST:
        return text
    rest = "\n\nThe rest stands in the report.\n"
    return text[: LONGEST - len(rest)].rpartition("\n")[0] + rest


def _cut(line: str) -> str:
    """Keep a line of names without end from taking the room of all others."""
    return line if len(line) <= LONGEST_LINE else re.sub(r"&[#\d]*$", "", line[:LONGEST_LINE]) + "..."


def _ladder_lines(steps: Ladder) -> list[str]:
    heads = ["Variant", *map(given, steps.heads), *["Verdict"] * steps.judged]
    rule = ["---", *["--:"] * len(steps.heads), *["---"] * steps.judged]
    shown = [_ladder_line(step, steps) for step in steps.steps[:MOST_STEPS]]
    more = len(steps.steps) - len(shown)
    aside = ["", f"{more} more variants stand in the report."] if more else []
    return [_line(heads), "|" + "|".join(rule) + "|", *shown, *aside]


def _ladder_line(step: Step, steps: Ladder) -> str:
    name = given(step.name)
    if step.failed:
        said = "not scored" if step.unscored else "not made"
        return _line([name, f"{said}: {given(step.failed)}", *[""] * (len(steps.heads) - 1 + steps.judged)])
    recommended = any(mark.startswith("★") for mark in step.marks)
    name = f"**{name}**" if recommended else name
    marks = f" ({', '.join(step.marks)})" if step.marks else ""
    verdict = [f"**{verdict_words(step.verdict)}**" if step.verdict else ""] * steps.judged
    return _line([name + marks, *map(_entry, step.cells), *verdict])


def _turned_lines(result: AuditResult) -> list[str]:
    """How many items a variant turns, and a few of their ids; what they say is not repeated."""
    out = []
    for item in [one for one in result.comparisons if one.turned is not None][:MOST_STEPS]:
        assert item.turned is not None
        sides = zip(
            telling(result).turns(item.turned), (item.turned.ids_into, item.turned.ids_out_of), strict=True
        )
        told = [
            sentence(words) + (f" (such as {', '.join(map(given, ids[:MOST_IDS]))})" if ids else "")
            for words, ids in sides
        ]
        out.append(f"- {given(item.after)}: {'; '.join(told)}.")
    return out


def _entry(entry: Entry) -> str:
    """A figure and the first line under it, which is its interval or its change."""
    return entry.text + (f" ({sentence(entry.under[0])})" if entry.under else "")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _gate_line(row: GateRow, *, several: bool) -> str:
    cells = [
        (f"{given(row.variant)}: " if several else "") + sentence(row.title),
        sentence(row.head.slices) + (f" ({sentence(row.aside)})" if row.aside else ""),
        sentence(row.limit),
        row.head.measured,
        row.head.limits,
        f"**{row.head.words}**",
        row.head.needed.cell + (f" ({row.head.needed.under})" if row.head.needed.under else ""),
    ]
    return _line(cells)


def sentence(pieces: Iterable[str]) -> str:
    """Join a sentence; what comes from the data shows as text."""
    return "".join(given(piece) if isinstance(piece, Given) else piece for piece in pieces)


def given(text: str) -> str:
    """Escape text of the data so that Markdown shows it as it is."""
    return _MEANING.sub(lambda found: _BROKEN.get(found[0], f"&#{ord(found[0])};"), visible(text))
