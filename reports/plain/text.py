"""A result in a few plain lines, for the terminal."""

from __future__ import annotations

from ...audit.result import AuditResult
from ..page.differences import difference_lines
from ..page.findings import findings
from ..slices.gate_tables import gate_rows
from ..slices.twins import twin_rows
from ..variants.ladder_table import Step, ladder
from ..variants.release import release
from ..words.gates_together import gates_together
from ..words.judged_by import judged_by
from ..words.lookup import binding_gates, in_own_words
from ..words.spoken import plain, verdict_words, visible
from ..words.translated import translated
from .opening import opening


@in_own_words
def render_text(result: AuditResult) -> str:
    """Render verdict, recommendation, ladder, binding gates and findings."""
    first, *more = map(plain, opening(result))
    lines = [f"{verdict_words(result.verdict)}: {visible(result.title)}. {first}", *more]
    lines += [plain(line) for line in judged_by(result)]
    advice = release(result)
    if advice is not None:
        lines.append(" ".join(plain(part) for part in (advice.lead, *advice.rest)))
    lines += [f"  {plain(line)}" for line in difference_lines(result)]
    steps = ladder(result)
    if steps is not None:
        lines += [_ladder_line(step, steps.heads) for step in steps.steps]
    for row in gate_rows(binding_gates(result), result):
        named = f"{visible(row.variant)}: " if len(result.variants) > 1 else ""
        parts = [named + plain(row.title), plain(row.head.slices), plain(row.limit)]
        needed = f"; {row.head.rows}" if row.head.rows else ""
        aside = f"; {plain(row.aside)}" if row.aside else ""
        told = f"{row.head.figures}{needed}{aside}"
        lines.append(f"  {row.head.words}  {', '.join(p for p in parts if p)}: {told}")
    together = gates_together(result)
    lines += [plain(together)] if together else []
    lines += [f"- {plain(f.lead)} {plain(f.rest)}" for f in findings(result)]
    rows_told = [*map(translated, result.data.own_warnings), twin_rows(result)]
    lines += [f"- {plain(line)}" for line in rows_told if line]
    return "\n".join(lines)


def _ladder_line(step: Step, heads: list[str]) -> str:
    name = visible(step.name) + "".join(f" [{mark}]" for mark in step.marks)
    if step.failed:
        return f"  {name}: {'not scored' if step.unscored else 'not made'}: {visible(step.failed)}"
    cells = [f"{visible(head)} {cell.text}" for head, cell in zip(heads, step.cells, strict=True)]
    words = [verdict_words(step.verdict)] if step.verdict else []
    return f"  {name}: {', '.join([*cells, *words])}"
