"""What a reviewer who signs reads beside the figures: who stands in the data, who set which limit and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...audit.result import AuditResult, GateResult, SliceResult, Variant
from ..slices.tables import Cell, Notes, Row, Table, metric_cell
from ..tasks import telling
from ..words import order
from ..words.formats import UNDEFINED, count, figure
from ..words.language import Sentence, later, say, tr
from ..words.lookup import binding_gates
from ..words.spoken import Given, features_name, gate_limit_words, gate_title, slice_name, title_of
from ..words.translated import titled

MOST_SLICES = 100
"""Slices of one set of features in the composition; more are told to stand in audit.json."""

_SHARE = later("share of positive labels, with its interval")


@dataclass(frozen=True)
class Composition:
    """The slices of one set of features: how many rows each holds, their share and base rate."""

    title: Sentence
    crossed: bool
    table: Table
    left: int


def compositions(result: AuditResult, variant: Variant) -> list[Composition]:
    """Lay out who stands in the data: single features first, then their crossings."""
    return [_composition(by, result, variant) for by in order.feature_sets(result, variant)]


def _composition(by: tuple[str, ...], result: AuditResult, variant: Variant) -> Composition:
    rows = order.slices_by(variant, by)
    notes = Notes()
    known = result.definitions
    share_of = next((m for m in variant.overall if m in known and known[m].of_labels), None)
    counted = share_of is None and variant.counts.positives is not None
    heads = [(tr("Rows"), ""), (tr("Share"), tr("of all rows"))]
    if share_of is not None:
        shown = tr(_SHARE) if known[share_of].percent else str(titled(known[share_of].formula))
        heads.append((str(title_of(share_of, known)), shown))
    elif counted:
        head, explained = telling(result).positives
        heads.append((tr(head), tr(explained)))

    def cells(row: SliceResult) -> list[Cell]:
        share = figure(row.n / result.data.rows, "percent") if result.data.rows else UNDEFINED
        found = [Cell(count(row.n)), Cell(share)]
        if share_of is not None:
            found.append(metric_cell(share_of, row.metrics, result, notes))
        elif counted:
            found.append(Cell(count(row.counts.positives)))
        return found

    lines = [
        Row(
            slice_name(row.slice, short=True),
            cells(row),
            small=row.status == "small",
            unknown=row.unknown,
        )
        for row in rows[:MOST_SLICES]
    ]
    table = Table(heads, lines, notes)
    return Composition(features_name(by), len(by) > 1, table, max(len(rows) - MOST_SLICES, 0))


@dataclass(frozen=True)
class LimitRow:
    """A limit, who set it, and why this metric and this limit; in the words of the configuration."""

    gate: Sentence
    limit: Sentence
    set_by: Sentence
    reason: Sentence


def limits(result: AuditResult) -> list[LimitRow]:
    """List the limits of the policy, each once however many variants it is judged on."""
    rows: dict[tuple[object, ...], LimitRow] = {}
    for gate in [*binding_gates(result), *result.gates]:
        key = (gate.id, gate.metric, tuple(gate.by), gate.compare, gate.limit)
        rows.setdefault(key, _limit(gate, result))
    return list(rows.values())


def _limit(gate: GateResult, result: AuditResult) -> LimitRow:
    return LimitRow(
        gate_title(gate, result.definitions),
        gate_limit_words(gate, result.definitions),
        _stated(gate.set_by),
        _stated(gate.reason),
    )


def _stated(text: str | None) -> Sentence:
    return (Given(text),) if text else say("not stated")


def signed_files(result: AuditResult) -> Iterator[tuple[str, Sentence]]:
    """Say what MANIFEST.json holds of the run, which is what is signed."""
    yield tr("Data"), (Given(result.data.sha256),)
    if result.configuration_sha256:
        yield tr("Configuration"), (result.configuration_sha256,)
    for variant in result.variants:
        sha256 = variant.model.sha256 or (variant.recipe.sha256 if variant.recipe else None)
        if sha256:
            yield tr("Model {variant}", variant=Given(variant.name)), (Given(str(sha256)),)
