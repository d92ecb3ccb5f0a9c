"""What the data cannot decide: open gates, slices too small to judge, what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from ...audit.result import RELEASE, AuditResult, Coverage, GateResult
from ..tasks import telling
from ..words.formats import count
from ..words.language import Sentence, say, say_n, series
from ..words.lookup import binding_gates, has_labels
from ..words.rows_needed import rows_needed
from ..words.spoken import Given, compared_slices, features_name, gate_title, of_each, of_view
from ..words.translated import translated

MOST_GATES, MOST_FEATURES = 2, 3


def undecided(result: AuditResult) -> list[Sentence]:
    """List what the data leave open, what a decision would need first; empty when nothing is left open."""
    labelled = result.data.label or (not telling(result).plain and has_labels(result))
    # A task whose rows have no label by what they are leaves nothing open.
    labels = (
        []
        if labelled or not telling(result).outcome
        else [say("No labels: who is decided wrongly stays open.")]
    )
    return [*_gates(result), *labels, *_slices(result)]


def _gates(result: AuditResult) -> list[Sentence]:
    gates = [g for g in binding_gates(result) if g.verdict == "inconclusive"]
    told = [_gate(gate, result) for gate in gates[:MOST_GATES]]
    more = len(gates) - MOST_GATES
    if more > 0:
        told.append(say_n("{n} more gate is open.", "{n} more gates are open.", more, n=count(more)))
    return told


def _gate(gate: GateResult, result: AuditResult) -> Sentence:
    if gate.metric == RELEASE:
        return say(
            "Whether a variant may be released: the nearest, {variant}, may keep or break some limit.",
            variant=Given(gate.variant),
        )
    title = gate_title(gate, result.definitions)
    slices = of_view(compared_slices(gate.slice, gate.reference), gate.view if of_each(gate) else None)
    if gate.rows_needed is None and not gate.at_no_size:
        return say("{gate}, {slices}: {why}", gate=title, slices=slices, why=translated(gate.why))
    if gate.needed_of is not None:
        return say(
            "{gate}, {slices}. Needed: {needed}.", gate=title, slices=slices, needed=rows_needed(gate).words
        )
    return say(
        "{gate}, {slices}. Rows needed: {needed}. There are {n}.",
        gate=title, slices=slices, needed=rows_needed(gate).words, n=count(result.data.rows),
    )  # fmt: skip


def _slices(result: AuditResult) -> list[Sentence]:
    """Tell of slices that are shown and not judged, one line per set of features."""
    least = count(result.configuration.get("slices", {}).get("min_size"))
    found = [(item, parts) for item in result.coverage if (parts := list(_parts(item, least)))]
    told = [
        say("{features}: {parts}.", features=features_name(item.by), parts=series(parts))
        for item, parts in found[:MOST_FEATURES]
    ]
    more = len(found) - MOST_FEATURES
    if more > 0:
        told.append(
            say_n("{n} more crossing of features likewise.", "{n} more crossings of features likewise.", more,
                  n=count(more))
        )  # fmt: skip
    return told


def _parts(item: Coverage, least: str) -> Iterator[Sentence]:
    if item.small:
        yield say_n(
            "{n} slice of fewer than {least} rows ({rows} in all), not judged",
            "{n} slices of fewer than {least} rows ({rows} in all), not judged",
            item.small, n=count(item.small), least=least, rows=count(item.small_rows),
        )  # fmt: skip
    if item.unknown:
        yield say_n(
            "value missing in {n} row, not judged",
            "value missing in {n} rows, not judged",
            item.unknown_rows, n=count(item.unknown_rows),
        )  # fmt: skip
    if item.undefined:
        yield say_n("{n} figure undefined", "{n} figures undefined", item.undefined, n=count(item.undefined))
