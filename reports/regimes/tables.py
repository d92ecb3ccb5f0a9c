"""What the documentation regimes lay out of a run: its groups, its gaps, its gates, its variants."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Definition
from ..page.sections import Section, feature_sections
from ..slices.gate_tables import GateRow, gate_rows
from ..slices.tables import Cell, Row, Table, overall_rows
from ..variants.ladder_table import ladder
from ..words.language import Sentence, say, tr
from ..words.lookup import variant_named
from ..words.spoken import Given, plain, verdict_words


@dataclass(frozen=True)
class Documented:
    """The parts of a run that a documentation quotes.

    ``ladder``: the variants side by side; None for a run of one model.
    """

    overall: Table
    groups: list[Section]
    gates: list[GateRow]
    ladder: Table | None
    metrics: list[Definition]


def documented(result: AuditResult, name: str) -> Documented:
    """Lay out what is told of one variant of a run."""
    variant = variant_named(result, name)
    assert variant is not None, "the audit checked the name"
    gates = [gate for gate in result.gates if gate.variant == name]
    return Documented(
        overall=overall_rows(result, variant),
        groups=feature_sections(result, variant, charts=False),
        gates=gate_rows(gates, result),
        ladder=_ladder(result),
        metrics=[
            definition for metric, definition in result.definitions.items() if metric in variant.overall
        ],
    )


def _ladder(result: AuditResult) -> Table | None:
    steps = ladder(result)
    if steps is None:
        return None
    lines = []
    for step in steps.steps:
        marks = "".join(f" [{mark}]" for mark in step.marks)
        if step.failed:
            lines.append(
                Row(
                    (Given(step.name), marks),
                    [Cell(tr("not scored") if step.unscored else tr("not made"))]
                    + [Cell("")] * len(steps.heads),
                )
            )
            continue
        cells = [Cell(entry.text, plain(entry.under[0]) if entry.under else "") for entry in step.cells]
        verdict = verdict_words(step.verdict) if step.verdict else ""
        lines.append(Row((Given(step.name), marks), [*cells, Cell(verdict)]))
    return Table([*((head, "") for head in steps.heads), (tr("Verdict"), "")], lines)


def said(text: str | None) -> Sentence:
    """What an input says; that nothing was said, where it was left out."""
    return (Given(text),) if text else say("Not stated.")
