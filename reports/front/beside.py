"""Gates that have no cell in the matrix of the front page, each in one line beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...audit.result import GateResult, RunVerdict
from ..slices.gate_tables import GateRow
from ..words.language import Sentence, say
from ..words.spoken import of_each, of_view, slice_name
from .looked_up import Told
from .matrix import Matrix

_ORDER: list[RunVerdict] = ["fail", "error", "inconclusive", "pass"]


@dataclass(frozen=True)
class Beside:
    """A gate: what it judges and of whom, what was measured, what is allowed."""

    title: Sentence
    measured: Sentence
    limit: Sentence
    verdict: str


def beside_the_matrix(told: Told, rows: Sequence[GateRow], drawn: Matrix | None) -> list[Beside]:
    """The gates of the variant that have no cell in the matrix, what does not pass first."""
    shown = drawn.gates if drawn is not None else set()
    known = {gate.id: gate for gate in told.gates if gate.id not in shown}
    mine = [row for row in rows if row.variant == told.variant.name and row.id in known]
    mine.sort(key=lambda row: _ORDER.index(known[row.id].verdict))
    return [_beside(row, known[row.id]) for row in mine]


def _beside(row: GateRow, gate: GateResult) -> Beside:
    title = row.title
    if gate.slice:
        # The figure is that of one slice, or of two, not of the feature.
        part = slice_name(gate.slice, short=True)
        if gate.reference:
            reference = slice_name(gate.reference, short=True)
            part = say("{slice} against {reference}", slice=part, reference=reference)
        part = of_view(part, gate.view if of_each(gate) else None)
        title = say("{metric}, {slice}", metric=title, slice=part)
    figure: Sentence = (row.head.measured,)
    if gate.compare == "change":
        figure = say("change {size}", size=row.head.measured)
    return Beside(title, figure, row.limit, row.head.verdict)
