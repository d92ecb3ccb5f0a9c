"""The rows of the gates table, which all renderers print."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Decided, GateResult, GateSlice
from ..words.decision_limits import decided_figures, limits_beside
from ..words.formats import UNDEFINED, count
from ..words.language import say, say_n, series, tr
from ..words.rows_needed import RowsNeeded, rows_needed
from ..words.spoken import (
    Sentence,
    compared_slices,
    fails_by_inverse,
    gate_limit_words,
    gate_title,
    of_each,
    of_view,
    plain,
    slice_name,
    verdict_words,
)
from ..words.translated import translated

MOST_ASIDE = 3
"""Slices left out that an output of one line per gate names."""


@dataclass(frozen=True)
class GateLine:
    """A gate, or what it found for one slice, as the gates table prints it."""

    slices: Sentence
    measured: str
    limits: str
    verdict: str
    words: str
    needed: RowsNeeded
    why: Sentence
    n: str = ""

    @property
    def figures(self) -> str:
        """What was measured and what decides, in plain text."""
        decided = "" if self.limits == UNDEFINED else f"; {self.limits}"
        return f"measured {self.measured}{decided}"

    @property
    def rows(self) -> str:
        """The rows that would decide, in plain text; empty where nothing is open."""
        return f"rows needed: {plain(self.needed.words)}" if self.needed.words else ""


@dataclass(frozen=True)
class GateRow:
    """A gate with its title, limit, decided line and the lines of its slices.

    ``classes``: how many classes the lines are of, where they are of several; else 0.
    """

    id: str
    title: Sentence
    limit: Sentence
    decide: str
    variant: str
    by_inverse: bool
    head: GateLine
    lines: list[GateLine]
    left_out: list[Sentence]
    classes: int = 0

    @property
    def aside(self) -> Sentence:
        """The slices left out in few words, for outputs of one line per gate; empty where there is none."""
        if not self.left_out:
            return ()
        shown = self.left_out[:MOST_ASIDE]
        more = len(self.left_out) - len(shown)
        told = series([*shown, *([say("{n} more", n=count(more))] if more else [])])
        return say("left out: {slices}", slices=told)


def gate_rows(gates: list[GateResult], result: AuditResult) -> list[GateRow]:
    """Lay out gates in the policy's order."""
    return [_gate_row(gate, result) for gate in gates]


def _gate_row(gate: GateResult, result: AuditResult) -> GateRow:
    whole = gate.compare == "cost"
    slices = say("whole model") if whole else compared_slices(gate.slice, gate.reference)
    views = of_each(gate)
    return GateRow(
        gate.id,
        gate_title(gate, result.definitions),
        gate_limit_words(gate, result.definitions),
        tr("its limits decide") if gate.decide == "proven" else tr("the measured value decides"),
        gate.variant,
        fails_by_inverse(gate),
        _line(gate, gate, of_view(slices, gate.view if views and gate.slices else None), result),
        [_line(gate, part, _judged(part, views), result, count(part.n)) for part in gate.slices],
        _left_out(gate),
        len({part.view for part in gate.slices}) if views else 0,
    )


def _line(gate: GateResult, part: Decided, slices: Sentence, result: AuditResult, n: str = "") -> GateLine:
    found = decided_figures(gate, part, result)
    return GateLine(
        slices,
        found.measured,
        limits_beside(gate, part, found),
        part.verdict,
        verdict_words(part.verdict),
        rows_needed(part),
        translated(part.why) if part.why else (),
        n,
    )


def _judged(part: GateSlice, views: bool) -> Sentence:
    return of_view(compared_slices(part.slice, part.reference), part.view if views else None)


def _left_out(gate: GateResult) -> list[Sentence]:
    """Name the slices that a gate leaves out, with the rows that its metric counts among, where known."""
    if of_each(gate):
        # Each class leaves out those that hold few of its own rows.
        return list(dict.fromkeys(slice_name(part) for part in gate.left_out))
    names = [slice_name(part) for part in gate.left_out]
    if len(gate.left_out_sizes) != len(names):
        return names
    return [
        say_n("{slice} ({n} effective row)", "{slice} ({n} effective rows)", size, slice=name, n=count(size))
        for name, size in zip(names, gate.left_out_sizes, strict=True)
    ]
